# SPDX-License-Identifier: Apache-2.0
"""The order of floors: what a file may import, read from the sources.

A file may import its own floor and those below it. Imports under TYPE_CHECKING alone may look up where ANNOTATIONS says
so.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# from the top; folders of one floor do not import each other. Runtime is the lowest: it runs without all others, and
# what it knows of a machine (CPU flags) is said there once.
HOUSE = (("benchmarks",), ("tools",), ("compile",), ("model",), ("ops",), ("targets",), ("runtime",))
COMPILER = (
    ("pipeline", "dumps", "progress"),
    ("tuning",),
    ("emit",),
    ("verification",),
    ("quantise", "recognise"),
    ("onnx_runtime",),
    ("frontend",),
    ("passes",),
    ("kernels",),
    ("schedules",),
    ("ir",),
    ("storage",),
    ("errors", "foreign_files", "weight_provenance"),
    ("refusals",),
    ("tvm_without_torch",),
)
SAME_ROOM = {("pipeline", "dumps", "progress")}
"""Floors whose files import each other."""

ANNOTATIONS = {
    ("compile/storage", "compile/ir"): "a layout is asked with the buffer whose it is, an encoding with the expression",
}
"""(folder, what it may name in annotations), one floor up: why."""


@dataclass(frozen=True)
class Import:
    """An import of a module of this project by a file, both as paths from the root without a suffix."""

    source: str
    target: str
    annotation: bool  # under TYPE_CHECKING

    def __str__(self) -> str:
        return f"{self.source} imports {self.target}"


def sources() -> list[Path]:
    """Every Python file of the floors."""
    return sorted(p for floor in HOUSE for room in floor for p in (ROOT / room).rglob("*.py"))


def is_type_checking(node: ast.AST) -> bool:
    """Whether it is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def nodes(tree: ast.AST, annotation: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Every node, and whether it is under TYPE_CHECKING."""
    for child in ast.iter_child_nodes(tree):
        inner = annotation or (is_type_checking(tree) and child in getattr(tree, "body", ()))
        yield child, inner
        yield from nodes(child, inner)


def resolved(source: Path, node: ast.ImportFrom) -> str | None:
    """The module that a `from` reads, as a path from the root; None for another project's."""
    if not node.level:
        return own(node.module or "")
    base = source.parent
    for _ in range(node.level - 1):
        base = base.parent
    place = base.relative_to(ROOT).parts if base != ROOT else ()
    return "/".join([*place, *(node.module or "").split(".")]).strip("/")


def own(module: str) -> str | None:
    """An absolute module's path, where it is one of this project."""
    first, *rest = module.split(".")
    if first == "biisnet":
        return "/".join(rest)
    return module.replace(".", "/") if first in {"benchmarks", "tests"} else None


def imports(source: Path, text: str | None = None) -> Iterator[Import]:
    """What a file imports of this project, wherever in it."""
    name = source.relative_to(ROOT).with_suffix("").as_posix()
    for node, annotation in nodes(ast.parse(source.read_text() if text is None else text)):
        if isinstance(node, ast.ImportFrom):
            module = resolved(source, node)
            if module is None:
                continue
            # a name may be a module itself, and decides the floor where the folder does not
            yield from (Import(name, f"{module}/{n.name}".strip("/"), annotation) for n in node.names)
        elif isinstance(node, ast.Import):
            yield from (Import(name, m, annotation) for n in node.names if (m := own(n.name)))


def floor_of(path: str, floors: tuple[tuple[str, ...], ...]) -> tuple[int, str] | None:
    """(floor from the top, room) of a path's first part."""
    first = path.split("/")[0]
    return next(((n, first) for n, floor in enumerate(floors) if first in floor), None)


def is_allowed(source: str, target: str, floors: tuple[tuple[str, ...], ...]) -> bool:
    """Whether a file may import another, by their floors; what is on none is above all of them."""
    here, there = floor_of(source, floors), floor_of(target, floors)
    if here is None or there is None:
        return here is None
    if here[0] == there[0]:
        return here[1] == there[1] or floors[here[0]] in SAME_ROOM
    return here[0] < there[0]


def inside(path: str, folder: str) -> str | None:
    """The path from a folder on."""
    return path.removeprefix(f"{folder}/") if path.startswith(f"{folder}/") else None


def wrong(found: Import) -> bool:
    """Whether an import goes against the order."""
    for (source, target), why in ANNOTATIONS.items():
        if found.annotation and why and inside(found.source, source) and inside(found.target, target):
            return False
    if not is_allowed(found.source, found.target, HOUSE):
        return True
    source, target = inside(found.source, "compile"), inside(found.target, "compile")
    if source is None or target is None:
        return False
    return source != "__init__" and not is_allowed(source, target, COMPILER)


def test_arrows_point_down() -> None:
    """Fails where a file imports one of a floor above its own, or of a neighbour."""
    files = sources()
    assert len(files) > 150
    found = [i for f in files for i in imports(f)]
    assert len(found) > 600
    assert [str(i) for i in found if wrong(i)] == []


def test_every_file_is_on_a_floor() -> None:
    """Fails where a new folder, or a new file of the compiler, has no place in the order."""
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for path in tracked.split():
        name = path.removesuffix(".py")
        assert name.split("/")[0] in {"tests", "docs", "examples"} or floor_of(name, HOUSE), path
        if (rest := inside(name, "compile")) and rest != "__init__":
            assert floor_of(rest, COMPILER), path


def test_every_package_is_installed() -> None:
    """Fails where a new folder of code is left out of what pip installs."""
    text = (ROOT / "pyproject.toml").read_text()
    folders = {p.parent.relative_to(ROOT) for p in sources() if p.name == "__init__.py"}
    for folder in folders:
        if folder.parts[0] != "benchmarks":  # which runs from the repository
            name = ".".join(["biisnet", *folder.parts])
            assert f'\n    "{name}",\n' in text, folder
            assert f'\n"{name}" = "{folder.as_posix()}"\n' in text, folder


def test_no_annotation_is_allowed_in_vain() -> None:
    """Fails where an exception is kept that nothing needs, or one looks further than a floor up."""
    found = [i for f in sources() for i in imports(f) if i.annotation]
    for source, target in ANNOTATIONS:
        assert any(inside(i.source, source) and inside(i.target, target) for i in found), (source, target)
        (low, _), (high, _) = (floor_of(p.removeprefix("compile/"), COMPILER) or (99, "") for p in (source, target))
        assert low - high == 1


@pytest.mark.parametrize(
    ("path", "line", "is_wrong"),
    [
        ("runtime/x.py", "from ..targets import resolve", True),
        ("runtime/x.py", "import biisnet.targets.devices", True),
        ("model/x.py", "from biisnet.compile.frontend import load_model", True),
        ("model/x.py", "def f():\n    from ..compile import pipeline", True),
        ("compile/x.py", "from ..tools.models import resolve_model", True),
        ("tools/cli/x.py", "from ...compile import pipeline", False),
        ("tools/x.py", "from .. import benchmarks", True),
        ("benchmarks/x.py", "from biisnet.tools.text import plural", False),
        ("compile/ir/x.py", "from ..kernels import Load", True),
        ("compile/ir/x.py", "from .. import kernels", True),
        ("compile/kernels/x.py", "from ..ir.buffers import Buffer", False),
        ("compile/kernels/x.py", "from .. import schedules", False),
        ("compile/schedules.py", "from .kernels import Load", True),
        ("compile/frontend/x.py", "from ..passes.relax_ops import call", False),
        ("compile/passes/x.py", "from ..frontend import OnnxModel", True),
        ("compile/emit/x.py", "from ..tuning.records import Records", True),
        ("compile/pipeline.py", "from .tuning.records import tuned_schedules", False),
        ("compile/progress.py", "from .dumps import to_text", False),
        ("compile/errors.py", "from .storage import Bits", True),
        (
            "compile/storage/x.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..ir.buffers import B",
            False,
        ),
        ("compile/storage/x.py", "if TYPE_CHECKING:\n    x = 1\nelse:\n    from ..ir.buffers import Buffer", True),
        ("compile/storage/x.py", "from ..ir.buffers import Buffer", True),
        ("compile/ir/x.py", "if TYPE_CHECKING:\n    from ..kernels import Load", True),
        ("runtime/x.py", "import numpy", False),
        ("runtime/x.py", "from tests.conftest import scene", True),
    ],
)
def test_the_order_itself(path: str, line: str, is_wrong: bool) -> None:
    """Fails where this test would let such an import pass."""
    found = list(imports(ROOT / path, line))
    assert any(wrong(i) for i in found) == is_wrong


def test_encodings_are_not_told_apart_by_name() -> None:
    """Fails where code outside of compile/storage asks for an encoding's name instead of asking the encoding."""
    name = r"""["'](bits|float32)["']"""
    asks = re.compile(rf"""[!=]=\s*{name}|{name}\s*[!=]=|\bin\s*[(\[{{][^)\]}}]*{name}|{name}\s+(not\s+)?in\b""")
    for line in ('x == "bits"', "'float32' != y", 'x in ("bits", 1)', 'x not in {"float32"}', '"bits" in names'):
        assert asks.search(line), line
    places = ["compile", "tools", "benchmarks", ":!compile/storage"]
    command = ["git", "grep", "-nE", "bits|float32", "--", *places]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(lines) > 50
    assert [line for line in lines if asks.search(line)] == []
