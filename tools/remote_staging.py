# SPDX-License-Identifier: Apache-2.0
"""A bundle's files on a board, beside the place where they are to be: all of them, or none that stay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..targets.ssh import BoardError, Ssh

# $1 folder. Prints the free KiB.
ROOM = r"""
set -e
mkdir -p "$1"
df -Pk "$1" | awk 'NR == 2 { print $4 }'
"""
# $1 folder, $2 name. What deployments have left half-way; not of the last hour, for it may be another's that goes on.
# What the name points to is asked for each time: another may have given it a new place meanwhile.
TIDY = r"""
for left in "$1/.$2.staged."?????? "$1/.$2.kept."??????; do
    [ -n "$(find "$left" -maxdepth 0 -mmin +60 2>/dev/null)" ] || continue
    now=$(readlink "$1/$2")
    [ "${left##*/}" = "${now%%/*}" ] || rm -rf "$left"
done
"""
# $1 folder, $2 name; the tar on standard input. Prints the staged folder. The line of tar's that names a full disk is
# the reason, else its first: a write that was cut short comes before.
UNPACK = r"""
set -e
umask 022
staged=$(mktemp -d "$1/.$2.staged.XXXXXX")
trap 'rm -rf "$staged"' HUP INT TERM
said=$(tar xf - -C "$staged" 2>&1) || {
    rm -rf "$staged"
    why=$(printf '%s\n' "$said" | grep -m 1 'space left\|quota') || why=$(printf '%s\n' "$said" | head -n 1)
    printf '%s\n' "$why" >&2
    exit 1
}
chmod 755 "$staged"
if ! [ -x "$staged/$2/bin/biisnet-run" ]; then
    rm -rf "$staged"
    echo "programs may not be run in $1 (a disk that is mounted noexec?); give a place where they may" >&2
    exit 1
fi
cd "$staged"
pwd
"""
REMOVE = 'rm -rf "$1"'
FOLDER = "biisnet"
"""Folder of bundles on a board, from the login's home."""


def name_of(path: Path) -> str:
    """Name of a bundle on a board."""
    return (path.name.removesuffix(".tar") if path.is_file() else path.resolve().name) or "bundle"


def tidy(ssh: Ssh, folder: str, name: str) -> None:
    """Remove what deployments of this name have left half-way. Raises BoardError."""
    ssh.run(TIDY, [folder, name])


def check_room(ssh: Ssh, folder: str, size: int) -> None:
    """Make the folder; raise BoardError where a tar of `size` bytes does not fit."""
    said = ssh.run(ROOM, [folder]).decode("utf-8", "replace").split()
    free = 1024 * int(said[-1]) if said and said[-1].isdecimal() else None
    if free is not None and free < 2 * size:
        raise BoardError(f"{ssh.address}: {folder} has {free / 1e6:.1f} MB free, {2 * size / 1e6:.1f} are needed")


@contextmanager
def staged(ssh: Ssh, folder: str, name: str, tar: bytes) -> Iterator[str]:
    """The tar, unpacked beside its place if there is room for it, as an absolute path; what is still there afterwards
    is removed, and before it what earlier ones have left half-way.

    Raises BoardError.
    """
    tidy(ssh, folder, name)
    check_room(ssh, folder, len(tar))
    place = ssh.run(UNPACK, [folder, name], tar).decode("utf-8", "replace").strip()
    try:
        yield place
    finally:
        with suppress(BoardError):  # that a connection is gone is said already, and `tidy` comes another time
            ssh.run(REMOVE, [place])
