# SPDX-License-Identifier: Apache-2.0
"""A POSIX shell script for a login whose shell may be any: csh, tcsh and fish read other languages.

The login's shell gets BOOTSTRAP, a line that means the same to all of them: no newline, which csh does not take within
quotes, no backslash, which fish unescapes there, no `!`, which csh takes for history. It reads the script as the first
line of standard input, byte by byte as POSIX asks of `read`, so that what follows is left for the script.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

BOOTSTRAP = """exec sh -c 'IFS= read -r script && eval "$(printf %b "$script")"'"""


def first_line(script: str, arguments: Sequence[str] = ()) -> bytes:
    """What standard input begins with: the script, its arguments as $1, $2, ..., in the notation of printf's %b.

    Messages are in the words that this project knows (LC_ALL=C). Raises ValueError for a NUL, which no argument has.
    """
    whole = f"LC_ALL=C; export LC_ALL; set -- {shlex.join(arguments)}\n{script}"
    if "\0" in whole:
        raise ValueError("a NUL is in no shell's words")
    return whole.replace("\\", "\\\\").replace("\n", "\\n").encode("utf-8", "surrogateescape") + b"\n"
