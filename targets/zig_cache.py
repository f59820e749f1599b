# SPDX-License-Identifier: Apache-2.0
"""Where zig keeps what it has built, its C libraries above all: looked at before a compilation.

zig itself says only at its end that it has no place ("AppDataDirUnavailable").
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "ZIG_GLOBAL_CACHE_DIR"


@dataclass(frozen=True)
class Cache:
    """A folder that can be written; `instead` says of which one that could not, and is empty for zig's own."""

    folder: Path
    instead: str = ""


class CacheError(RuntimeError):
    """No folder for zig's cache; one line."""


def find_cache() -> Cache:
    """zig's own cache where it can be written, else one in the temporary folder, of this user alone.

    zig's order: ZIG_GLOBAL_CACHE_DIR, XDG_CACHE_HOME, HOME. The first is somebody's word and has no substitute. The
    home folder is the system's where HOME is not set. Makes the folder. Raises CacheError.
    """
    if given := os.environ.get(VARIABLE):
        folder = Path(given).absolute()
        if why := why_unusable(folder):
            raise CacheError(f"{VARIABLE}={given}: cannot be written ({why}); give another folder, or unset it")
        return Cache(folder)
    unusable = []
    for folder in own_folders():
        if not (why := why_unusable(folder)):
            return Cache(folder)
        unusable.append(f"{folder} ({why})")
    instead = "; ".join(unusable) or "no home folder"
    try:
        folder = Path(tempfile.gettempdir()).absolute() / f"biisnet-zig-{os.getuid()}"
        why = why_unusable(folder, private=True)
    except OSError as e:
        folder, why = Path("/tmp"), e.strerror or str(e)
    if why:
        raise CacheError(
            f"zig has no place for its cache: {instead}; {folder} ({why}); set {VARIABLE} to a folder that can be "
            "written"
        )
    return Cache(folder, instead)


def own_folders() -> Iterator[Path]:
    """Where zig itself would look, but for a home folder that only the system's list of users knows."""
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    if xdg:
        yield Path(xdg).absolute() / "zig"
        return
    home = os.path.expanduser("~")
    if os.path.isabs(home):
        yield Path(home) / ".cache" / "zig"


def why_unusable(folder: Path, *, private: bool = False) -> str:
    """Why no file can be made in a folder, which is made where it is not there; empty where one can.

    With `private` it must be this user's alone: programs are linked with what is in it.
    """
    try:
        folder.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)
        if private:
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
                return "it is another user's"
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as e:
        return e.strerror or str(e)
