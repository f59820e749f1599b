# SPDX-License-Identifier: Apache-2.0
"""Why a bundle's library or program does not start here: dlopen's and exec's words, and the way out of each."""

import os
import re
import struct
from pathlib import Path

from .errors import BundleError

MACHINES = {3: "x86 (32-bit)", 40: "32-bit Arm", 62: "x86_64", 183: "aarch64", 243: "RISC-V"}
"""ELF's e_machine."""
OWN_PROGRAM = Path("/proc/self/exe")
ELF_HEADER, PROGRAM_HEADER = struct.Struct("<4xBB10xHH12xQ14xHH"), struct.Struct("<4x4xQ16xQ")
"""Of 64 bits: class, byte order, type, machine, where program headers are, their size and count; offset and size of a
segment in the file."""
COPY = "copy the bundle again"
RUNNER_INSTEAD = "use bin/biisnet-run, which needs none"
# What the C library says -> what it means. The first that is found.
REASONS = (
    (r"version .?(GLIBC_[\d.]+)", rf"needs \1, this machine's C library is older; {RUNNER_INSTEAD}"),
    (r"undefined symbol: (\w+)", r"lacks \1, it is no library of this version's; compile the model again"),
    (r"(?:^|: )([\w.+-]+\.so[\w.]*): cannot open shared object", rf"needs \1, which is not here; {RUNNER_INSTEAD}"),
    (r"loading shared library (\S+):", rf"needs \1, which is not here; {RUNNER_INSTEAD}"),  # musl's words
    (r"[Cc]annot allocate memory", "there is too little memory for it; end other programs"),
    (r"Operation not permitted|Permission denied", "the system does not let it be run (SELinux, say); see its log"),
    (r"file too short|invalid ELF header|[Ii]nput/output error", f"it is damaged; {COPY}"),
)


def check_library(path: Path) -> None:
    """Raise BundleError where a file is no whole ELF library of this process's kind: the linker would crash, or say
    that it is not there."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); {COPY}") from error
    own = own_header()
    if len(data) < ELF_HEADER.size or not data.startswith(b"\x7fELF"):
        raise BundleError(f"{path}: is no library; {COPY}")
    wide, order, _, machine, headers, size, count = ELF_HEADER.unpack_from(data)
    if len(own) == ELF_HEADER.size and own[4] != wide:
        raise BundleError(
            f"{path}: has {32 * wide} bits, this Python has {32 * own[4]}; use one of {32 * wide} bits, or "
            "bin/biisnet-run, which needs none"
        )
    mine = int.from_bytes(own[18:20], "little") if own else machine
    if machine != mine or order != 1:
        kinds = (MACHINES.get(n, f"machine {n}") for n in (machine, mine))
        raise BundleError("{}: is for {}, this is {}; compile for this machine".format(path, *kinds))
    for n in range(count):
        at = headers + n * size
        if at + PROGRAM_HEADER.size > len(data) or sum(PROGRAM_HEADER.unpack_from(data, at)) > len(data):
            raise BundleError(f"{path}: is truncated; {COPY}")  # SIGBUS where its end would be


def own_header() -> bytes:
    """The ELF header of the program that runs this; empty where the system does not show it."""
    try:
        with OWN_PROGRAM.open("rb") as file:
            return file.read(ELF_HEADER.size)
    except OSError:
        return b""


def why_not_loaded(path: Path, said: str) -> str:
    """The way out of what dlopen said of a whole library."""
    if on_noexec(path):
        return noexec(path)
    for pattern, words in REASONS:
        if match := re.search(pattern, said):
            return f"{path}: cannot be loaded: {match.expand(words)}"
    return f"{path}: cannot be loaded ({said}); {COPY}, or compile the model again"


def why_not_started(path: Path, error: OSError) -> str:
    """The way out of what exec said of a bundle's program."""
    if isinstance(error, PermissionError):
        if on_noexec(path):
            return noexec(path)
        return f"{path}: is not executable; chmod +x it, or {COPY}: its tar keeps that"
    return f"{path}: cannot be started ({error.strerror})"


def on_noexec(path: Path) -> bool:
    """Whether the disk that a file is on runs no programs."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_NOEXEC)
    except OSError:
        return False


def noexec(path: Path) -> str:
    """The words for that."""
    return (
        f"{path}: its disk is mounted noexec; put the bundle on another (for a tar, which is unpacked to the temporary "
        "folder: set TMPDIR)"
    )
