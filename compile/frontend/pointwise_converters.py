# SPDX-License-Identifier: Apache-2.0
"""Converters of what is computed for each pixel alone."""

from __future__ import annotations

import numpy as np
from tvm import relax
from tvm.ir import Expr
from tvm.relax import op as R  # noqa: N812

from ..passes.relax_ops import call, channels_of, dtype_of, scale_shift, shape_of, two_slope
from ..refusals import layers
from .converters import Node, Results, channel_vector, converts


def spread_alike(node: Node, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """Two maps as ONNX spreads one over the other: a side of 1 is as long as the other's."""
    ours, theirs = shape_of(a), shape_of(b)
    fits = len(ours) == len(theirs) == 4 and all(1 in (m, n) or m == n for m, n in zip(ours, theirs, strict=True))
    node.require(fits, f"shapes {ours} and {theirs} differ", layers.SUM)
    shape = tuple(max(m, n) for m, n in zip(ours, theirs, strict=True))

    def whole(x: Expr) -> Expr:
        _, c, h, w = shape
        return x if shape_of(x) == shape else call("spread", [x], channels=c, height=h, width=w)

    return whole(a), whole(b)


@converts("Add")
def add(node: Node) -> Results:
    """The sum of two maps, or of a map and a constant."""
    a, b = node.inputs
    if isinstance(a, Expr) and isinstance(b, Expr):
        return [R.add(*spread_alike(node, a, b))]
    x, k = (a, b) if isinstance(a, Expr) else (b, a)
    shift = channel_vector(node, k, channels_of(x))
    return [scale_shift(x, np.ones_like(shift), shift)]


@converts("Sub")
def sub(node: Node) -> Results:
    """Map - constant, constant - map, map - map."""
    a, b = node.inputs
    if isinstance(a, Expr) and isinstance(b, Expr):
        ones = np.ones(max(channels_of(a), channels_of(b)))
        a, b = spread_alike(node, a, b)
        return [R.add(a, scale_shift(b, -ones, 0 * ones))]
    x = a if isinstance(a, Expr) else b
    k = channel_vector(node, b if isinstance(a, Expr) else a, channels_of(x))
    one = np.ones_like(k)
    return [scale_shift(x, one, -k) if isinstance(a, Expr) else scale_shift(x, -one, k)]


@converts("Mul")
def mul(node: Node) -> Results:
    """Product of two maps, or with a constant a channel."""
    a, b = node.inputs
    if isinstance(a, Expr) and isinstance(b, Expr):
        node.require(not {dtype_of(a), dtype_of(b)} - {"float32"}, "a product of maps of integers is not supported")
        return [R.multiply(*spread_alike(node, a, b))]
    x, k = (a, b) if isinstance(a, Expr) else (b, a)
    scale = channel_vector(node, k, channels_of(x))
    return [scale_shift(x, scale, np.zeros_like(scale))]


@converts("Div")
def div(node: Node) -> Results:
    """Quotient of two maps, by a constant a channel, or of a constant a channel."""
    a, b = node.inputs
    if isinstance(a, Expr) and isinstance(b, Expr):
        return [R.divide(*spread_alike(node, a, b))]
    if isinstance(b, Expr):
        of = channel_vector(node, a, channels_of(b)).astype(np.float32)
        return [R.divide(relax.const(np.ascontiguousarray(of.reshape(1, -1, 1, 1))), b)]
    k = channel_vector(node, node.constant(1), channels_of(node.tensor(0)))
    node.require(bool(k.all()), "division by zero")
    return [scale_shift(node.tensor(0), 1 / k, np.zeros_like(k))]


@converts("BatchNormalization")
def batch_normalization(node: Node) -> Results:
    """Inference: (x - mean) / sqrt(var + epsilon) * gamma + beta."""
    gamma, beta, mean, var = (node.constant(i).astype(np.float64) for i in range(1, 5))
    channels = channels_of(node.tensor(0))
    node.require(
        all(c.shape == (channels,) for c in (gamma, beta, mean, var))
        and bool((var + node.get("epsilon", 1e-5) > 0).all()),
        f"its constants do not fit {channels} channels, or a variance is negative",
    )
    scale = gamma / np.sqrt(var + node.get("epsilon", 1e-5))
    return [scale_shift(node.tensor(0), scale, beta - mean * scale)]


@converts("Relu")
def relu(node: Node) -> Results:
    """Slopes 1 and 0."""
    one = np.ones(channels_of(node.tensor(0)))
    return [two_slope(node.tensor(0), one, 0 * one)]


@converts("LeakyRelu")
def leaky_relu(node: Node) -> Results:
    """Slopes 1 and alpha."""
    one = np.ones(channels_of(node.tensor(0)))
    return [two_slope(node.tensor(0), one, node.get("alpha", 0.01) * one)]


@converts("PRelu")
def prelu(node: Node) -> Results:
    """Slopes 1 and one a channel."""
    slope = channel_vector(node, node.constant(1), channels_of(node.tensor(0)))
    return [two_slope(node.tensor(0), np.ones_like(slope), slope)]


@converts("Clip")
def clip(node: Node) -> Results:
    """Between two constants; where one is left out, the largest or smallest float32."""
    most, channels = float(np.finfo(np.float32).max), channels_of(node.tensor(0))
    given = [node.constant(i) if i < len(node.inputs) and node.inputs[i] is not None else None for i in (1, 2)]
    lower, upper = (np.full(1, d, np.float32) if g is None else g for g, d in zip(given, (-most, most), strict=True))
    node.require(lower.size == upper.size == 1, f"bounds of shapes {lower.shape} and {upper.shape} are no scalars")
    node.require(bool(lower.item() <= upper.item()), f"its bounds {lower.item()} and {upper.item()} are not in order")
    bounds = [np.full(channels, bound.item(), np.float32) for bound in (lower, upper)]
    return [call("clamp", [node.tensor(0), *bounds])]


@converts("Sigmoid")
def sigmoid(node: Node) -> Results:
    """The logistic function."""
    return [R.sigmoid(node.tensor(0))]


@converts("Tanh")
def tanh(node: Node) -> Results:
    """The hyperbolic tangent: 2 sigmoid(2 x) - 1."""
    one = np.ones(channels_of(node.tensor(0)))
    return [scale_shift(R.sigmoid(scale_shift(node.tensor(0), 2 * one, 0 * one)), 2 * one, -one)]


@converts("HardSigmoid")
def hard_sigmoid(node: Node) -> Results:
    """alpha x + beta, between 0 and 1."""
    return [hard_sigmoid_of(node.tensor(0), node.get("alpha", 0.2), node.get("beta", 0.5))]


@converts("HardSwish")
def hard_swish(node: Node) -> Results:
    """x times its hard sigmoid, of slope 1/6."""
    return [R.multiply(node.tensor(0), hard_sigmoid_of(node.tensor(0), 1 / 6, 0.5))]


def hard_sigmoid_of(x: Expr, slope: float, offset: float) -> Expr:
    """slope x + offset, between 0 and 1."""
    one = np.ones(channels_of(x), np.float32)
    return call("clamp", [scale_shift(x, slope * one, offset * one), 0 * one, one])


@converts("Neg")
def neg(node: Node) -> Results:
    """Times -1."""
    one = np.ones(channels_of(node.tensor(0)))
    return [scale_shift(node.tensor(0), -one, -0.0 * one)]


@converts("Exp")
def exp(node: Node) -> Results:
    """The exponential function."""
    return [R.exp(node.tensor(0))]


@converts("Log")
def log(node: Node) -> Results:
    """The natural logarithm."""
    return [R.log(node.tensor(0))]


@converts("Sqrt")
def sqrt(node: Node) -> Results:
    """The square root."""
    return [R.sqrt(node.tensor(0))]


@converts("Round")
def round_to_nearest(node: Node) -> Results:
    """The nearest whole number, a half to the even one."""
    return [R.round(node.tensor(0))]


@converts("Identity")
def identity(node: Node) -> Results:
    """The same value."""
    return [node.tensor(0)]
