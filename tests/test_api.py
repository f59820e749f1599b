# SPDX-License-Identifier: Apache-2.0
"""The public Python interface: which modules it is, that all of it is documented, and that its reference builds."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "compatibility.md"
COMMAND = re.search(r"^python -m pdoc .*$", DOCUMENT.read_text("utf-8"), re.M)
assert COMMAND, "docs/compatibility.md has the command that makes the reference"
PUBLIC = [word for word in COMMAND[0].split() if word.startswith("biisnet.")]


def imported(name: str) -> ModuleType:
    if name.startswith("biisnet.model."):
        pytest.importorskip("torch")
    return importlib.import_module(name)


def undocumented(module: ModuleType) -> Iterator[str]:
    """Public names without a docstring: classes, functions, and the methods and properties of classes."""
    for name in module.__all__:
        value = getattr(module, name)
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        if not value.__doc__:
            yield name
        members = vars(value).items() if inspect.isclass(value) else ()
        for member, what in members:
            function = what.fget if isinstance(what, property) else what
            # getdoc: an override may leave the word to what it overrides
            if (
                inspect.isfunction(function)
                and not member.startswith("_")
                and not inspect.getdoc(getattr(value, member))
            ):
                yield f"{name}.{member}"


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_listed_and_documented(name: str) -> None:
    module = imported(name)
    assert len(set(module.__all__)) == len(module.__all__) > 0
    assert list(undocumented(module)) == []


def test_undocumented_names_are_found() -> None:
    """Fails where the check above could not fail."""
    module = ModuleType("module")
    code = "__all__ = ['f', 'C']\ndef f(): pass\nclass C:\n    'A class.'\n    def g(self): pass\n"
    exec(code, module.__dict__)
    assert list(undocumented(module)) == ["f", "C.g"]


@pytest.mark.parametrize("name", ["runtime", "model", "ops", "targets", "compile", "tools"])
def test_packages_are_typed_and_have_the_version(name: str) -> None:
    package = importlib.import_module(f"biisnet.{name}")
    assert package.__version__ == version("biisnet")
    assert "__version__" in package.__all__
    assert (ROOT / name / "py.typed").is_file()


def test_the_reference_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("pdoc")
    pytest.importorskip("torch")
    command = [sys.executable, "-m", "pdoc", "-o", str(tmp_path), *PUBLIC]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr, "Warn" in done.stdout) == (0, "", False), done.stdout
    for name in PUBLIC:
        page = tmp_path / f"{name.replace('.', '/')}.html"
        text = page.read_text("utf-8")
        assert all(f'id="{public}"' in text for public in importlib.import_module(name).__all__), name
