# SPDX-License-Identifier: Apache-2.0
"""A pure scale before two_slope goes into its slopes: two_slope(k*x; p, n) = two_slope(x; p*k, n*k).

For k < 0 the slopes change places.
"""

from __future__ import annotations

import numpy as np
import tvm
from tvm.ir import Expr
from tvm.relax.dpl import is_op, wildcard

from .missed import Missed
from .relax_ops import channels_of, per_channel, two_slope
from .rewrite import Matches, rewrite_all


def fold_scale_into_two_slope(module: tvm.IRModule) -> tvm.IRModule:
    """Merge scale_shift without shift into the two_slope after it."""
    x, scale, shift, positive, negative = (wildcard() for _ in range(5))
    inner = is_op("biisnet.scale_shift")(x, scale, shift)

    def rewrite(m: Matches) -> Expr | Missed:
        n = channels_of(m[x])
        k, b, p, q = (per_channel(m[c], n) for c in (scale, shift, positive, negative))
        if b.any():
            return Missed("its argument is shifted, not only scaled")
        return two_slope(m[x], np.where(k > 0, p, q) * k, np.where(k > 0, q, p) * k)

    return rewrite_all(
        module, "fold_scale_into_two_slope", [(is_op("biisnet.two_slope")(inner, positive, negative), rewrite)]
    )
