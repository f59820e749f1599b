# SPDX-License-Identifier: Apache-2.0
"""distribute_scale: s*(two_slope + y) + h = (s*two_slope) + (s*y + h)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.kernels import Add, Load, ScaleShift, Sigmoid, TwoSlope
from biisnet.compile.passes.distribute_scale import distribute_scale

from .graphs import assert_same_stages, kinds, one_stage, picture, run_program, shipped_program, vector

NONE = np.zeros(4, np.float32)


def image() -> Load:
    """The input."""
    return Load(4, Buffer("x", "x", 4, 3, 5, external=0))


def bent(x: Expr, seed: int) -> TwoSlope:
    """two_slope."""
    return TwoSlope(4, x, vector(seed), vector(seed + 1))


def scaled(x: Expr, seed: int, *, shifted: bool = True) -> ScaleShift:
    """scale_shift, scales of any sign."""
    return ScaleShift(4, x, vector(seed), vector(seed + 1) if shifted else NONE)


CASES: dict[str, tuple[Callable[[Load], Expr], dict[str, int]]] = {
    "two_slope": (lambda x: scaled(bent(x, 1), 3, shifted=False), {"Load": 1, "TwoSlope": 1}),
    "two_slope first": (
        lambda x: scaled(Add(4, bent(x, 1), x), 3),
        {"Load": 1, "TwoSlope": 1, "ScaleShift": 1, "Add": 1},
    ),
    "two_slope second": (
        lambda x: scaled(Add(4, x, bent(x, 1)), 3),
        {"Load": 1, "TwoSlope": 1, "ScaleShift": 1, "Add": 1},
    ),
    "scaled and shifted two_slope": (
        lambda x: scaled(Add(4, scaled(bent(x, 1), 5), x), 3),
        {"Load": 1, "TwoSlope": 1, "ScaleShift": 1, "Add": 1},
    ),
    "scaled rest": (
        lambda x: scaled(Add(4, bent(x, 1), scaled(x, 5)), 3),
        {"Load": 1, "TwoSlope": 1, "ScaleShift": 1, "Add": 1},
    ),
    "two leakies": (
        lambda x: scaled(Add(4, bent(x, 1), bent(x, 7)), 3, shifted=False),
        {"Load": 1, "TwoSlope": 2, "Add": 1},
    ),
    "sum of sums": (
        lambda x: scaled(Add(4, bent(x, 1), Add(4, bent(x, 7), x)), 3),
        {"Load": 1, "TwoSlope": 2, "ScaleShift": 1, "Add": 2},
    ),
    "under something else": (
        lambda x: Sigmoid(4, scaled(Add(4, bent(x, 1), x), 3)),
        {"Load": 1, "TwoSlope": 1, "ScaleShift": 1, "Add": 1, "Sigmoid": 1},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_small(name: str) -> None:
    """Fails where a scale is left outside of a sum, or a part gets another scale or shift."""
    make, expected = CASES[name]
    before, after = one_stage((make(image()),)), one_stage((make(image()),))
    after = distribute_scale(after)
    assert kinds(after) == expected
    np.testing.assert_array_equal(run_program(after, picture())[0], run_program(before, picture())[0])


UNTOUCHED: dict[str, Callable[[Load], Expr]] = {
    "no two_slope": lambda x: scaled(Add(4, Sigmoid(4, x), x), 3),
    "shifted two_slope": lambda x: scaled(bent(x, 1), 3),
    "two_slope of a sum": lambda x: bent(Add(4, bent(x, 1), x), 3),
}


@pytest.mark.parametrize("name", UNTOUCHED)
def test_nothing_to_gain(name: str) -> None:
    """Fails where a scale is doubled for nothing, or a shift that the slopes cannot take is lost."""
    expression = UNTOUCHED[name](image())
    assert distribute_scale(one_stage((expression,))).stages[0].results == [(expression,)]


def test_every_output() -> None:
    """Fails where only the first output or branch of a stage is rewritten."""
    x = image()
    branches = [scaled(Add(4, bent(x, s), x), s + 2) for s in range(1, 5)]
    before, after = (one_stage(tuple(branches[:2]), tuple(branches[2:])) for _ in range(2))
    distribute_scale(after)
    for (result,) in ([e] for branch in after.stages[0].results for e in branch):
        assert isinstance(result, Add)
    for found, expected in zip(run_program(after, picture()), run_program(before, picture()), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_shipped() -> None:
    """Fails where a ReDistribution stays behind its block's sum (14), or a fusion's average (2) does."""
    before, after = (
        shipped_program((16, 24), "drop_sign_preserving_two_slope"),
        shipped_program((16, 24), "distribute_scale"),
    )
    old, new = kinds(before), kinds(after)
    assert old.pop("ScaleShift") - new.pop("ScaleShift") == 16
    assert old == new
    assert not [
        e
        for s in after.stages
        for e in s.expressions()
        if isinstance(e, ScaleShift)
        and (
            (isinstance(e.x, TwoSlope) and not e.shift.any())
            or (isinstance(e.x, Add) and isinstance(e.x.a, TwoSlope | ScaleShift) and isinstance(e.x.b, TwoSlope))
        )
    ]
    assert_same_stages(before, after, np.random.default_rng(0).integers(0, 256, (1, 16, 24)))
