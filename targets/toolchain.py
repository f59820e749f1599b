# SPDX-License-Identifier: Apache-2.0
"""The C tool-chain: zig from PyPI, which compiles and links for every target without root or sysroot."""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .devices import Target


class ToolchainError(RuntimeError):
    """zig is missing or failed; one line."""


LITTLE_BYTES = 1 << 20
"""Less free space than a link takes."""


def zig(arguments: list[str | Path], folder: Path) -> None:
    """Run `zig` in `folder`, so that no path of this machine gets into what it writes. Raises ToolchainError."""
    if importlib.util.find_spec("ziglang") is None:
        raise ToolchainError("the cross tool-chain is missing: pip install '.[compile]' (package ziglang)")
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": "0"},
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        if not lines:  # so it ends where it cannot write
            full = shutil.disk_usage(folder).free < LITTLE_BYTES
            lines = [os.strerror(errno.ENOSPC) if full else f"it ended with {done.returncode} and said nothing"]
        raise ToolchainError(f"zig {arguments[0]} failed: {lines[0]}")


LIBCS = {"musl": ["-static"], "gnu": []}
"""What zig links against, and how: the runner against static musl, the library against glibc."""


def prepare(target: Target, folder: Path, libc: str) -> None:
    """Have zig build one of its C libraries for the target, which takes up to a minute the first time on a machine.

    Worth doing beside other work; what it makes stays in zig's own cache, for programs that are compiled with -Os as
    this one is. Raises ToolchainError.
    """
    (folder / "empty.c").write_text("int main(void) { return 0; }\n")
    jobs = (os.cpu_count() or 1) + 1  # zig counts its own thread, which mostly waits
    program = ["-OReleaseSmall", "-lc", "empty.c", "--name", "empty"]
    zig(["build-exe", f"-j{jobs}", *target.zig(libc), *LIBCS[libc], *program], folder)
