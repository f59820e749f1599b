# SPDX-License-Identifier: Apache-2.0
"""fold_prelu_into_accumulator: RPReLU of an accumulator, and a sum with it, in two multiply-adds; equal in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Add, BinaryDot, Constant, HingeAdd, Load, ScaleShift, TwoSlope
from biisnet.compile.kernels.reference import evaluate
from biisnet.compile.passes.fold_prelu_into_accumulator import centre, fold_prelu_into_accumulator
from biisnet.compile.storage import Bits, Planes

from .graphs import Array, assert_same_stages, kinds, shipped_program

CHANNELS, INPUTS, ROWS, COLUMNS = 16, 16, 9, 40
BITS = Buffer("x.bits", "x", INPUTS, ROWS, COLUMNS, Bits(), Planes("zero"))
RESIDUAL = Buffer("r", "r", CHANNELS, ROWS, COLUMNS)


def accumulator() -> BinaryDot:
    """A 3x3 binary convolution with random weights."""
    signs = np.random.default_rng(0).random((CHANNELS, INPUTS, 3, 3)) < 0.5
    return BinaryDot(CHANNELS, BITS, signs, Window((3, 3), pads=(1, 1, 1, 1)), 1, 2)


def program(e: Expr) -> Program:
    """One stage that stores e."""
    output = Buffer("y", "y", CHANNELS, ROWS, COLUMNS, external=0)
    return Program("net", [Stage.of("y", (), (e,), [output])], [], [output])


def maps() -> dict[str, Array]:
    """Bits of all densities, so that accumulators reach far, and a residual."""
    rng = np.random.default_rng(1)
    return {
        "x.bits": rng.random((INPUTS, ROWS, COLUMNS)) < np.linspace(0, 1, COLUMNS),
        "r": rng.normal(0, 3, (CHANNELS, ROWS, COLUMNS)),
    }


def constants(scale: float, shift: float) -> tuple[Array, ...]:
    """Scale, shift and both slopes for each channel, of any sign."""
    rng = np.random.default_rng(2)
    s, h, p, n = (rng.normal(0, 1, CHANNELS).astype(np.float32) for _ in range(4))
    return s * np.float32(scale), h * np.float32(shift), p, n


# scale 0; a knee amid the accumulators; one beyond all of them, where one slope alone is ever taken
RANGES = [(0.0, 1.0), (1.0, 20.0), (1.0, 0.0), (1e-3, 1e3), (1e-20, 1e20)]


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize(("scale", "shift"), RANGES)
def test_equal(scale: float, shift: float, residual: bool) -> None:
    """Fails where a slope, the knee or the shift is wrong for any sign of the scale and the slopes."""
    s, h, p, n = constants(scale, shift)
    t = ScaleShift(CHANNELS, accumulator(), s, h)
    e: Expr = TwoSlope(CHANNELS, t, p, n)
    if residual:
        e = Add(CHANNELS, Load(CHANNELS, RESIDUAL), e)
    (expected,) = evaluate(program(e).stages[0], maps())
    after = fold_prelu_into_accumulator(program(e))
    (found,) = evaluate(after.stages[0], maps())
    assert kinds(after).get("TwoSlope", 0) == 0
    assert kinds(after)["HingeAdd"] == 1
    tolerance = 1e-6 * (np.abs(h).max() + 1000 * np.abs(s).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=max(tolerance, 1e-6))


def test_scaled_only() -> None:
    """Fails where an accumulator without RPReLU gets a centre, which costs precision."""
    s, h, *_ = constants(1, 1)
    after = fold_prelu_into_accumulator(program(ScaleShift(CHANNELS, accumulator(), s, h)))
    assert kinds(after) == {"BinaryDot": 1, "ScaleShift": 1}
    assert all(e.centre == 0 for e in after.stages[0].expressions() if isinstance(e, BinaryDot))


def test_shared_accumulator_stays_one() -> None:
    """Fails where two readers of one accumulator get one each."""
    s, h, p, n = constants(1, 1)
    t = ScaleShift(CHANNELS, accumulator(), s, h)
    after = fold_prelu_into_accumulator(
        program(Add(CHANNELS, TwoSlope(CHANNELS, t, p, n), TwoSlope(CHANNELS, t, n, p)))
    )
    assert kinds(after)["BinaryDot"] == 1


@pytest.mark.parametrize(("inputs", "unit", "power"), [(1, 1, 8), (16, 2, 8), (32, 2, 9), (64, 2, 10), (1820, 1, 15)])
def test_centre(inputs: int, unit: int, power: int) -> None:
    """Fails where an accumulator leaves the binade that its bits are put into."""
    signs = np.ones((1, inputs, 3, 3), bool)
    dot = centre(replace(accumulator(), signs=signs, unit=unit), {})
    largest = signs[0].size // unit
    assert dot.centre == 3 << (power - 1)
    assert 2**power <= dot.centre - largest
    assert dot.centre + largest < 2 ** (power + 1)


def test_shipped() -> None:
    """Fails where one of the 14 blocks is not bent, or stores something else."""
    before, after = (shipped_program((16, 24), name) for name in ("distribute_scale", "fold_prelu_into_accumulator"))
    old, new = kinds(before), kinds(after)
    assert new["HingeAdd"] == 14
    assert old["TwoSlope"] - new["TwoSlope"] == old["Add"] - new["Add"] == 14
    for stage in after.stages:
        for e in stage.expressions():
            if isinstance(e, HingeAdd):
                assert not (np.signbit(e.bend) & (e.bend == 0)).any()
                assert not isinstance(e.y, Constant)
    # the shift, a float32 constant, is some times as large as what is stored: its own rounding shows
    assert_same_stages(before, after, np.random.default_rng(0).integers(0, 256, (1, 16, 24)), 2e-6)
