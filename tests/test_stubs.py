# SPDX-License-Identifier: Apache-2.0
"""tests/stubs: each name that they type is in the installed library, with the parameters that they give it."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

STUBS = Path(__file__).with_name("stubs")
FILES = sorted(STUBS.rglob("*.pyi"))


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(STUBS).with_suffix("").parts).removesuffix(".__init__")


def missing(called: object, stub: ast.FunctionDef) -> set[str]:
    """Parameters of a stub that the function itself has not; none where Python cannot tell or it takes any."""
    parameters = inspect.signature(called).parameters.values()  # type: ignore[arg-type]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return set()
    named = [a.arg for a in (*stub.args.args, *stub.args.kwonlyargs)]  # a positional one has no name
    return set(named) - {p.name for p in parameters} - {"self"}


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_it_is_as_the_library(file: Path) -> None:
    module = importlib.import_module(module_of(file))
    for stub in ast.parse(file.read_text()).body:
        if isinstance(stub, ast.FunctionDef) and stub.name != "__getattr__":
            assert not missing(getattr(module, stub.name), stub), stub.name
        if isinstance(stub, ast.ClassDef):
            cls = getattr(module, stub.name)
            for method in (m for m in stub.body if isinstance(m, ast.FunctionDef)):
                if not method.name.startswith("__"):
                    assert not missing(getattr(cls, method.name), method), f"{stub.name}.{method.name}"
                elif method.name == "__init__":
                    assert not missing(cls.__init__, method), f"{stub.name}.__init__"
