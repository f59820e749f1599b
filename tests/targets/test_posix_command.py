# SPDX-License-Identifier: Apache-2.0
"""One line for every login shell, and then a script with arguments and bytes of its own."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.targets.posix_command import BOOTSTRAP, first_line

SHELLS = [["sh"], ["bash"], ["dash"], ["busybox", "ash"], ["mksh"], ["zsh"], ["csh"], ["tcsh"], ["fish"]]
SCRIPT = """printf '%s|' "$@"
printf 'a\\\\b\\n'
echo "it's !"
cat"""
ARGUMENTS = ["a b", "q'uote", "new\nline", "back\\slash\\n", "!hist", "$HOME", "`id`", "*", "ü", "~", "-n", ""]
PRINTED = ("|".join([*ARGUMENTS, ""]) + "a\\b\nit's !\n").encode()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_every_login_shell_runs_it(shell: list[str]) -> None:
    """Fails where the script itself is what the login's shell is given."""
    if not shutil.which(shell[0]):
        pytest.skip(f"no {shell[0]} here")
    data = bytes(range(256)) * 1000
    said = subprocess.run([*shell, "-c", BOOTSTRAP], input=first_line(SCRIPT, ARGUMENTS) + data, capture_output=True)
    assert (said.returncode, said.stdout) == (0, PRINTED + data), said.stderr


def test_nothing_in_the_line_means_something_else_to_another_shell() -> None:
    """csh takes no newline within quotes and `!` for history; fish unescapes backslashes there."""
    assert not set(BOOTSTRAP) & set("\n\\!")
    assert BOOTSTRAP.count("'") == 2


def test_half_a_script_is_not_run() -> None:
    line = first_line("echo begun")[:-3]
    done = subprocess.run(["sh", "-c", BOOTSTRAP], input=line, capture_output=True)
    assert done.stdout == b""
    assert done.returncode


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20), max_size=4))
def test_any_arguments(arguments: list[str]) -> None:
    script = "printf '%s\\000' \"$@\""
    said = subprocess.run(["sh", "-c", BOOTSTRAP], input=first_line(script, arguments), capture_output=True)
    assert said.stdout == b"".join(a.encode() + b"\0" for a in arguments or [""])


def test_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        first_line("echo", ["\0"])
