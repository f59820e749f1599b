# SPDX-License-Identifier: Apache-2.0
"""A scale_shift before a split comes after it: part i of scale*x + shift is scale_i * (part i of x) + shift_i."""

from __future__ import annotations

import tvm
from tvm import relax
from tvm.ir import Expr
from tvm.relax import op as R  # noqa: N812
from tvm.relax.dpl import is_op, is_tuple_get_item, wildcard

from .relax_ops import channels_of, ints, per_channel, scale_shift
from .rewrite import Matches, rewrite_all


def scale_through_split(module: tvm.IRModule) -> tvm.IRModule:
    """Move every scale_shift that is split on channels behind the split."""
    x, scale, shift = wildcard(), wildcard(), wildcard()
    split = is_op("relax.split")(is_op("biisnet.scale_shift")(x, scale, shift))
    part = is_tuple_get_item(split)

    def rewrite(m: Matches) -> Expr:
        n, cuts = channels_of(m[x]), list(ints(m[split].attrs.indices_or_sections))
        index, bounds = m[part].index, [0, *cuts, n]
        at = slice(bounds[index], bounds[index + 1])
        piece = relax.TupleGetItem(R.split(m[x], cuts, axis=1), index)
        return scale_shift(piece, per_channel(m[scale], n)[at], per_channel(m[shift], n)[at])

    return rewrite_all(module, "scale_through_split", [(part, rewrite)])
