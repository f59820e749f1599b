# SPDX-License-Identifier: Apache-2.0
"""Where a bundle's programs run: this machine, the emulated device, a board."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ..targets.facts import SCRIPT, Facts, parse
from ..targets.ssh import Ssh
from ..targets.toolchain import ToolchainError


class Shell(Protocol):
    """Where a bundle's files are and its programs run."""

    def facts(self) -> Facts:
        """What the device says of itself."""

    def run(self, command: Sequence[str], cores: Sequence[int] = ()) -> str:
        """Standard output of a bundle's program, on some cores alone. Raises ToolchainError, BoardError."""


def pinned(command: Sequence[str], cores: Sequence[int]) -> list[str]:
    """A command on some cores alone; on all where none are named."""
    return [*(["taskset", "-c", ",".join(map(str, cores))] if cores else []), *command]


class Here:
    """This machine; `prefix` stands before the bundle's programs."""

    def __init__(self, prefix: Sequence[str | Path] = ()) -> None:
        self.prefix = [str(word) for word in prefix]

    def facts(self) -> Facts:
        """What it says of itself."""
        return parse(self._run(["sh", "-c", SCRIPT], "sh"))

    def run(self, command: Sequence[str], cores: Sequence[int] = ()) -> str:
        """Raises ToolchainError."""
        return self._run(pinned([*self.prefix, *command], cores), command[0])

    def _run(self, command: Sequence[str], name: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ToolchainError(f"{name}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
        return done.stdout


class There:
    """A board."""

    def __init__(self, ssh: Ssh) -> None:
        self.ssh = ssh

    def facts(self) -> Facts:
        """What it says of itself."""
        return parse(self.ssh.run(SCRIPT).decode("utf-8", "replace"))

    def run(self, command: Sequence[str], cores: Sequence[int] = ()) -> str:
        """Raises BoardError."""
        return self.ssh.run('exec "$@"', pinned(command, cores)).decode("utf-8", "replace")
