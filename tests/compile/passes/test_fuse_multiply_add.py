# SPDX-License-Identifier: Apache-2.0
"""fuse_multiply_add: two_slope + y and s*two_slope + b are one node each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import (
    Add,
    BinaryDot,
    Constant,
    HingeAdd,
    Load,
    ScaleShift,
    ScaleShiftAdd,
    Sigmoid,
    TwoSlope,
    TwoSlopeAdd,
)
from biisnet.compile.passes.fuse_multiply_add import fuse_multiply_add
from biisnet.compile.storage import Bits, Float32

from .graphs import assert_same_stages, kinds, one_stage, picture, run_program, shipped_program, vector


def image() -> Load:
    """The input."""
    return Load(4, Buffer("x", "x", 4, 3, 5, external=0))


def bent(x: Expr, seed: int = 1) -> TwoSlope:
    """two_slope."""
    return TwoSlope(4, x, vector(seed), vector(seed + 1))


CASES: dict[str, tuple[Callable[[Load], Expr], dict[str, int]]] = {
    "two_slope first": (lambda x: Add(4, bent(x), Sigmoid(4, x)), {"Load": 1, "Sigmoid": 1, "TwoSlopeAdd": 1}),
    "two_slope second": (lambda x: Add(4, Sigmoid(4, x), bent(x)), {"Load": 1, "Sigmoid": 1, "TwoSlopeAdd": 1}),
    "two leakies": (lambda x: Add(4, bent(x), bent(x, 3)), {"Load": 1, "TwoSlope": 1, "TwoSlopeAdd": 1}),
    "scale_shift": (
        lambda x: ScaleShift(4, bent(x), vector(3), vector(4)),
        {"Load": 1, "TwoSlopeAdd": 1, "Constant": 1},
    ),
    "nested": (
        lambda x: ScaleShift(4, bent(Add(4, bent(x), x), 5), vector(3), vector(4)),
        {"Load": 1, "TwoSlopeAdd": 2, "Constant": 1},
    ),
    "nothing": (lambda x: Add(4, ScaleShift(4, x, vector(1), vector(2)), x), {"Load": 1, "ScaleShift": 1, "Add": 1}),
}


@pytest.mark.parametrize("first", [True, False])
def test_batch_norm_of_an_accumulator(first: bool) -> None:
    """Fails where BatchNorm of a binary convolution and a residual stay two nodes, or change places."""
    bits, residual = Buffer("bits", "bits", 8, 3, 5, Bits()), Load(4, Buffer("r", "r", 4, 3, 5))
    dot = BinaryDot(4, bits, np.random.default_rng(0).random((4, 8, 1, 1)) < 0.5, Window((1, 1)), 1, 2)
    scaled = ScaleShift(4, dot, vector(1), vector(2))
    program = fuse_multiply_add(one_stage((Add(4, *((scaled, residual) if first else (residual, scaled))),)))
    ((fused,),) = program.stages[0].results
    assert isinstance(fused, ScaleShiftAdd)
    assert (fused.x, fused.y, fused.scale is scaled.scale, fused.shift is scaled.shift) == (dot, residual, True, True)


@pytest.mark.parametrize("name", CASES)
def test_small(name: str) -> None:
    """Fails where a multiply-add is left in two, or its parts are taken for each other."""
    make, expected = CASES[name]
    before, after = (one_stage((make(image()),)) for _ in range(2))
    after = fuse_multiply_add(after)
    assert kinds(after) == expected
    np.testing.assert_array_equal(run_program(after, picture())[0], run_program(before, picture())[0])


def test_shared_nodes_stay_shared() -> None:
    """Fails where what two outputs share is computed for each."""
    inner = Add(4, bent(image()), image())
    program = fuse_multiply_add(one_stage((inner,), (Sigmoid(4, inner),)))
    (first,), (second,) = program.stages[0].results
    assert isinstance(second, Sigmoid)
    assert second.x is first


def test_shipped() -> None:
    """Fails where a two_slope and what is added to it stay apart, or a sum changes."""
    cut, before, fused = (
        shipped_program((16, 24), name) for name in ("cut_stages", "prescale_stored_maps", "prescale_stored_maps")
    )
    fuse_multiply_add(fused)
    old, new = kinds(before), kinds(fused)
    # 4 sums (those of blocks have been bent), and 13 stored maps that are scaled and shifted for their reader
    assert (old["Add"], new["TwoSlopeAdd"], new["Constant"], new.get("Add", 0)) == (4, 4 + 13, 13, 0)
    assert old["TwoSlope"] - new["TwoSlope"] == 4 + 13
    assert old["ScaleShift"] - new["ScaleShift"] == 13
    for s in fused.stages:
        for e in s.expressions():
            assert not (isinstance(e, ScaleShift) and isinstance(e.x, TwoSlope))
    # from the stages as they were cut, so fold_prelu_into_accumulator's rounding is in it, and its tolerance
    assert_same_stages(cut, fused, np.random.default_rng(0).integers(0, 256, (1, 16, 24)), 2e-6)


def chain(e: Expr) -> list[Expr]:
    """A node and everything below it."""
    return [e, *(n for c in e.children() for n in chain(c))]


def is_block(stage: Stage) -> bool:
    """Whether it is a Binary Block."""
    return any(isinstance(e, BinaryDot) for e in stage.expressions())


@pytest.mark.parametrize("size", [(256, 256), (13, 7)])
def test_what_a_block_has_become(size: tuple[int, int]) -> None:
    """Fails where a Binary Block costs more than: dot, bend onto the residual, slopes."""
    blocks = [s for s in shipped_program(size, None).stages if is_block(s)]
    assert len(blocks) == 14
    for stage in blocks:
        count = {k: [e for e in stage.expressions() if type(e) is k] for k in (BinaryDot, HingeAdd, Load)}
        assert [len(v) for v in count.values()] == [1, 1, 1], stage.name
        (dot,), (joined,), (residual,) = count.values()
        assert isinstance(joined, HingeAdd)
        assert isinstance(dot, BinaryDot)
        assert dot.centre
        assert (joined.x, joined.y) == (dot, residual)
        for (result,), b in zip(stage.results, stage.outputs, strict=True):
            if isinstance(b.encoding, Bits):
                assert result is joined, stage.name
                continue
            assert isinstance(b.encoding, Float32)
            if b.encoding.is_plain:
                assert isinstance(result, TwoSlope)
            else:
                assert isinstance(result, TwoSlopeAdd)
                assert isinstance(result.y, Constant)
            assert result.x is joined, stage.name
        assert {type(e) for e in stage.expressions()} <= {BinaryDot, HingeAdd, Load, TwoSlopeAdd, TwoSlope, Constant}
