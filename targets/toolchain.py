# SPDX-License-Identifier: Apache-2.0
"""The C tool-chain: zig from PyPI, which compiles and links for every target without root or sysroot."""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from .devices import Target
from .zig_cache import VARIABLE, Cache, CacheError, find_cache


class ToolchainError(RuntimeError):
    """zig is missing or failed; one line."""


LITTLE_BYTES = 1 << 20
"""Less free space than a link takes."""


def check_cache(say: Callable[[str], None] | None = None) -> Cache:
    """zig's cache, which can be written; worth asking for before the work that zig comes after.

    `say` is told where it is, if not where zig would have it. Raises ToolchainError.
    """
    try:
        cache = find_cache()
    except CacheError as e:
        raise ToolchainError(str(e)) from e
    if say and cache.instead:
        say(f"note: no zig cache in {cache.instead}: it is in {cache.folder}, or where {VARIABLE} says")
    return cache


def find_zig() -> Path:
    """The package's program, which `python -m ziglang` does no more than start, at twice the time that most calls take.

    Raises ToolchainError.
    """
    spec = importlib.util.find_spec("ziglang")
    program = Path(spec.submodule_search_locations[0]) / "zig" if spec and spec.submodule_search_locations else None
    if program is None or not program.is_file():
        raise ToolchainError("the cross tool-chain is missing: pip install '.[compile]' (package ziglang)")
    return program


def zig(arguments: list[str | Path], folder: Path) -> str:
    """Run `zig` in `folder`, so that no path of this machine gets into what it writes; what it prints.

    Raises ToolchainError.
    """
    program = find_zig()
    cache = check_cache().folder
    done = subprocess.run(
        [program, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": "0", VARIABLE: str(cache)},
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        if not lines:  # so it ends where it cannot write
            full = [place for place in (folder, cache) if shutil.disk_usage(place).free < LITTLE_BYTES]
            lines = [f"it ended with {done.returncode} and said nothing"]
            if full:
                lines = [f"{full[0]}: {os.strerror(errno.ENOSPC)}"]
        raise ToolchainError(f"zig {arguments[0]} failed: {lines[0]}")
    return done.stdout


LIBCS = {"musl": ["-static"], "gnu": []}
"""C libraries that zig links against, and how: the runner against static musl, the library against glibc."""


def prepare(target: Target, folder: Path, libc: str) -> None:
    """Have zig build one of its C libraries for the target, which takes up to a minute the first time on a machine.

    Worth doing beside other work; what it makes stays in zig's own cache, for programs that are compiled with -Os as
    this one is. Raises ToolchainError.
    """
    (folder / "empty.c").write_text("int main(void) { return 0; }\n")
    jobs = (os.cpu_count() or 1) + 1  # zig counts its own thread, which mostly waits
    program = ["-OReleaseSmall", "-lc", "empty.c", "--name", "empty"]
    zig(["build-exe", f"-j{jobs}", *target.zig(libc), *LIBCS[libc], *program], folder)
