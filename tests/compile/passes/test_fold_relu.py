# SPDX-License-Identifier: Apache-2.0
"""fold_relu: ReLU of a count is its bound, of another value a clamp, where lanes are channels."""

from __future__ import annotations

import numpy as np
import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import (
    Add,
    BinaryDot,
    ChannelDot,
    Clamp,
    Constant,
    Load,
    ScaleShift,
    ScaleShiftAdd,
    TwoSlope,
    TwoSlopeAdd,
)
from biisnet.compile.kernels.error_bounds import error_bounds
from biisnet.compile.kernels.reference import evaluate
from biisnet.compile.passes.fold_relu import fold_relu
from biisnet.compile.storage import Bits, Interleaved, Planes

SIZE = (3, 5)
N = 16
RNG = np.random.default_rng(0)
SLOPES, SHIFT = (RNG.integers(-8, 9, (2, N)) / 4).astype(np.float32)
ONE, ZERO = np.ones(N, np.float32), np.zeros(N, np.float32)
MAPS = {"bits": RNG.random((N, *SIZE)) < 0.5, "y": (RNG.integers(-99, 99, (N, *SIZE)) / 8).astype(np.float32)}
BEYOND = np.array([np.inf, -np.inf, np.nan, -1], np.float32)


def dot(kind: type[BinaryDot] = ChannelDot) -> BinaryDot:
    """1x1: counts of both signs."""
    interleaved = Interleaved() if kind is ChannelDot else Planes()
    signs = np.random.default_rng(1).random((N, N, 1, 1)) < 0.5
    return kind(N, Buffer("bits", "bits", N, *SIZE, Bits(), interleaved), signs, Window((1, 1)), 1, 2)


def y() -> Load:
    """A residual."""
    return Load(N, Buffer("y", "y", N, *SIZE, layout=Interleaved(8)))


def folded(e: Expr) -> tuple[Expr, list[np.ndarray]]:
    """What becomes of an expression, and its values before and after."""
    stage = Stage.of("s", (), (e,), [Buffer("out", "out", N, *SIZE)])
    before = evaluate(stage, MAPS)[0]
    fold_relu(Program("net", [stage], [], []))
    return stage.results[0][0], [before, evaluate(stage, MAPS)[0]]


def least(e: Expr) -> np.ndarray | None:
    """The bound of the count in an expression."""
    (found,) = (
        x for x in Stage.of("s", (), (e,), [Buffer("o", "o", N, *SIZE)]).expressions() if isinstance(x, BinaryDot)
    )
    assert isinstance(found, ChannelDot)
    return found.least


@pytest.mark.parametrize("first", [True, False])
def test_a_residual_block(first: bool) -> None:
    """Fails where BatchNorm of a ReLU of a count, and a residual, are more than a bound, a sum and a multiply-add."""
    slope = TwoSlopeAdd(N, dot(), Constant(N, SHIFT), SLOPES, ZERO)
    e, (before, after) = folded(Add(N, slope, y()) if first else Add(N, y(), slope))
    assert isinstance(e, ScaleShiftAdd)
    assert isinstance(e.y, Load)
    np.testing.assert_array_equal(least(e), np.zeros(N))
    np.testing.assert_array_equal(before, after)


def test_a_count_alone() -> None:
    """Fails where a slope of a count that is stored as it is keeps two products."""
    e, (before, after) = folded(TwoSlope(N, dot(), SLOPES, ZERO))
    assert isinstance(e, ScaleShift)
    assert isinstance(e.x, ChannelDot)
    np.testing.assert_array_equal(before, after)


def test_another_value() -> None:
    """Fails where ReLU behind a residual is not a clamp, or what infinities and NaN become is changed."""
    e, (before, after) = folded(TwoSlope(N, Add(N, dot(), y()), ONE, ZERO))
    assert isinstance(e, Clamp)
    assert e.is_open
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("shortcut", [True, False])
def test_lanes_of_pixels(shortcut: bool) -> None:
    """Fails where ReLU of -inf is NaN, or of -1 is -0.0, which another value may be divided by."""
    x = Load(N, Buffer("y", "y", N, *SIZE, layout=Planes()))
    e = TwoSlopeAdd(N, x, Constant(N, ZERO), ONE, ZERO) if shortcut else TwoSlope(N, x, ONE, ZERO)
    stage = Stage.of("s", (), (e,), [Buffer("out", "out", N, *SIZE)])
    fold_relu(Program("net", [stage], [], []))
    values = np.resize(BEYOND, (N, *SIZE))
    (found,) = evaluate(stage, {"y": values})
    np.testing.assert_array_equal(found, np.maximum(values, 0))
    assert not np.signbit(found[values == -1]).any()


def test_what_is_left_can_be_verified() -> None:
    """Fails where the size of what a ReLU was of is infinite, or 0, so that every value agrees, or none."""
    stage = Stage.of("s", (), (TwoSlope(N, y(), ONE, ZERO),), [Buffer("out", "out", N, *SIZE)])
    fold_relu(Program("net", [stage], [], []))
    assert isinstance(stage.results[0][0], Clamp)
    (bound,) = error_bounds(stage, {"y": MAPS["y"]})
    np.testing.assert_array_equal(bound, np.abs(MAPS["y"]))


def test_what_stays() -> None:
    """Fails where a slope below zero, or the same count elsewhere, is overlooked."""
    shared = dot()
    for e in (
        TwoSlope(N, dot(), SLOPES, ONE),
        TwoSlope(N, Add(N, dot(), y()), 2 * ONE, ZERO),
        Add(N, shared, TwoSlopeAdd(N, shared, y(), SLOPES, ZERO)),
    ):
        assert folded(e)[0] is e
