# SPDX-License-Identifier: Apache-2.0
"""fold_scale_shift: two scale_shift in a row are one."""

from __future__ import annotations

import numpy as np
import pytest
import tvm
from tvm.relax import op as R  # noqa: N812

from biisnet.compile.passes.fold_scale_shift import fold_scale_shift
from biisnet.compile.passes.relax_ops import scale_shift
from biisnet.compile.passes.rewrite import counts
from biisnet.compile.pipeline import RELAX_PASSES

from .graphs import module_of, picture, vector
from .relax_numpy import operators, run


def test_chain_of_three() -> None:
    """Fails where a chain is left, or constants are combined in the wrong order."""
    module = module_of(
        lambda x: scale_shift(
            scale_shift(scale_shift(x, vector(1), vector(2)), vector(3), vector(4)), vector(5), vector(6)
        )
    )
    folded = fold_scale_shift(module)
    assert counts(folded) == {"fold_scale_shift": 2}
    assert operators(folded) == {"biisnet.scale_shift": 1}
    np.testing.assert_array_equal(run(folded, picture())[0], run(module, picture())[0])


def test_shared_inner() -> None:
    """Fails where a scale_shift that something else reads, too, is lost."""

    def body(x: tvm.ir.Expr) -> tvm.ir.Expr:
        inner = scale_shift(x, vector(1), vector(2))
        return R.add(scale_shift(inner, vector(3), vector(4)), R.sigmoid(inner))

    module = module_of(body)
    np.testing.assert_allclose(run(fold_scale_shift(module), picture())[0], run(module, picture())[0], rtol=1e-12)


@pytest.mark.parametrize("name", [p.__name__ for p in RELAX_PASSES])
def test_shipped_means_the_same(shipped: dict[str, tvm.IRModule], name: str) -> None:
    """Fails where a pass changes what the shipped network computes (float64, so no sign flips by rounding)."""
    names = list(shipped)
    image = np.random.default_rng(0).integers(0, 256, (1, 16, 24)).astype(np.float32)
    before, after = shipped[names[names.index(name) - 1]], shipped[name]
    np.testing.assert_allclose(run(after, image)[0], run(before, image)[0], atol=1e-4)


def test_shipped(shipped: dict[str, tvm.IRModule]) -> None:
    """Fails where two scale_shift still follow each other in the shipped network."""
    before, after = operators(shipped["fold_residual"]), operators(shipped["fold_scale_shift"])
    fired = counts(shipped["fold_scale_shift"])["fold_scale_shift"]
    assert fired == before["biisnet.scale_shift"] - after["biisnet.scale_shift"] == 15
