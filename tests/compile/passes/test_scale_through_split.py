# SPDX-License-Identifier: Apache-2.0
"""scale_through_split: the parts of a scale_shift are the scale_shifts of the parts."""

from __future__ import annotations

import numpy as np
import pytest
import tvm
from tvm import relax
from tvm.ir import Expr
from tvm.relax import op as R  # noqa: N812

from biisnet.compile.passes.relax_ops import scale_shift
from biisnet.compile.passes.rewrite import counts
from biisnet.compile.passes.scale_through_split import scale_through_split

from .graphs import module_of, picture, vector
from .relax_numpy import operators, run


@pytest.mark.parametrize("cuts", [[2], [1, 3]])
@pytest.mark.parametrize("one", [False, True], ids=["per channel", "one for all"])
def test_parts(cuts: list[int], one: bool) -> None:
    """Fails where a part gets another part's constants, or a constant for all channels is cut."""

    def body(x: Expr) -> Expr:
        parts = R.split(scale_shift(x, vector(1, 1 if one else 4), vector(2, 1 if one else 4)), cuts, axis=1)
        return R.concat([relax.TupleGetItem(parts, i) for i in reversed(range(len(cuts) + 1))], axis=1)

    module = module_of(body)
    assert operators(module) == {"biisnet.scale_shift": 1, "relax.concat": 1, "relax.split": 1}
    moved = scale_through_split(module)
    assert counts(moved) == {"scale_through_split": len(cuts) + 1}
    found = operators(moved)
    assert (found["biisnet.scale_shift"], found["relax.concat"]) == (len(cuts) + 1, 1)
    np.testing.assert_array_equal(run(moved, picture())[0], run(module, picture())[0])


def test_read_beside_the_split() -> None:
    """Fails where a scale_shift that something else reads, too, is lost."""

    def body(x: Expr) -> list[Expr]:
        scaled = scale_shift(x, vector(1), vector(2))
        parts = R.split(scaled, [1], axis=1)
        return [R.sigmoid(scaled), relax.TupleGetItem(parts, 1)]

    module = module_of(body)
    moved = scale_through_split(module)
    assert counts(moved) == {"scale_through_split": 1}
    for found, expected in zip(run(moved, picture()), run(module, picture()), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_not_without_a_split() -> None:
    """Fails where something else than a split is rewritten."""
    module = module_of(lambda x: R.sigmoid(scale_shift(x, vector(1), vector(2))))
    moved = scale_through_split(module)
    assert counts(moved) == {"scale_through_split": 0}
    assert operators(moved) == operators(module)


def test_shipped(shipped: dict[str, tvm.IRModule]) -> None:
    """Fails where the average before a split is not moved: two DownSamples of two halves."""
    before, after = shipped["lower_layers"], shipped["scale_through_split"]
    assert counts(after)["scale_through_split"] == 4
    assert operators(after)["biisnet.scale_shift"] == operators(before)["biisnet.scale_shift"] + 4 - 2
    image = np.random.default_rng(0).integers(0, 256, (1, 16, 24)).astype(np.float32)
    np.testing.assert_allclose(run(after, image)[0], run(before, image)[0], rtol=1e-6)
