# SPDX-License-Identifier: Apache-2.0
"""fold_residual: two_slope(x; p, n) + x = two_slope(x; p+1, n+1)."""

from __future__ import annotations

import numpy as np
import pytest
import tvm
from tvm.relax import op as R  # noqa: N812

from biisnet.compile.passes.fold_residual import fold_residual
from biisnet.compile.passes.relax_ops import scale_shift, two_slope
from biisnet.compile.passes.rewrite import counts

from .graphs import module_of, picture, vector
from .relax_numpy import operators, run


@pytest.mark.parametrize("swapped", [False, True])
def test_either_order(swapped: bool) -> None:
    """Fails where the sum is only known in one order, or a slope is not one more."""

    def body(x: tvm.ir.Expr) -> tvm.ir.Expr:
        bent = two_slope(x, vector(1), vector(2))
        return R.add(x, bent) if swapped else R.add(bent, x)

    module = module_of(body)
    folded = fold_residual(module)
    assert counts(folded) == {"fold_residual": 1}
    assert operators(folded) == {"biisnet.two_slope": 1}
    np.testing.assert_array_equal(run(folded, picture())[0], run(module, picture())[0])


@pytest.mark.parametrize("swapped", [False, True])
def test_scaled_argument(swapped: bool) -> None:
    """Fails where a scaled argument is left outside, or its scale is not what the slopes get."""

    def body(x: tvm.ir.Expr) -> tvm.ir.Expr:
        bent, scaled = two_slope(x, vector(1), vector(2)), scale_shift(x, vector(3), np.zeros(4))
        return R.add(scaled, bent) if swapped else R.add(bent, scaled)

    module = module_of(body)
    folded = fold_residual(module)
    assert counts(folded) == {"fold_residual": 1}
    assert operators(folded) == {"biisnet.two_slope": 1}
    np.testing.assert_array_equal(run(folded, picture())[0], run(module, picture())[0])


def test_not_with_a_shift() -> None:
    """Fails where the shift of a scaled argument is lost."""
    module = module_of(lambda x: R.add(two_slope(x, vector(1), vector(2)), scale_shift(x, vector(3), vector(4))))
    folded = fold_residual(module)
    assert counts(folded) == {"fold_residual": 0}
    assert operators(folded) == operators(module)


def test_not_with_another_map() -> None:
    """Fails where the sum with something else is folded too."""
    module = module_of(lambda x: R.add(two_slope(x, vector(1), vector(2)), two_slope(x, vector(3), vector(4))))
    folded = fold_residual(module)
    assert counts(folded) == {"fold_residual": 0}
    assert operators(folded) == operators(module)


def test_shipped(shipped: dict[str, tvm.IRModule]) -> None:
    """Fails where a DB Conv Layer (12) keeps its sum although its argument is a value of its own."""
    before, after = operators(shipped["fold_scale_into_two_slope"]), operators(shipped["fold_residual"])
    assert counts(shipped["fold_residual"])["fold_residual"] == before["relax.add"] - after["relax.add"] >= 24
