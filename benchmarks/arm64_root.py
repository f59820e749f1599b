# SPDX-License-Identifier: Apache-2.0
"""An arm64 Debian userland with Python 3.11 and the peers' aarch64 wheels, for the emulator.

Needs no chroot and no binfmt: qemu looks up the interpreter's libraries below the folder. Making one takes some
minutes, root, debootstrap and unzip; `--arm64-root` keeps it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

PYTHON = "usr/bin/python3.11"
SITE = "site"
SUITE = "bookworm"
DEBIAN = "python3,libstdc++6,libgomp1"
ONNXRUNTIME = "1.22.1"
"""The newest that runs under qemu-user 7.2."""
PLATFORMS = ("2014", "_2_17", "_2_24", "_2_27", "_2_28")


class Arm64Error(RuntimeError):
    """The userland cannot be made; one line."""


@dataclass
class Arm64Root:
    """The userland in `folder`, made when it is first asked for."""

    folder: Path
    failure: str | None = None

    def prepare(self) -> Path:
        """The folder, complete. Raises Arm64Error, the same each time."""
        if self.failure:
            raise Arm64Error(self.failure)
        try:
            if not (self.folder / PYTHON).exists():
                make_userland(self.folder)
            if not all((self.folder / SITE / name).is_dir() for name in ("onnxruntime", "tvm", "numpy")):
                install_wheels(self.folder, wheels())
        except Arm64Error as e:
            self.failure = str(e)
            raise
        return self.folder


def wheels() -> list[str]:
    """Packages of the userland's Python: the TVM of this Python, the last ONNX Runtime that the emulator can run."""
    tvm = [f"{name}=={version(name)}" for name in ("apache-tvm", "apache-tvm-ffi")]
    return [f"onnxruntime=={ONNXRUNTIME}", *tvm]


def make_userland(folder: Path) -> None:
    """Fetch and unpack Debian's packages; nothing of them is run. Raises Arm64Error."""
    if missing := [tool for tool in ("debootstrap", "dpkg", "unzip") if shutil.which(tool) is None]:
        raise Arm64Error(f"no arm64 userland: {', '.join(missing)} missing (apt-get install debootstrap unzip)")
    if os.geteuid():
        raise Arm64Error("no arm64 userland: debootstrap needs root; give one that is made with --arm64-root")
    include = ["--variant=minbase", f"--include={DEBIAN}"]
    run(["debootstrap", "--arch=arm64", "--foreign", *include, SUITE, str(folder)])
    for package in sorted((folder / "var/cache/apt/archives").glob("*.deb")):
        run(["dpkg", "-x", str(package), str(folder)])


def install_wheels(folder: Path, packages: Sequence[str]) -> None:
    """pip's aarch64 wheels, unpacked: this machine's pip cannot install for another. Raises Arm64Error."""
    platforms = [word for tag in PLATFORMS for word in ("--platform", f"manylinux{tag}_aarch64")]
    kind = ["--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp", *platforms]
    store = folder / "wheels"
    run([sys.executable, "-m", "pip", "download", "-q", *kind, "-d", str(store), *packages])
    for wheel in sorted(store.glob("*.whl")):
        run(["unzip", "-qo", str(wheel), "-d", str(folder / SITE)])


def run(command: list[str]) -> None:
    """A command that must succeed. Raises Arm64Error."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "?").splitlines()
        raise Arm64Error(f"no arm64 userland: {command[0]} failed: {lines[-1][:200]}")
