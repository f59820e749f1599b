# SPDX-License-Identifier: Apache-2.0
"""The sum with the two_slope's own argument goes into its slopes: two_slope(x; p, n) + s*x = two_slope(x; p+s, n+s).

With this the DB Conv Layer (12) is what the paper's algebra says: X_o = X_r >= 0 ? P*X_r : N*X_r.
"""

from __future__ import annotations

import numpy as np
import tvm
from tvm.ir import Expr
from tvm.relax.dpl import DFPattern, is_op, wildcard

from .missed import Missed
from .relax_ops import channels_of, per_channel, two_slope
from .rewrite import Matches, Rule, rewrite_all


def fold_residual(module: tvm.IRModule) -> tvm.IRModule:
    """Merge sums of a two_slope and its (scaled) argument."""
    x, positive, negative, scale, shift = (wildcard() for _ in range(5))
    inner = is_op("biisnet.two_slope")(x, positive, negative)
    scaled = is_op("biisnet.scale_shift")(x, scale, shift)

    def rule(pattern: DFPattern, factor: DFPattern | None) -> Rule:
        def rewrite(m: Matches) -> Expr | Missed:
            n = channels_of(m[x])
            if factor is not None and per_channel(m[shift], n).any():
                return Missed("what is added to the two_slope is shifted, too")
            s = np.ones(n) if factor is None else per_channel(m[factor], n)
            return two_slope(m[x], per_channel(m[positive], n) + s, per_channel(m[negative], n) + s)

        return pattern, rewrite

    add = is_op("relax.add")
    sums = [(add(inner, x), None), (add(x, inner), None), (add(inner, scaled), scale), (add(scaled, inner), scale)]
    return rewrite_all(module, "fold_residual", [rule(*s) for s in sums])
