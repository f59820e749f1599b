# SPDX-License-Identifier: Apache-2.0
"""Integer operators that read a stored map together with the work on it: no int32 map is stored.

integer_sum_pool(integer_two_slope(u; n, p))                          = integer_pool(u; n, p)
requantize(channel_sum(integer_two_slope(u; n, p)), b; to 16 bits)    = integer_mix(u; n, p, b)
integer_dot(tile_channels(u), w, t), t the same for every copy        = integer_dot(u, w, t of one; tile)

Where that convolution has groups, and each group reads whole copies of u, all of them read the same: they are one group
that reads u so often. A group that reads a part of u stays as it is.
"""

from __future__ import annotations

import numpy as np
import tvm
from tvm.ir import Expr
from tvm.relax.dpl import is_op, wildcard

from .missed import Missed
from .relax_ops import call, channels_of, constant
from .rewrite import Matches, rewrite_all


def fold_integer_windows(module: tvm.IRModule) -> tvm.IRModule:
    """Merge what is done to a map into the operator that reads it."""
    u, n, p, b, w, t = (wildcard() for _ in range(6))
    slopes = is_op("biisnet.integer_two_slope")(u, n, p)
    dot = is_op("biisnet.integer_dot")(is_op("biisnet.tile_channels")(u), w, t)
    last = is_op("biisnet.requantize")(is_op("biisnet.channel_sum")(slopes), b)

    def pool(m: Matches) -> Expr:
        return call("integer_pool", [m[u], m[n], m[p]])

    def mix(m: Matches) -> Expr | Missed:
        attributes = m[last].attrs
        if int(attributes["shift"]) or int(attributes["bits"]) != 16:
            return Missed("a sum over channels is stored with 16 bits, unshifted")
        return call("integer_mix", [m[u], m[n], m[p], m[b]])

    def twin(m: Matches) -> Expr | Missed:
        thresholds, channels = constant(m[t]), channels_of(m[u])
        copies = np.broadcast_to(thresholds, (channels_of_dot(m[dot]),)).reshape(-1, channels)
        if (copies != copies[0]).any():
            return Missed("the copies of a map have different thresholds")
        attributes = dict(m[dot].attrs.items())
        tile, parts = divmod(len(copies), int(attributes["group"]))
        if parts:
            return Missed("a group does not read whole copies of the map")
        return call("integer_dot", [m[u], m[w], copies[0].copy()], **{**attributes, "group": 1, "tile": tile})

    rules = [(is_op("biisnet.integer_sum_pool")(slopes), pool), (last, mix), (dot, twin)]
    return rewrite_all(module, "fold_integer_windows", rules)


def channels_of_dot(call: Expr) -> int:
    """Channels that a binary convolution reads."""
    return channels_of(call.args[0])
