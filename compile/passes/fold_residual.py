"""The sum with the leaky's own argument goes into its slopes: leaky(x; p, n) + x = leaky(x; p+1, n+1).

With this the DB Conv Layer (12) is what the paper's algebra says: X_o = X_r >= 0 ? P*X_r : N*X_r.
"""

from __future__ import annotations

import tvm
from tvm.ir import Expr
from tvm.relax.dpl import is_op, wildcard

from ..relax_ops import channels_of, leaky, per_channel
from .rewrite import Matches, rewrite_all


def fold_residual(module: tvm.IRModule) -> tvm.IRModule:
    """Merge sums of a leaky and its argument."""
    x, positive, negative = (wildcard() for _ in range(3))
    inner = is_op("biisnet.leaky")(x, positive, negative)

    def rewrite(m: Matches) -> Expr:
        n = channels_of(m[x])
        return leaky(m[x], per_channel(m[positive], n) + 1, per_channel(m[negative], n) + 1)

    sums = (is_op("relax.add")(inner, x), is_op("relax.add")(x, inner))
    return rewrite_all(module, "fold_residual", [(s, rewrite) for s in sums])
