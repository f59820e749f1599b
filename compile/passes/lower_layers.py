# SPDX-License-Identifier: Apache-2.0
"""com.biisnet layers and resampling -> binary_dot, repeat_channels, pool_sum, upsample, scale_shift, two_slope.

RPReLU (10)          y > a ? y - a + b : c(y - a) + b   =  two_slope(y - a; 1, c) + b
ReDistribution (11)  alpha*x + beta
DotBinaryConv2d (18) x*(scale*b_w + offset), b_w the channel's sign
MaxOut               positive*relu(y) - negative*relu(-y)  =  two_slope(y; positive, -(-negative))
BinaryConv2d (3)     a tap's activation is a = am + ah*s, its weight w = wm + wh*t, with signs s, t = +-1 and
                     m, h the middle and half the distance of the levels. Summed over the K taps
                         sum a*w = ah*wh*(sum s*t) + am*wh*(sum t) + wm*(sum a)
                     sum s*t is the binary dot product; sum t is known; sum a, wanted only where wm != 0, is
                     the dot product of the activations with weights that all are +1.
                     A padded tap has s = -1 and is owed (pad_value - a_lower)*w more: pad_shift times t in
                     units of ah*wh. Where all accumulators are even, halves are computed (unit = 2).
                     A pad_value that is neither level nor am: padded taps count as am, and are owed
                         (pad_value - am)*(sum w - sum over taps that are not padded of w)
                     more, whose last sum is the same with all signs s = +1 and padded taps that count nothing.
average pooling      the sum of 4 pixels, times 1/4
linear resizing      16 times the value in small whole weights, times 1/16
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tvm
from tvm.ir import Expr
from tvm.relax import op as R  # noqa: N812
from tvm.relax.dpl import is_op, wildcard

from ...ops import unpack_weights
from .relax_ops import call, channels_of, constant, ints, per_channel, scale_shift, two_slope
from .rewrite import Matches, Rule, rewrite_all

ALL_SET = np.full(1, -np.finfo(np.float32).max, np.float32)
"""A threshold that every finite number reaches."""


def lower_layers(module: tvm.IRModule) -> tvm.IRModule:
    """Rewrite all com.biisnet layers of main."""
    rules = (rprelu, redistribution, dot_binary_conv2d, maxout, binary_conv2d, average_pool, resize)
    return rewrite_all(module, "lower_layers", [rule() for rule in rules])


def rprelu() -> Rule:
    """biisnet.rprelu(y, a, b, c)."""
    y, a, b, c = (wildcard() for _ in range(4))

    def rewrite(m: Matches) -> Expr:
        n = channels_of(m[y])
        shift, offset, slope = (per_channel(m[p], n) for p in (a, b, c))
        one = np.ones(n)
        return scale_shift(two_slope(scale_shift(m[y], one, -shift), one, slope), one, offset)

    return is_op("biisnet.rprelu")(y, a, b, c), rewrite


def redistribution() -> Rule:
    """biisnet.redistribution(x, alpha, beta)."""
    x, alpha, beta = (wildcard() for _ in range(3))

    def rewrite(m: Matches) -> Expr:
        n = channels_of(m[x])
        return scale_shift(m[x], per_channel(m[alpha], n), per_channel(m[beta], n))

    return is_op("biisnet.redistribution")(x, alpha, beta), rewrite


def dot_binary_conv2d() -> Rule:
    """biisnet.dot_binary_conv2d(x, packed weight, scale, offset)."""
    x, weight, scale, offset = (wildcard() for _ in range(4))

    def rewrite(m: Matches) -> Expr:
        n = channels_of(m[x])
        signs = np.unpackbits(constant(m[weight]), bitorder="little")[:n] * 2.0 - 1
        factor = per_channel(m[scale], n) * signs + per_channel(m[offset], n)
        return scale_shift(m[x], factor, np.zeros(n))

    return is_op("biisnet.dot_binary_conv2d")(x, weight, scale, offset), rewrite


def maxout() -> Rule:
    """biisnet.maxout(y, positive, negative)."""
    y, positive, negative = (wildcard() for _ in range(3))

    def rewrite(m: Matches) -> Expr:
        n = channels_of(m[y])
        return two_slope(m[y], per_channel(m[positive], n), per_channel(m[negative], n))

    return is_op("biisnet.maxout")(y, positive, negative), rewrite


def binary_conv2d() -> Rule:
    """biisnet.binary_conv2d(x, weight, scale, offset, activation_levels, weight_levels, threshold)."""
    names = [wildcard() for _ in range(7)]
    pattern = is_op("biisnet.binary_conv2d")(*names)

    def rewrite(m: Matches) -> Expr:
        x, weight, scale, offset, activation_levels, weight_levels, threshold = (m[n] for n in names)
        attributes = m[pattern].attrs
        packed = constant(weight)
        outputs, groups = len(packed), int(attributes["group"])
        signs = unpack_weights(packed, int(attributes["channels"]))
        lower, upper = constant(activation_levels).astype(np.float64)
        a_middle, a_half = (upper + lower) / 2, (upper - lower) / 2
        levels = np.broadcast_to(constant(weight_levels).astype(np.float64), (outputs, 2))
        w_middle, w_half = levels.mean(1), (levels[:, 1] - levels[:, 0]) / 2
        factor, shift = per_channel(scale, outputs), per_channel(offset, outputs)
        pad_shift, owed = 0.0, 0.0
        if any(ints(attributes["pads"])):
            # learned levels and the middle between them are rounded to float32, each for itself
            pad_shift = round((float(attributes["pad_value"]) - lower) / a_half, 5) if a_half else np.nan
            if pad_shift not in (0, 1, 2):
                pad_shift, owed = 1, float(attributes["pad_value"]) - a_middle
        geometry: dict[str, Any] = {name: list(ints(attributes[name])) for name in ("strides", "pads", "dilations")}
        _, channels, *kernel = signs.shape
        padded = any(ints(attributes["pads"])) and pad_shift == 1
        unit = 1 if channels * math.prod(kernel) % 2 or (padded and channels % 2) else 2
        geometry |= {"group": groups, "pad_shift": int(pad_shift), "unit": unit}

        def dot(bits: np.ndarray, of: np.ndarray) -> Expr:
            return call("binary_dot", [x, bits.astype(np.uint8), of], **geometry)

        own = constant(threshold)

        sum_t = (signs * 2.0 - 1).sum((1, 2, 3))
        result = scale_shift(
            dot(signs, own), unit * factor * a_half * w_half, shift + factor * a_middle * w_half * sum_t
        )
        if owed:
            sum_w = w_half * sum_t + w_middle * signs[0].size
            result = R.add(
                result, scale_shift(dot(signs, ALL_SET), -unit * factor * owed * w_half, factor * owed * sum_w)
            )
        if not w_middle.any():
            return result
        ones = np.ones((groups, *signs.shape[1:]), bool)
        sum_a = call("repeat_channels", [dot(ones, own)], channels=outputs)
        taps = ones[0].size
        result = R.add(
            result, scale_shift(sum_a, unit * factor * w_middle * a_half, factor * w_middle * a_middle * taps)
        )
        if not owed:
            return result
        valid = call("repeat_channels", [dot(ones, ALL_SET)], channels=outputs)
        return R.add(result, scale_shift(valid, -unit * factor * owed * w_middle, np.zeros(outputs)))

    return pattern, rewrite


def average_pool() -> Rule:
    """relax.nn.avg_pool2d(x) of 2x2, the only one that the importer makes."""
    x = wildcard()

    def rewrite(m: Matches) -> Expr:
        n = channels_of(m[x])
        return scale_shift(call("pool_sum", [m[x]]), np.full(n, 0.25), np.zeros(n))

    return is_op("relax.nn.avg_pool2d")(x), rewrite


def resize() -> Rule:
    """relax.image.resize2d(x, size) to twice the size, the only one that the importer makes."""
    x, size = wildcard(), wildcard()
    pattern = is_op("relax.image.resize2d")(x, size)

    def rewrite(m: Matches) -> Expr:
        n = channels_of(m[x])
        if m[pattern].attrs.method != "linear":
            return call("upsample", [m[x]], mode="nearest")
        return scale_shift(call("upsample", [m[x]], mode="linear"), np.full(n, 1 / 16), np.zeros(n))

    return pattern, rewrite
