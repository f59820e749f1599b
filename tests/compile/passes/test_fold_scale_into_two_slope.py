# SPDX-License-Identifier: Apache-2.0
"""fold_scale_into_two_slope: two_slope(k*x; p, n) = two_slope(x; p*k, n*k), slopes swapped for k < 0."""

from __future__ import annotations

import numpy as np
import tvm

from biisnet.compile.passes.fold_scale_into_two_slope import fold_scale_into_two_slope
from biisnet.compile.passes.relax_ops import scale_shift, two_slope
from biisnet.compile.passes.rewrite import counts

from .graphs import module_of, picture, vector
from .relax_numpy import operators, run

NONE = np.zeros(4)


def test_scales_of_any_sign() -> None:
    """Fails where a negative or zero scale does not choose the other slope."""
    scale = np.array([2, -0.5, 0, -0.0])
    module = module_of(lambda x: two_slope(scale_shift(x, scale, NONE), vector(1), vector(2)))
    folded = fold_scale_into_two_slope(module)
    assert counts(folded) == {"fold_scale_into_two_slope": 1}
    assert operators(folded) == {"biisnet.two_slope": 1}
    np.testing.assert_array_equal(run(folded, picture())[0], run(module, picture())[0])


def test_chain() -> None:
    """Fails where the pass stops before nothing is left to fold."""
    module = module_of(
        lambda x: two_slope(scale_shift(scale_shift(x, vector(1), NONE), vector(2), NONE), vector(3), vector(4))
    )
    folded = fold_scale_into_two_slope(module)
    assert counts(folded) == {"fold_scale_into_two_slope": 2}
    assert operators(folded) == {"biisnet.two_slope": 1}
    np.testing.assert_array_equal(run(folded, picture())[0], run(module, picture())[0])


def test_not_with_a_shift() -> None:
    """Fails where a shift, which moves the bend, is lost."""
    module = module_of(lambda x: two_slope(scale_shift(x, vector(1), np.array([0, 0, 0, 1.0])), vector(2), vector(3)))
    folded = fold_scale_into_two_slope(module)
    assert counts(folded) == {"fold_scale_into_two_slope": 0}
    assert operators(folded) == operators(module)


def test_shipped(shipped: dict[str, tvm.IRModule]) -> None:
    """Fails where a DB Conv's factor stays outside of its MaxOut: 26, and 10 times an average's."""
    before, after = shipped["scale_through_split"], shipped["fold_scale_into_two_slope"]
    assert counts(after)["fold_scale_into_two_slope"] == 26 + 10
    removed = operators(before)["biisnet.scale_shift"] - operators(after)["biisnet.scale_shift"]
    assert removed == 26
