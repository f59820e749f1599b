# SPDX-License-Identifier: Apache-2.0
"""A folder on a board, as people write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from biisnet.compile.errors import CompileError
from biisnet.tools.board_folder import board_folder, check_home


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("biisnet", "biisnet"),
        ("~/models", "models"),
        ("~//models", "models"),
        ("~", "."),
        ("~/", "."),
        ("$HOME/models/a b", "models/a b"),
        ("${HOME}", "."),
        ("/srv/models", "/srv/models"),
        ("-rf", "./-rf"),
        ("~/-rf", "./-rf"),
        ("a*'b", "a*'b"),
        ("../other", "../other"),
        ("models/~", "models/~"),
    ],
)
def test_folder(text: str, folder: str) -> None:
    assert board_folder(text) == folder


@pytest.mark.parametrize("text", ["~pi/models", "~+", "$MODELS", "a/$USER", "$HOMEmodels", "", " ", "a\nb", "a\x1b[m"])
def test_what_nobody_means(text: str) -> None:
    with pytest.raises(CompileError, match=r"^--dir .*; give a path from the login's home") as caught:
        board_folder(text)
    assert str(caught.value).isprintable()


def test_a_home_that_this_machines_shell_has_put(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--dir ~/models`, without quotes, is this machine's home when it comes here."""
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    with pytest.raises(CompileError, match="below this machine's home folder, the board's is /home/pi; give models/a"):
        check_home("/home/me/models/a", "/home/pi")
    check_home("/home/me/models", "/home/me")
    check_home("/home/meant/models", "/home/pi")
    check_home("/srv", "/home/pi")
    check_home("models", "/home/pi")
    check_home("/home/me/models", "")
