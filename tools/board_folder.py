# SPDX-License-Identifier: Apache-2.0
"""Where on a board bundles go, as a person writes it and as commands there take it: from the login's home."""

from __future__ import annotations

from pathlib import Path

from ..compile.errors import CompileError

HOMES = ("~", "$HOME", "${HOME}")
"""What stands for the home folder where a shell has not seen it."""


def board_folder(text: str) -> str:
    """A path that no command takes for an option, from the login's home or from the root.

    No shell there expands it, so that spaces and stars are letters; a `~` or `$HOME` in front is the login's home.
    Raises CompileError for what would make a folder that nobody means.
    """
    first, _, rest = text.partition("/")
    if first in HOMES:
        text = rest.lstrip("/") or "."
    elif text.startswith("~") or "$" in text:
        raise CompileError(f"--dir {text}: is not expanded there; give a path from the login's home, as models")
    if not text.strip() or not text.isprintable():
        raise CompileError(f"--dir {text!r}: is no folder's name; give a path from the login's home, as models")
    return f"./{text}" if text.startswith("-") else text


def check_home(folder: str, home: str) -> None:
    """Raise CompileError where this machine's shell has put its own home folder for a `~`, and the board's is another.

    `home` is the board's; empty where it does not say.
    """
    try:
        here = Path.home()
    except RuntimeError:
        return
    if here == Path("/") or not home or Path(home) == here:
        return
    if Path(folder).is_relative_to(here):
        inner = Path(folder).relative_to(here)
        raise CompileError(f"--dir {folder}: is below this machine's home folder, the board's is {home}; give {inner}")
