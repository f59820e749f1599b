# SPDX-License-Identifier: Apache-2.0
"""cut_stages: which maps are stored, in which forms, and that the stages mean what the module means."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tvm
from tvm import relax
from tvm.ir import Expr
from tvm.relax import op as R  # noqa: N812

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import import_onnx, load_model
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.stages import Program
from biisnet.compile.kernels import BinaryDot
from biisnet.compile.passes.cut_stages import cut_stages
from biisnet.compile.passes.relax_ops import call, scale_shift, two_slope
from biisnet.compile.storage import Bits, Margin, Planes
from biisnet.model import shipped_onnx
from biisnet.targets.cores import GENERIC

from .graphs import module_of, picture, run_program, shipped_program, vector
from .relax_numpy import run

WINDOW = {"strides": [1, 1], "pads": [1, 1, 1, 1], "dilations": [1, 1], "group": 1, "pad_shift": 1, "unit": 1}


def dot(x: Expr, threshold: float | np.ndarray = 0.0, group: int = 1) -> Expr:
    """A binary convolution of 4 channels to 4."""
    bits = (np.random.default_rng(7).random((4, 4 // group, 3, 3)) < 0.5).astype(np.uint8)
    return call("binary_dot", [x, bits, np.float32(threshold).reshape(-1)], **{**WINDOW, "group": group})


def double(x: Expr, mode: str = "linear") -> Expr:
    """Twice the resolution."""
    return call("upsample", [x], mode=mode)


def pool(x: Expr) -> Expr:
    """Half the resolution."""
    return call("pool_sum", [x])


def conv(x: Expr, pads: int = 1) -> Expr:
    """3x3, 4 channels to 2, with a bias."""
    weight, bias = picture((2, 4, 3, 3), 3), vector(8, 2).reshape(1, 2, 1, 1)
    return R.add(R.nn.conv2d(x, relax.const(weight), padding=[pads] * 4), relax.const(bias))


def same(module: tvm.IRModule, stages: int) -> Program:
    """The program, which computes what the module computes, in so many stages."""
    program = cut_stages(module, "net", GENERIC)
    for found, expected in zip(run_program(program, picture()), run(module, picture()), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert [s.name for s in program.stages][stages:] == [], [s.name for s in program.stages]
    return program


def margin_of(b: Buffer) -> Margin:
    """What lies left and right of its rows."""
    assert isinstance(b.layout, Planes)
    assert b.layout.lanes == GENERIC.lanes
    return b.layout.margin


def forms(program: Program) -> list[list[str]]:
    """The stored forms of each stage."""
    return [
        ["output" if b.external is not None else f"{b.encoding.name} {margin_of(b)}" for b in s.outputs]
        for s in program.stages
    ]


def block(x: Expr) -> Expr:
    """dot, two_slope, plus the residual."""
    return R.add(two_slope(dot(x), vector(1), vector(2)), x)


def test_epilogue_is_fused() -> None:
    """Fails where element-wise work is a stage of its own: a block stores one map, and its bits for the next."""
    program = same(module_of(lambda x: block(block(scale_shift(x, vector(5), vector(6))))), 3)
    assert forms(program) == [["bits zero", "float32 none"], ["bits zero", "float32 none"], ["output"]]


def test_two_readers_share_a_map() -> None:
    """Fails where a map that two stages need is computed twice."""

    def body(x: Expr) -> Expr:
        shared = two_slope(scale_shift(x, vector(1), vector(2)), vector(3), vector(4))
        return R.add(R.add(dot(shared), conv4(shared)), pool4(shared))

    def conv4(x: Expr) -> Expr:
        return R.concat([conv(x), conv(x)], axis=1)

    def pool4(x: Expr) -> Expr:
        return R.sigmoid(x)

    program = same(module_of(body), 2)
    assert forms(program)[0] == ["bits zero", "float32 zero"]


def test_one_stage_needs_no_map() -> None:
    """Fails where a value that one stage alone reads is stored."""

    def body(x: Expr) -> Expr:
        shared = scale_shift(x, vector(1), vector(2))
        return R.add(R.sigmoid(shared), two_slope(shared, vector(3), vector(4)))

    assert forms(same(module_of(body), 1)) == [["output"]]


def test_forms_of_bits() -> None:
    """Fails where readers with other thresholds or groups share bits, or equal ones do not."""
    threshold = vector(5)
    program = same(module_of(lambda x: R.add(R.add(dot(x), dot(x, threshold)), R.add(dot(x, 0.0), dot(x, 0.0, 2)))), 2)
    assert forms(program)[0] == ["bits zero"] * 3
    encodings = [b.encoding for b in program.stages[0].outputs]
    assert sorted((e.groups, len(e.threshold)) for e in encodings if isinstance(e, Bits)) == [(1, 1), (1, 4), (2, 1)]


@pytest.mark.parametrize("swap", [False, True])
def test_split_and_concat(swap: bool) -> None:
    """Fails where parts of a map are copied, or taken from wrong channels."""

    def body(x: Expr) -> Expr:
        parts = R.split(two_slope(double(x), vector(1), vector(2)), [1, 3], axis=1)
        a, b, c = (relax.TupleGetItem(parts, i) for i in range(3))
        return scale_shift(R.concat([c, b, a] if swap else [a, b, c], axis=1), vector(3), vector(4))

    assert forms(same(module_of(body), 2)) == [["float32 edge"], ["output"]]


def test_parts_that_several_stages_read() -> None:
    """Fails where a map is stored for the sake of a split, each part of which one stage alone reads."""

    def body(x: Expr) -> list[Expr]:
        parts = R.split(double(x), [2], axis=1)
        return [dot4(scale_shift(relax.TupleGetItem(parts, i), vector(1, 2), vector(2, 2))) for i in range(2)]

    def dot4(x: Expr) -> Expr:
        bits = (np.random.default_rng(7).random((4, 2, 3, 3)) < 0.5).astype(np.uint8)
        return R.add(call("binary_dot", [x, bits, np.zeros(1, np.float32)], **WINDOW), R.concat([x, x], axis=1))

    program = same(module_of(body), 5)
    assert forms(program)[0] == ["float32 edge"]
    assert sorted(len(s.outputs) for s in program.stages[1:]) == [1, 1, 2, 2]  # each part's map and bits, each result


@pytest.mark.parametrize("groups", [1, 2])
def test_parts_of_a_grouped_convolution(groups: int) -> None:
    """Fails where a part of what cannot be cut is asked for instead of the whole being stored."""

    def body(x: Expr) -> list[Expr]:
        weight = relax.const(picture((4, 4 // groups, 3, 3), 3))
        whole = two_slope(R.nn.conv2d(x, weight, padding=[1] * 4, groups=groups), vector(1), vector(2))
        parts = R.split(whole, [2], axis=1)
        return [pool(relax.TupleGetItem(parts, i)) for i in range(2)]

    assert len(same(module_of(body), 6).stages) == (5 if groups == 1 else 6)


def test_two_splits_of_one_map() -> None:
    """Fails where channels that parts of two splits have in common are computed twice."""

    def body(x: Expr) -> list[Expr]:
        whole = two_slope(double(x), vector(1), vector(2))
        return [pool(relax.TupleGetItem(R.split(whole, [cut], axis=1), 0)) for cut in (2, 3)]

    assert len(same(module_of(body), 6).stages) == 6


def test_margins() -> None:
    """Fails where a window's margin is missing, or one that is not wanted is kept."""
    assert forms(same(module_of(double), 2))[0] == ["float32 edge"]
    assert forms(same(module_of(lambda x: double(x, "nearest")), 2))[0] == ["float32 none"]
    assert forms(same(module_of(pool), 2))[0] == ["float32 none"]
    assert forms(same(module_of(conv), 2))[0] == ["float32 zero"]
    assert forms(same(module_of(lambda x: conv(x, 0)), 2))[0] == ["float32 none"]


def test_crop_and_extension() -> None:
    """Fails where more or fewer pixels are not those of the map with its border repeated."""
    same(module_of(lambda x: call("crop", [double(x)], height=5, width=9)), 2)
    same(module_of(lambda x: call("extend", [x], height=4, width=8)), 1)
    same(module_of(lambda x: call("crop", [call("extend", [x], height=4, width=8)], height=3, width=7)), 1)


@pytest.mark.parametrize("before", [double, pool, conv, dot], ids=lambda f: f.__name__)
@pytest.mark.parametrize("between", [False, True])
def test_extension_of_a_window(before: type, between: bool) -> None:
    """Fails where a window is read past its map's border instead of its result's border being repeated."""

    def body(x: Expr) -> Expr:
        value = R.sigmoid(before(x)) if between else before(x)
        return call("extend", [value], height=8, width=12)

    same(module_of(body), 3)


def test_extension_of_a_crop() -> None:
    """Fails where what was cut off comes back instead of the border."""
    same(module_of(lambda x: call("extend", [call("crop", [x], height=2, width=3)], height=3, width=5)), 2)


def test_several_outputs() -> None:
    """Fails where an output that is read inside, too, or is an output twice, is not stored for both."""

    def body(x: Expr) -> list[Expr]:
        inner = scale_shift(x, vector(1), vector(2))
        return [R.sigmoid(conv(inner)), inner]

    program = same(module_of(body), 2)
    assert [(b.external, b.name) for b in program.outputs] == [(0, "y0"), (1, "y1")]


def test_no_kernel() -> None:
    """Fails where an operator that nothing computes is dropped in silence, or its layer is not named."""
    with pytest.raises(CompileError, match=r"^layer '\w+': no kernel for relax\.sin \[BN405\]$"):
        cut_stages(module_of(lambda x: R.sin(x)), "net", GENERIC)


def test_too_many_taps() -> None:
    """Fails where an accumulator may overflow its 16 bits."""
    bits = np.zeros((1, 2048, 3, 3), np.uint8)
    module = module_of(lambda x: call("binary_dot", [x, bits, np.zeros(1, np.float32)], **WINDOW), (2048, 1, 1))
    line = r"^layer '\w+': 18432 binary weights an output: 16384 are supported \[BN310\]$"
    with pytest.raises(CompileError, match=line):
        cut_stages(module, "net", GENERIC)


def test_shipped() -> None:
    """Fails where a Binary Block is more than one stage: 14 blocks, and 7 stages around them."""
    program = shipped_program((256, 256))
    names = [s.name for s in program.stages]
    assert len(names) == 21
    blocks = [s for s in program.stages if any(isinstance(e, BinaryDot) for e in s.expressions())]
    assert [s.name for s in blocks] == [n for n in names if n.endswith(".dot.add")]
    assert len(blocks) == 14
    assert [n for n in names if not n.endswith(".dot.add")] == [
        "normalise",
        "embedding",
        "downsample.0.concat",
        "downsample.1.concat",
        "fusion.1.mul",
        "fusion.0.mul",
        "probability",
    ]
    layers = [layer for s in program.stages for layer in s.layers if not re.fullmatch(r"lv\d*", layer)]
    assert len(layers) == len(set(layers)), "work is done twice"


@pytest.mark.parametrize("size", [(16, 24), (13, 7), (1, 1)])
def test_shipped_means_the_same(shipped: dict[str, tvm.IRModule], size: tuple[int, int]) -> None:
    """Fails where the stages differ, cut or after all passes, from the module as imported (float64, odd sizes too)."""
    image = np.random.default_rng(0).integers(0, 256, (1, *size)).astype(np.float64)
    path = shipped_onnx()
    assert path is not None
    expected = run(import_onnx(load_model(path), size), image)[0]
    for until in ("cut_stages", None):
        np.testing.assert_allclose(run_program(shipped_program(size, until), image)[0], expected, atol=1e-4)
