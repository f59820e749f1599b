# SPDX-License-Identifier: Apache-2.0
"""Two scale_shift in a row are one: s2*(s1*x + b1) + b2 = (s2*s1)*x + (s2*b1 + b2)."""

from __future__ import annotations

import tvm
from tvm.ir import Expr
from tvm.relax.dpl import is_op, wildcard

from .relax_ops import channels_of, per_channel, scale_shift
from .rewrite import Matches, rewrite_all


def fold_scale_shift(module: tvm.IRModule) -> tvm.IRModule:
    """Merge chains of scale_shift in main."""
    x, s1, b1, s2, b2 = (wildcard() for _ in range(5))
    inner = is_op("biisnet.scale_shift")(x, s1, b1)

    def rewrite(m: Matches) -> Expr:
        n = channels_of(m[x])
        first, shift, second, offset = (per_channel(m[p], n) for p in (s1, b1, s2, b2))
        return scale_shift(m[x], second * first, second * shift + offset)

    return rewrite_all(module, "fold_scale_shift", [(is_op("biisnet.scale_shift")(inner, s2, b2), rewrite)])
