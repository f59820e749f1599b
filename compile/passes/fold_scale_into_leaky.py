"""A pure scale before leaky goes into its slopes: leaky(k*x; p, n) = leaky(x; p*k, n*k), slopes swapped for k < 0."""

from __future__ import annotations

import numpy as np
import tvm
from tvm.ir import Expr
from tvm.relax.dpl import is_op, wildcard

from ..relax_ops import channels_of, leaky, per_channel
from .rewrite import Matches, rewrite_all


def fold_scale_into_leaky(module: tvm.IRModule) -> tvm.IRModule:
    """Merge scale_shift without shift into the leaky after it."""
    x, scale, shift, positive, negative = (wildcard() for _ in range(5))
    inner = is_op("biisnet.scale_shift")(x, scale, shift)

    def rewrite(m: Matches) -> Expr | None:
        n = channels_of(m[x])
        k, b, p, q = (per_channel(m[c], n) for c in (scale, shift, positive, negative))
        if b.any():
            return None
        return leaky(m[x], np.where(k > 0, p, q) * k, np.where(k > 0, q, p) * k)

    return rewrite_all(module, "fold_scale_into_leaky", [(is_op("biisnet.leaky")(inner, positive, negative), rewrite)])
