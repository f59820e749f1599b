# SPDX-License-Identifier: Apache-2.0
"""drop_sign_preserving_two_slope: the sign of two_slope(x; p, n) with p, n > 0 is that of x."""

from __future__ import annotations

import numpy as np
import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.kernels import Load, Sigmoid, TwoSlope
from biisnet.compile.passes.drop_sign_preserving_two_slope import drop_sign_preserving_two_slope
from biisnet.compile.storage import Bits, Planes

from .graphs import assert_same_stages, picture, shipped_program, stored_maps, vector

SMALL = np.array([1e-3, 0.5, 1, 40], np.float32)


def net(e: Expr, threshold: np.ndarray) -> Program:
    """A stage that stores a map of `x`, and bits of it."""
    x = next(n.buffer for n in below(e) if isinstance(n, Load))
    outputs = [
        Buffer("m.bits", "m", 4, 3, 5, Bits(threshold=threshold.astype(np.float32)), Planes("zero")),
        Buffer("m", "m", 4, 3, 5),
    ]
    return Program("net", [Stage.of("m", (), (e,), outputs)], [x], [])


def below(e: Expr) -> list[Expr]:
    """A node and all of its parts."""
    return [e, *(n for c in e.children() for n in below(c))]


def image() -> Load:
    """The input."""
    return Load(4, Buffer("x", "x", 4, 3, 5, external=0))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_positive_slopes(depth: int) -> None:
    """Fails where a two_slope is computed for its sign, the stored map loses it, or a bit of 0, -0 or NaN changes."""
    x: Expr = image()
    e = x
    for _ in range(depth):
        e = TwoSlope(4, e, SMALL, SMALL[::-1].copy())
    before, after = (net(e, np.zeros(1)) for _ in range(2))
    drop_sign_preserving_two_slope(after)
    assert after.stages[0].results == [(x,), (e,)]
    given = picture()
    given[:, 0, :3] = 0.0, -0.0, np.nan
    old, new = stored_maps(before, given), stored_maps(after, given)
    for name in old:
        np.testing.assert_array_equal(new[name], old[name])


@pytest.mark.parametrize("which", ["positive", "negative"])
@pytest.mark.parametrize("slope", [0.0, -1.0])
def test_other_slopes(which: str, slope: float) -> None:
    """Fails where one channel whose two_slope changes or loses the sign is passed over."""
    bad = SMALL.copy()
    bad[2] = slope
    e = TwoSlope(4, image(), *((bad, SMALL) if which == "positive" else (SMALL, bad)))
    assert drop_sign_preserving_two_slope(net(e, np.zeros(1))).stages[0].results == [(e,), (e,)]


def test_other_thresholds_and_expressions() -> None:
    """Fails where bits that tell more than the sign, or of something else than a two_slope, are changed."""
    e = TwoSlope(4, image(), SMALL, SMALL)
    for threshold in (np.ones(1), vector(5)):
        assert drop_sign_preserving_two_slope(net(e, threshold)).stages[0].results == [(e,), (e,)]
    other = Sigmoid(4, e)
    assert drop_sign_preserving_two_slope(net(other, np.zeros(1))).stages[0].results == [(other,), (other,)]


def test_shipped() -> None:
    """Fails where a block's last two_slope is computed for its bits, or a bit changes."""
    before, after = shipped_program((16, 24)), shipped_program((16, 24), "drop_sign_preserving_two_slope")
    changed = 0
    for old, new in zip(before.stages, after.stages, strict=True):
        for b, was, became in zip(new.outputs, old.results, new.results, strict=True):
            same = [[type(n) for e in r for n in below(e)] for r in (was, became)]
            changed += same[0] != same[1]
            assert same[0] == same[1] or isinstance(b.encoding, Bits)
            positive = [isinstance(e, TwoSlope) and min(e.positive.min(), e.negative.min()) > 0 for e in became]
            assert not isinstance(b.encoding, Bits) or not any(positive), b.name
    assert changed == 11
    assert_same_stages(before, after, np.random.default_rng(0).integers(0, 256, (1, 16, 24)))
