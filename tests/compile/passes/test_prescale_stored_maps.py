# SPDX-License-Identifier: Apache-2.0
"""prescale_stored_maps: what its only reader scales and shifts is stored so; sign bits stay those of x."""

from __future__ import annotations

import numpy as np
import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import BinaryDot, Load, PoolSum, ScaleShift, Sigmoid, TwoSlope
from biisnet.compile.passes.prescale_stored_maps import prescale_stored_maps
from biisnet.compile.storage import Bits, Float32, Planes

from .graphs import assert_same_stages, kinds, picture, run_program, shipped_program, stored_maps, vector


def scaled(x: Expr, seed: int = 3) -> ScaleShift:
    """scale_shift of any sign."""
    return ScaleShift(x.channels, x, vector(seed, x.channels), vector(seed + 1, x.channels))


def external(n: int, e: Expr) -> tuple[Stage, Buffer]:
    """A stage that stores e as the model's output."""
    b = Buffer(f"y{n}", f"y{n}", e.channels, 3, 5, external=n)
    return Stage.of(f"y{n}", (), (e,), [b]), b


def net(*reads: str, margin: str = "none", branches: int = 1) -> Program:
    """A map, its bits beside it, and its readers; `reads` says how each reads it."""
    x = Buffer("x", "x", 4, 3, 5, external=0)
    m = Buffer("m", "m", 4, 3, 5, layout=Planes(margin))  # type: ignore[arg-type]
    bits = Buffer("m.bits", "m", 4, 3, 5, Bits(threshold=vector(6)), Planes("zero"))
    cut = 4 // branches
    two_slope = tuple(
        TwoSlope(cut, Load(cut, x, i), vector(1)[i : i + cut], vector(2)[i : i + cut]) for i in range(0, 4, cut)
    )
    dot = BinaryDot(4, bits, picture((4, 4, 3, 3)) > 0, Window((3, 3), pads=(1, 1, 1, 1)))
    ways: dict[str, Expr] = {
        "scaled": scaled(Load(4, m)),
        "bare": Load(4, m),
        "sigmoid": Sigmoid(4, Load(4, m)),
        "pool": PoolSum(4, m),
        "part": scaled(Load(2, m, 1)),
        "dot": dot,
    }
    stages, outputs = zip(*(external(n, ways[r]) for n, r in enumerate(reads)), strict=True)
    for s, r in zip(stages, reads, strict=True):
        if r == "pool":
            s.outputs[0].height, s.outputs[0].width = 1, 2
    first = Stage("m", (), [bits, m], [two_slope, two_slope])
    return Program("net", [first, *stages], [x], list(outputs))


def scaled_maps(program: Program) -> list[Buffer]:
    """The maps that are not stored as they are."""
    return [b for b in program.buffers() if isinstance(b.encoding, Float32) and not b.encoding.is_plain]


@pytest.mark.parametrize("branches", [1, 2, 4])
def test_only_reader_scales(branches: int) -> None:
    """Fails where the stored map is not scale*x + shift, the reader scales again, or the bits are taken of that."""
    before, after = (
        net("scaled", "dot", branches=branches),
        prescale_stored_maps(net("scaled", "dot", branches=branches)),
    )
    bits, m = after.stages[0].outputs
    assert isinstance(bits.encoding, Bits)
    np.testing.assert_array_equal(bits.encoding.threshold, vector(6))
    assert isinstance(m.encoding, Float32)
    np.testing.assert_array_equal(m.encoding.scale, vector(3))
    np.testing.assert_array_equal(m.encoding.shift, vector(4))
    assert [type(e) for e in after.stages[1].results[0]] == [Load]
    assert [type(e) for e in after.stages[0].results[1]] == [ScaleShift] * branches
    assert after.stages[0].results[0] is not after.stages[0].results[1]
    assert [type(e) for e in after.stages[0].results[0]] == [TwoSlope] * branches
    old, new = (stored_maps(p, picture()) for p in (before, after))
    np.testing.assert_array_equal(new["m"], old["m"] * vector(3)[:, None, None] + vector(4)[:, None, None])
    np.testing.assert_array_equal(new["m.bits"], old["m.bits"])
    for found, expected in zip(run_program(after, picture()), run_program(before, picture()), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert_same_stages(before, after, picture())


@pytest.mark.parametrize(
    "reads", [("scaled", "sigmoid"), ("scaled", "scaled"), ("scaled", "pool"), ("pool",), ("scaled", "bare")]
)
def test_other_readers(reads: tuple[str, ...]) -> None:
    """Fails where a map that something else reads as it is, too, is stored scaled."""
    before, after = net(*reads), prescale_stored_maps(net(*reads))
    for found, expected in zip(run_program(after, picture()), run_program(before, picture()), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert not scaled_maps(after)
    assert kinds(after) == kinds(before)


def test_reader_of_a_part() -> None:
    """Fails where the only reader, which reads some of the channels, changes what those hold."""
    before, after = net("part"), prescale_stored_maps(net("part"))
    np.testing.assert_array_equal(run_program(after, picture())[0], run_program(before, picture())[0])


def test_not_with_a_margin() -> None:
    """Fails where a map that a window reads, zeros beside it, is shifted."""
    after = prescale_stored_maps(net("scaled", margin="zero"))
    assert not scaled_maps(after)
    assert kinds(after) == kinds(net("scaled", margin="zero"))


def test_not_the_users_own() -> None:
    """Fails where the model's input or output is scaled."""
    x, y = Buffer("x", "x", 4, 3, 5, external=0), Buffer("y0", "y0", 4, 3, 5, external=0)
    stages = [Stage.of("a", (), (Sigmoid(4, scaled(Load(4, x))),), [y]), external(1, scaled(Load(4, y)))[0]]
    after = prescale_stored_maps(Program("net", stages, [x], [y, stages[1].outputs[0]]))
    assert not scaled_maps(after)
    assert kinds(after) == {"Load": 2, "ScaleShift": 2, "Sigmoid": 1}


def test_shipped() -> None:
    """Fails where a residual is scaled by the block that reads it: 14 maps, each the shortcut of a block."""
    before, after = (
        shipped_program((16, 24), "fold_prelu_into_accumulator"),
        shipped_program((16, 24), "prescale_stored_maps"),
    )
    stored = scaled_maps(after)
    assert len(stored) == 14
    assert all(b.external is None and b.layout == Planes("none") for b in stored)
    for s in after.stages:
        for e in s.expressions():
            if isinstance(e, ScaleShift) and isinstance(e.x, Load):
                assert e.x.buffer.external is not None, s.name
    old, new = kinds(before), kinds(after)
    halves = 2  # a DownSample has two branches
    assert new.pop("ScaleShift") - old.pop("ScaleShift") == halves
    assert old == new
    assert_same_stages(before, after, np.random.default_rng(0).integers(0, 256, (1, 16, 24)))
