# SPDX-License-Identifier: Apache-2.0
"""Files and folders appear whole or not at all."""

from __future__ import annotations

import ctypes
import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write beside `path`, then move. Raises OSError, naming `path`, where it cannot be written."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
    except OSError as e:
        raise OSError(f"{path}: cannot be written: {e.strerror}") from e
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the new name with nothing in it
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException as e:  # Ctrl-C too
        with suppress(FileNotFoundError):  # moved just before
            os.unlink(name)
        if isinstance(e, OSError):
            raise OSError(f"{path}: cannot be written: {e.strerror}") from e
        raise


def unfinished(path: Path) -> list[Path]:
    """What `write_whole` has left beside `path` where it was killed."""
    return sorted(path.parent.glob(f".{path.name}.*"))


AT_FDCWD, RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


def swap(one: Path, other: Path) -> None:
    """Two folders take each other's place: in one step where the system has renameat2(2), else in three renames.

    Raises OSError.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 and not renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE):
        return
    between = Path(tempfile.mkdtemp(prefix=f".{other.name}.", dir=other.parent)) / "old"
    try:
        os.replace(other, between)
        try:
            os.replace(one, other)
        except OSError:
            os.replace(between, other)
            raise
    finally:
        if between.exists():
            os.replace(between, one)
        between.parent.rmdir()
