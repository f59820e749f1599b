# SPDX-License-Identifier: Apache-2.0
"""A file that names boards, one a line."""

from __future__ import annotations

from pathlib import Path

from ..compile.errors import CompileError
from ..model.text_file import read_text


def read_hosts(path: Path) -> tuple[str, ...]:
    """A board a line, each once; empty lines and what follows # are left out. Raises CompileError."""
    try:
        text = read_text(path)
    except (OSError, UnicodeError) as e:
        why = e.strerror if isinstance(e, OSError) else "it is no text"
        raise CompileError(f"{path}: cannot be read as a list of boards: {why}") from e
    boards = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if len(words) > 1:
            raise CompileError(f"{path}: line {number} has {len(words)} words; give one board a line, as ssh takes it")
        boards += words
    if not boards:
        raise CompileError(f"{path}: names no board; give one a line, as ssh takes it")
    return tuple(dict.fromkeys(boards))
