# SPDX-License-Identifier: Apache-2.0
"""A bundle's tar -> a directory of plain files."""

import tarfile
from pathlib import Path, PurePosixPath

from .errors import BundleError

MAX_BYTES = 1 << 28
MAX_MEMBERS = 1000
MALFORMED = (tarfile.TarError, EOFError, MemoryError, OSError, RecursionError, ValueError)
"""What tarfile raises for damaged headers: sizes that are no offsets, names that are no text, headers of headers."""


def _member_path(archive: Path, member: tarfile.TarInfo) -> PurePosixPath:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise BundleError(f"{archive}: member {member.name!r} leaves the archive; do not use this file")
    if not member.isfile() and not member.isdir():
        raise BundleError(f"{archive}: member {member.name!r} is a link or device; pack the bundle again")
    if member.issparse() or member.size < 0:  # sizes that the archive's own does not bound
        raise BundleError(f"{archive}: member {member.name!r} has no size that can be; do not use this file")
    return path


def extract(archive: Path, directory: Path) -> Path:
    """Unpacks the archive and returns the folder that holds its manifest: `directory` or its only subfolder.

    Takes over contents and the execute bit, no owners, other modes or times; a compressed one is none, so that no
    decompressor is fed what comes from outside. Raises BundleError.
    """
    total = 0
    try:
        opened = tarfile.open(archive, "r:")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise BundleError(f"{archive}: cannot be read ({error.strerror}); give another file") from error
    except MALFORMED:
        raise BundleError(f"{archive}: not a bundle's folder or tar; give what biisnet-compile wrote") from None
    try:
        with opened as tar:
            for count, member in enumerate(tar):
                path = _member_path(archive, member)
                total += member.size
                if total > MAX_BYTES or count >= MAX_MEMBERS:
                    raise BundleError(f"{archive}: unpacks to more than a bundle has; do not use it")
                target = directory / path
                if member.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                content = tar.extractfile(member)
                assert content is not None  # it is a regular file
                target.write_bytes(content.read())
                target.chmod(0o755 if member.mode & 0o100 else 0o644)
    except BundleError:
        raise
    except MALFORMED as error:
        raise BundleError(f"{archive}: cannot be unpacked ({error}); copy it again") from error
    if (directory / "manifest.json").is_file():
        return directory
    folders = [entry for entry in directory.iterdir() if entry.is_dir()]
    return folders[0] if len(folders) == 1 else directory
