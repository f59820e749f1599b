# SPDX-License-Identifier: Apache-2.0
"""Options that keep a person's ssh configuration, and the machine's, from changing what commands to a board do.

Which keys, jumps and names are used stays the configuration's word; what a session is, is not: a terminal would turn
bytes into others, a RemoteCommand would run instead of ours, a forwarding that fails would end the connection.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

QUIET = (
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ForwardX11Trusted=no",
    "LogLevel=ERROR",  # else what is said last is not the reason
    "PermitLocalCommand=no",
    "RequestTTY=no",
    "ServerAliveCountMax=3",
    "Tunnel=no",
    "UpdateHostKeys=no",
    "VisualHostKey=no",
)
"""Options that every OpenSSH has which this project may meet (since 6.8, 2015)."""
NEWER = ("RemoteCommand=none", "ForkAfterAuthentication=no", "SessionType=default", "StdinNull=no")
"""Options of a command's session, of 7.6 and 8.7 on: where ssh does not know them, its configuration has none."""
SOCKET_PATH = 108
"""Bytes of a Unix socket's path (sockaddr_un.sun_path), its end included."""
TEMPORARY = 18
"""Bytes that ssh adds while it makes the socket: a dot, 16 letters, and the end."""
PLAIN = re.compile(r"[\w./,:@+-]+", re.ASCII)
"""Paths in which ssh finds nothing to expand: %h, ${NAME}, ~."""


def connection_words() -> list[str]:
    """The options of a connection as words of ssh's command line, where they come before any file's.

    What a session is, `-fN` says where a connection is made; together with the newer options ssh refuses it.
    """
    return words_of(QUIET)


def session_words() -> list[str]:
    """The options of a command that goes over a connection."""
    return words_of([*QUIET, *known(NEWER)])


def words_of(options: Sequence[str]) -> list[str]:
    """Options as words of a command line."""
    return [word for option in options for word in ("-o", option)]


@lru_cache
def known(options: Sequence[str]) -> tuple[str, ...]:
    """Those that this machine's ssh knows: all where there is no ssh, which is said when it is called."""
    return tuple(options) if is_known(options) else tuple(o for o in options if is_known([o]))


def is_known(options: Sequence[str]) -> bool:
    """Whether ssh takes all of them. `-G` prints what it would do and connects to nobody."""
    try:
        return not subprocess.run(
            ["ssh", "-F", "none", "-G", *words_of(options), "nobody"], capture_output=True
        ).returncode
    except FileNotFoundError:
        return True


def socket_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder of this user's alone for a connection's socket, whose path is short and plain. Raises OSError."""
    error: OSError | None = None
    for parent in socket_parents():
        path = str(parent / "biisnet-12345678" / "s")
        if len(os.fsencode(path)) + TEMPORARY > SOCKET_PATH or not PLAIN.fullmatch(path):
            continue
        try:
            return tempfile.TemporaryDirectory(prefix="biisnet-", dir=parent)
        except OSError as e:
            error = e
    raise error or OSError("no folder for ssh's socket has a short and plain path; set TMPDIR to one, as /tmp")


def socket_parents() -> Iterator[Path]:
    """Where it may be, best first."""
    with suppress(OSError):  # where none of those that Python looks at can be written
        yield Path(tempfile.gettempdir()).absolute()
    for folder in (os.environ.get("XDG_RUNTIME_DIR"), "/tmp", "/var/tmp", "/dev/shm"):
        if folder and Path(folder).is_absolute():
            yield Path(folder)
