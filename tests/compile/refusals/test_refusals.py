# SPDX-License-Identifier: Apache-2.0
"""Every refusal of a network has a code, and every code a network that is refused by it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import OnnxModel, import_onnx
from biisnet.compile.frontend.converters import CONVERTERS, MAX_WEIGHTS
from biisnet.compile.frontend.shapes import MAX_CHANNELS, MAX_SIDE
from biisnet.compile.frontend.window_converters import MAX_AVERAGE, MAX_POOL
from biisnet.compile.ir.limits import MAX_DOT_TAPS, MAX_OUTPUTS, MAX_ROWS, MAX_STAGES, MAX_STRIDE, MAX_TASKS
from biisnet.compile.recognise.rewriting import FOREIGN
from biisnet.compile.refusals import GROUPS, REFUSALS, Refusal, images, layers, whole

from ..frontend.models import model_of, node
from .provoked import PROVOKED

ROOT = Path(__file__).parents[3]
NETWORKS = ("compile/frontend", "compile/quantise", "compile/recognise")
"""Places where networks are refused, and nothing else is."""


@pytest.mark.parametrize("code", REFUSALS)
def test_refused_by_its_line(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a page's example is not what is said, or what should be refused by it is not."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CompileError) as error:
        PROVOKED[code](tmp_path, monkeypatch)
    example = ".+".join(map(re.escape, REFUSALS[code].example.split("…")))
    assert re.fullmatch(rf"{example} \[{code}\]", str(error.value)), str(error.value)


def test_each_is_provoked() -> None:
    """Fails where a code is added that nothing is refused by, or one is taken away."""
    assert set(PROVOKED) == set(REFUSALS)


def test_codes() -> None:
    """Fails where two kinds have one code, one is in another group's hundred, or they are not in order."""
    codes = [refusal.code for group in GROUPS.values() for refusal in group]
    assert codes == sorted(set(codes))
    for hundred, group in enumerate(GROUPS.values()):
        assert group
        assert all(re.fullmatch(rf"BN{hundred}\d\d", refusal.code) for refusal in group)


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=list(REFUSALS))
def test_pages_are_whole(refusal: Refusal) -> None:
    """Fails where a page says nothing of the reason, of what is supported, or of a way out."""
    assert refusal.title[0].islower() or not refusal.title[0].isalpha()
    for text in (refusal.means, refusal.supported, *refusal.ways):
        assert len(text) > 5
        assert text.count("`") % 2 == 0, text
        assert text == " ".join(text.split())
    assert refusal.ways
    assert refusal.means.endswith(".")


@pytest.mark.parametrize("refusal", GROUPS["Layers"], ids=lambda r: r.code)
def test_layers_are_named(refusal: Refusal) -> None:
    """Fails where a layer's refusal does not name it, and its operator."""
    assert re.match(r"net\.onnx: layer 'y'( \(\w+\))?: .+", refusal.example)
    assert re.search(r"\(\w+\): |operator \w+ is", refusal.example)


def refused_in(path: Path) -> list[tuple[int, bool]]:
    """(line, whether it has a code) of every refusal in a file."""
    return [
        (call.lineno, len(call.args) > 1)
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "CompileError"
    ]


def test_every_refusal_has_a_code() -> None:
    """Fails where the importer, `recognise` or `quantise` refuse a network without a code. (What converters refuse has
    that of their operator, at least.)"""
    files = [
        p for place in NETWORKS for p in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
    ]
    found = {(p.name, *call) for p in files for call in refused_in(p)}
    assert len(found) > 40
    # which joins lines that have theirs
    assert [(name, line) for name, line, has_code in found if not has_code and name != "obstacles.py"] == []


def test_pages_of_operators() -> None:
    """Fails where a page is for an operator that there is not."""
    assert set(layers.OF_OPERATOR) <= {op for _, op in CONVERTERS}
    assert set(layers.OF_OPERATOR.values()) <= set(REFUSALS.values())


@pytest.mark.parametrize(
    ("refusal", "limit"),
    [
        (images.OUTPUTS, MAX_OUTPUTS),
        (images.TOO_LARGE, MAX_CHANNELS),
        (images.TOO_LARGE, MAX_SIDE),
        (layers.STRIDES, MAX_STRIDE),
        (layers.BINARY_TAPS, MAX_DOT_TAPS),
        (layers.CONVOLUTION, MAX_WEIGHTS),
        (layers.AVERAGE, MAX_AVERAGE),
        (layers.AVERAGE, MAX_ROWS),
        (layers.SLICE, MAX_STRIDE),
        (layers.MAX_POOL, MAX_POOL),
        (whole.STAGES, MAX_STAGES),
        (whole.BANDS, MAX_TASKS),
    ],
)
def test_limits_are_those_of_the_code(refusal: Refusal, limit: int) -> None:
    """Fails where a limit is raised and its page tells of the old one."""
    assert re.search(rf"(?<!\d){limit}(?!\d)", refusal.supported)


def test_operators_are_those_of_the_code() -> None:
    """Fails where an operator is supported that the page of those that are not leaves out."""
    standard = {name for domain, name in CONVERTERS if domain == ""} | FOREIGN
    assert standard <= {*re.findall(r"\w+", layers.OPERATOR.supported)}


def test_all_layers_at_once() -> None:
    """Fails where a second obstacle is only told when the first is out of the way, or without its own code."""
    nodes = [
        node("Erf", "x", output="a"),
        node("Clip", "a", "high", "low", output="b"),
        node("Relu", "b", output="c"),
        node("MaxPool", "c", kernel_shape=[17, 17]),
    ]
    bounds = {"high": np.float32(1), "low": np.float32(-1)}
    with pytest.raises(CompileError) as error:
        import_onnx(OnnxModel(model_of(nodes, bounds), "net.onnx", ""), None)
    assert str(error.value) == (
        "net.onnx: 3 layers cannot be compiled: "
        "layer 'a': operator Erf is not supported; `biisnet explain BN301` names those that are [BN301]; "
        "layer 'b' (Clip): its bounds 1.0 and -1.0 are not in order [BN324]; "
        "layer 'y' (MaxPool): kernel_shape [17, 17]: two sides of 1 to 16 are supported [BN327]"
    )
