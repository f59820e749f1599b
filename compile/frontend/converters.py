# SPDX-License-Identifier: Apache-2.0
"""One converter an ONNX operator: a node and its inputs -> Relax expressions, one for each output.

What a converter cannot express exactly it refuses with `UnsupportedError`; the importer adds file and layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import relax
from tvm.ir import Expr
from tvm.relax import op as R  # noqa: N812  (TVM's own name for it)

from ...ops import weights_at_levels
from ..ir.limits import MAX_DOT_TAPS, MAX_ROWS, MAX_STRIDE
from ..passes.relax_ops import call, channels_of, dtype_of, scale_shift, shape_of, two_slope
from ..storage import is_integer

MAX_WEIGHTS = 1024 * 1024
"""Weights of a full-precision convolution."""
MAX_AVERAGE = 64
"""Pixels of an average's window: its taps are not a loop, and 256 of them take minutes to compile."""
MAX_POOL = 16
"""The longest side of a pooling's window: its rows are operands, and its taps are not a loop."""


BLOCKS = (2, 4, 8)
"""Sides of the squares that a DepthToSpace makes of channels: a vector is whole squares' rows."""


class UnsupportedError(ValueError):
    """Why a node cannot be converted, and what can."""


@dataclass(frozen=True)
class Node:
    """A node whose inputs are known: Relax expressions, constants, or None where left out."""

    name: str
    inputs: list[Any]
    attributes: dict[str, Any]
    outputs: int

    def tensor(self, i: int) -> Expr:
        """Input `i`, which depends on the image."""
        found = self.inputs[i]
        if not isinstance(found, Expr):
            raise UnsupportedError(f"input {i} must depend on the image")
        return found

    def constant(self, i: int) -> npt.NDArray[Any]:
        """Input `i`, which is a constant."""
        if i >= len(self.inputs) or not isinstance(self.inputs[i], np.ndarray):
            raise UnsupportedError(f"input {i} must be a constant")
        return np.asarray(self.inputs[i])

    def get(self, name: str, default: Any) -> Any:
        """An attribute, strings decoded."""
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def require(self, condition: bool, why: str) -> None:
        """Refuse the node where the condition does not hold."""
        if not condition:
            raise UnsupportedError(why)


Results = list[Expr]
CONVERTERS: dict[tuple[str, str], Callable[[Node], Results]] = {}


def converts(op_type: str, domain: str = "") -> Callable[[Callable[[Node], Results]], Callable[[Node], Results]]:
    """Register a converter."""

    def register(f: Callable[[Node], Results]) -> Callable[[Node], Results]:
        CONVERTERS[domain, op_type] = f
        return f

    return register


def geometry(node: Node, rank: int = 2) -> dict[str, list[int]]:
    """strides, pads and dilations of a convolution or pooling node."""
    strides = list(node.get("strides", [1] * rank))
    node.require(node.get("auto_pad", "NOTSET") == "NOTSET", "auto_pad is not supported; export explicit pads")
    pads = list(node.get("pads", [0, 0] * rank))
    node.require(min(pads) >= 0 and max(pads) <= 16, f"pads {pads}: 0 to 16 are supported")
    node.require(
        min(strides) >= 1 and max(strides) <= MAX_STRIDE, f"strides {strides}: 1 to {MAX_STRIDE} are supported"
    )
    return {
        "strides": strides,
        "pads": pads,
        "dilations": list(node.get("dilations", [1] * rank)),
    }


def channel_vector(node: Node, array: npt.NDArray[Any], channels: int) -> npt.NDArray[np.float64]:
    """A constant that varies by channel only, as float64 [channels]."""
    shape = (1,) * (4 - array.ndim) + array.shape
    if array.ndim > 4 or shape not in {(1, 1, 1, 1), (1, channels, 1, 1)}:
        raise UnsupportedError(f"a constant of shape {array.shape}: a scalar or one value a channel is supported")
    return np.broadcast_to(array.astype(np.float64).ravel(), (channels,))


# ---- com.biisnet ----


def pass_through(op_type: str, name: str) -> None:
    """A custom op whose Relax operator takes the same inputs and attributes."""

    def convert(node: Node) -> Results:
        x, constants = node.tensor(0), [node.constant(i) for i in range(1, len(node.inputs))]
        for c in constants:
            fits = (
                c.shape == (-(-channels_of(x) // 8),) if c.dtype == np.uint8 else c.shape in {(1,), (channels_of(x),)}
            )
            node.require(fits, f"constants of shape {c.shape} do not fit an input of {channels_of(x)} channels")
        return [call(name, [x, *constants], **node.attributes)]

    CONVERTERS["com.biisnet", op_type] = convert


for _op_type, _name in (
    ("DotBinaryConv2d", "dot_binary_conv2d"),
    ("RPReLU", "rprelu"),
    ("MaxOut", "maxout"),
    ("ReDistribution", "redistribution"),
):
    pass_through(_op_type, _name)


@converts("BinaryConv2d", "com.biisnet")
def binary_conv2d(node: Node) -> Results:
    """Attributes are completed by their defaults."""
    x, weight = node.tensor(0), node.constant(1)
    groups, channels = int(node.get("group", 1)), int(node.attributes["channels"])
    node.require(
        channels_of(x) == groups * channels and weight.shape[1] == -(-channels // 8),
        f"weights for {groups} x {channels} channels do not fit an input of {channels_of(x)}",
    )
    outputs, taps = len(weight), channels * int(np.prod(weight.shape[2:]))
    node.require(
        taps <= MAX_DOT_TAPS,
        f"{taps} binary weights an output: {MAX_DOT_TAPS} are supported; split its channels in two",
    )
    shapes = [node.constant(i).shape for i in range(2, 7)]
    wanted: list[set[tuple[int, ...]]] = [
        {(outputs,)},
        {(outputs,)},
        {(2,)},
        {(1, 2), (outputs, 2)},
        {(1,), (channels_of(x),)},
    ]
    node.require(
        outputs % groups == 0 and all(s in w for s, w in zip(shapes, wanted, strict=True)),
        f"scale, offset, levels and threshold of shapes {shapes} do not fit {outputs} outputs in {groups} groups",
    )
    attributes = {
        **geometry(node),
        "group": groups,
        "channels": channels,
        "pad_value": float(node.get("pad_value", 0.0)),
    }
    return [call("binary_conv2d", [x, *(node.constant(i) for i in range(1, 7))], **attributes)]


@converts("BinaryWeightConv2d", "com.biisnet")
def binary_weight_conv2d(node: Node) -> Results:
    """A full-precision convolution whose weights are scale times their levels, its bias the offset: a multiply-add
    costs no more than the addition that a weight of +-1 could do with, so bits would only have to be unpacked again."""
    x, weight = node.tensor(0), node.constant(1)
    groups, channels, outputs = int(node.get("group", 1)), int(node.attributes["channels"]), len(weight)
    scale, offset, levels = (node.constant(i).astype(np.float64) for i in (2, 3, 4))
    node.require(
        channels_of(x) == groups * channels and weight.shape[1] == -(-channels // 8) and outputs % groups == 0,
        f"weights for {groups} x {channels} channels do not fit an input of {channels_of(x)}",
    )
    node.require(
        scale.shape == offset.shape == (outputs,) and levels.shape in {(1, 2), (outputs, 2)},
        f"scale, offset and levels of shapes {[scale.shape, offset.shape, levels.shape]} do not fit {outputs} outputs",
    )
    weights = scale[:, None, None, None] * weights_at_levels(weight, levels, channels)
    return [convolve(node, weights.astype(np.float32), offset.astype(np.float32))]


# ---- element-wise ----


def spread_alike(node: Node, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """Two maps as ONNX spreads one over the other: a side of 1 is as long as the other's."""
    ours, theirs = shape_of(a), shape_of(b)
    fits = len(ours) == len(theirs) == 4 and all(1 in (m, n) or m == n for m, n in zip(ours, theirs, strict=True))
    node.require(fits, f"shapes {ours} and {theirs} differ")
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


@converts("ReduceMean")
def reduce_mean(node: Node) -> Results:
    """Over the channels."""
    x = channels_reduced(node)
    one = np.ones(1)
    return [scale_shift(call("reduce_channels", [x], of="sum"), one / channels_of(x), 0 * one)]


@converts("ReduceMax")
def reduce_max(node: Node) -> Results:
    """Over the channels."""
    return [call("reduce_channels", [channels_reduced(node)], of="max")]


def channels_reduced(node: Node) -> Expr:
    """The map whose channels a node reduces. Raises UnsupportedError where it reduces anything else."""
    axes = node.constant(1).tolist() if len(node.inputs) > 1 and node.inputs[1] is not None else node.get("axes", None)
    keeps = int(node.get("keepdims", 1)) == 1
    node.require(keeps and list(axes or []) in ([1], [-3]), f"axes {axes}: those of channels [1] with keepdims 1")
    return node.tensor(0)


@converts("Identity")
def identity(node: Node) -> Results:
    """The same value."""
    return [node.tensor(0)]


# ---- windows ----


@converts("Conv")
def conv(node: Node) -> Results:
    """Full precision, zero padding."""
    weight, bias = node.constant(1), None
    node.require(weight.ndim == 4, "only two-dimensional convolutions are supported")
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        bias = node.constant(2).astype(np.float32)
        # one value for all would be broadcast here, and each output's own be read by the kernel
        node.require(bias.shape == (len(weight),), f"a bias of shape {bias.shape} does not fit {len(weight)} outputs")
    return [convolve(node, weight, bias)]


def convolve(node: Node, weight: npt.NDArray[Any], bias: npt.NDArray[Any] | None) -> Expr:
    """A full-precision convolution with the node's geometry: weight [M, C/groups, kh, kw], bias [M]."""
    groups, x = int(node.get("group", 1)), node.tensor(0)
    node.require(weight.size <= MAX_WEIGHTS, f"{weight.size} full-precision weights: {MAX_WEIGHTS} are supported")
    shape = geometry(node)
    x = R.nn.conv2d(
        x,
        relax.const(weight),
        strides=shape["strides"],
        padding=shape["pads"],
        dilation=shape["dilations"],
        groups=groups,
    )
    return x if bias is None else R.add(x, relax.const(bias.reshape(1, -1, 1, 1)))


@converts("AveragePool")
def average_pool(node: Node) -> Results:
    """2x2 with stride 2; any other window as a depth-wise convolution, whose weights are all equal."""
    g, kernel = geometry(node), list(node.get("kernel_shape", []))
    counted = not any(g["pads"]) or int(node.get("count_include_pad", 0)) == 1
    node.require(
        len(kernel) == 2 and g["dilations"] == [1, 1] and not node.get("ceil_mode", 0) and counted,
        "windows without dilations and ceil_mode, whose pads are counted (count_include_pad 1), are supported",
    )
    node.require(
        max(kernel) <= MAX_ROWS and math.prod(kernel) <= MAX_AVERAGE,
        f"a window of {kernel}: up to {MAX_AVERAGE} pixels with sides of 1 to {MAX_ROWS} are supported",
    )
    x = node.tensor(0)
    _, channels, h, w = shape_of(x)
    top, left, bottom, right = g["pads"]
    node.require(h + top + bottom >= kernel[0] and w + left + right >= kernel[1], f"its input is only {h}x{w}")
    if kernel == g["strides"] == [2, 2] and not any(g["pads"]):
        return [R.nn.avg_pool2d(x, pool_size=(2, 2), strides=(2, 2))]
    weight = np.full((channels, 1, *kernel), 1 / math.prod(kernel), np.float32)
    return [R.nn.conv2d(x, relax.const(weight), strides=g["strides"], padding=g["pads"], groups=channels)]


@converts("MaxPool")
def max_pool(node: Node) -> Results:
    """Any window that has a pixel of the map wherever it lies."""
    g, kernel = geometry(node), list(node.get("kernel_shape", []))
    node.require(
        len(kernel) == 2 and min(kernel) >= 1 and max(kernel) <= MAX_POOL,
        f"kernel_shape {kernel}: two sides of 1 to {MAX_POOL} are supported",
    )
    node.require(
        all(pad < side for pad, side in zip(g["pads"], kernel * 2, strict=True)),
        f"pads {g['pads']}: less than the kernel_shape {kernel} are supported",
    )
    node.require(g["dilations"] == [1, 1], f"dilations {g['dilations']}: [1, 1] is supported")
    node.require(not node.get("ceil_mode", 0), "ceil_mode is not supported")
    node.require(node.outputs == 1, "its second output, Indices, is not supported")
    return [R.nn.max_pool2d(node.tensor(0), pool_size=kernel, strides=g["strides"], padding=g["pads"])]


@converts("Resize")
def resize(node: Node) -> Results:
    """Twice the size: linear with half-pixel centres, or nearest."""
    x = node.tensor(0)
    n, c, h, w = shape_of(x)
    constants = [i for i in node.inputs[2:] if i is not None and i.size]
    node.require(len(constants) == 1, "either constant scales or constant sizes are supported")
    factors = constants[0] if constants[0].dtype.kind == "f" else constants[0] / np.array([n, c, h, w])
    node.require(factors.tolist() == [1, 1, 2, 2], f"scales {factors.tolist()}: [1, 1, 2, 2] is supported")
    mode, centres = node.get("mode", "nearest"), node.get("coordinate_transformation_mode", "half_pixel")
    if mode == "linear":
        node.require(
            centres in {"half_pixel", "pytorch_half_pixel"} and not node.get("antialias", 0),
            f"linear with {centres}: half_pixel is supported",
        )
    else:
        rounding = node.get("nearest_mode", "round_prefer_floor")
        exact = (centres == "asymmetric" and rounding == "floor") or (
            centres == "half_pixel" and rounding.startswith("round_prefer")
        )
        node.require(mode == "nearest" and exact, f"{mode} with {centres} and {rounding} is not supported")
    return [
        R.image.resize2d(
            x,
            relax.ShapeExpr([2 * h, 2 * w]),
            layout="NCHW",
            method="linear" if mode == "linear" else "nearest_neighbor",
        )
    ]


# ---- shape ----


@converts("Concat")
def concat(node: Node) -> Results:
    """On channels."""
    tensors = [node.tensor(i) for i in range(len(node.inputs))]
    node.require(node.attributes["axis"] in (1, -3), "only a concatenation of channels (axis 1) is supported")
    if all(t.same_as(tensors[0]) for t in tensors) and len(tensors) > 1 and is_integer(dtype_of(tensors[0])):
        return [call("tile_channels", tensors[:1], times=len(tensors))]
    return [R.concat(tensors, axis=1)]


@converts("Split")
def split(node: Node) -> Results:
    """On channels."""
    x = node.tensor(0)
    node.require(node.get("axis", 0) in (1, -3), "only a split of channels (axis 1) is supported")
    c = channels_of(x)
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        sizes = node.constant(1).tolist()
    else:
        part = -(-c // node.outputs)
        sizes = [min(part, c - i * part) for i in range(node.outputs)]
    node.require(sum(sizes) == c and min(sizes) > 0, f"parts {sizes} do not fit an input of {c} channels")
    parts = R.split(x, [int(i) for i in np.cumsum(sizes)[:-1]], axis=1)
    return [relax.TupleGetItem(parts, i) for i in range(node.outputs)]


@converts("Pad")
def pad(node: Node) -> Results:
    """mode edge, at the bottom and the right; or channels of a constant."""
    x, mode = node.tensor(0), node.get("mode", "constant")
    pads = node.constant(1).astype(int)
    axes = node.constant(3).astype(int) % 4 if len(node.inputs) > 3 and node.inputs[3] is not None else np.arange(4)
    before, after = np.zeros(4, int), np.zeros(4, int)
    before[axes], after[axes] = pads[: len(axes)], pads[len(axes) :]
    if mode == "constant" and not before[[0, 2, 3]].any() and not after[[0, 2, 3]].any():
        left_out = [max(-int(n), 0) for n in (before[1], after[1])]
        node.require(not any(left_out), f"channels {left_out} are left out; use Slice")
        given = len(node.inputs) > 2 and node.inputs[2] is not None
        value = float(node.constant(2).item()) if given else 0.0
        node.require(not is_integer(dtype_of(x)), "channels of integers cannot be padded")
        parts = [call("fill", [x], channels=int(n), value=value) if n else None for n in (before[1], after[1])]
        wide = [part for part in (parts[0], x, parts[1]) if part is not None]
        return [R.concat(wide, axis=1) if len(wide) > 1 else x]
    node.require(mode == "edge", "only mode 'edge' is supported (zero pads belong to the Conv), or a pad of channels")
    node.require(
        not before.any() and not after[:2].any() and bool((after >= 0).all()),
        "only an extension at the bottom and the right is supported",
    )
    _, _, h, w = shape_of(x)
    return [resized(x, "extend", h + after[2], w + after[3])]


@converts("Slice")
def slice_(node: Node) -> Results:
    """Some channels, which is a Split; or some rows and columns: a crop that keeps the top left corner, or else a
    pooling of single pixels."""
    x = node.tensor(0)
    starts, ends = node.constant(1).tolist(), node.constant(2).tolist()
    axes = node.constant(3).tolist() if len(node.inputs) > 3 and node.inputs[3] is not None else range(len(starts))
    steps = node.constant(4).tolist() if len(node.inputs) > 4 and node.inputs[4] is not None else [1] * len(starts)
    size = shape_of(x)
    node.require(all(1 <= s <= MAX_STRIDE for s in steps), f"steps {steps}: 1 to {MAX_STRIDE} are supported")
    first, last, stride = [0] * 4, list(size), [1] * 4
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        full = size[axis]
        first[axis], last[axis] = (min(max(v + full if v < 0 else v, 0), full) for v in (start, end))
        stride[axis] = step
    empty = next((axis for axis in range(4) if last[axis] <= first[axis]), None)
    if empty is not None:
        at = [a % 4 for a in axes].index(empty)
        name = ("image", "channel", "row", "column")[empty]
        raise UnsupportedError(f"no {name} of {size[empty]} is from {starts[at]} to {ends[at]}")
    node.require(stride[1] == 1, f"channels with step {stride[1]}: all channels of a range are supported")
    pooled = [first[2:] != [0, 0], stride[2:] != [1, 1]]
    if (first[1], last[1]) != (0, size[1]):
        node.require(not any(pooled) and tuple(last[2:]) == size[2:], "channels, or height and width, not both at once")
        places = [p for p in (first[1], last[1]) if 0 < p < size[1]]
        return [relax.TupleGetItem(R.split(x, places, axis=1), 1 if first[1] else 0)]
    if not any(pooled):
        return [resized(x, "crop", last[2], last[3])]
    node.require(not is_integer(dtype_of(x)), "of integers only a crop that keeps the top left corner is supported")
    pads = [-first[2], -first[3], last[2] - size[2], last[3] - size[3]]
    return [R.nn.max_pool2d(x, pool_size=(1, 1), strides=stride[2:], padding=pads)]


@converts("DepthToSpace")
def depth_to_space(node: Node) -> Results:
    """Channels become pixels."""
    x, block, mode = node.tensor(0), int(node.get("blocksize", 0)), node.get("mode", "DCR")
    node.require(block in BLOCKS, f"blocksize {block}: {', '.join(map(str, BLOCKS))} are supported")
    node.require(mode in ("DCR", "CRD"), f"mode {mode}: DCR and CRD are supported")
    node.require(channels_of(x) % block**2 == 0, f"its input's {channels_of(x)} channels are no squares of {block}")
    return [call("depth_to_space", [x], block=block, mode=mode)]


@converts("Gather")
def gather(node: Node) -> Results:
    """Channels in the order of a shuffle."""
    x, order = node.tensor(0), node.constant(1).ravel()
    node.require(node.get("axis", 0) in (1, -3), "only channels (axis 1) can be gathered")
    channels = channels_of(x)
    node.require(
        len(order) == channels and node.constant(1).ndim == 1,
        f"{len(order)} of {channels} channels: a shuffle of all of them is supported, and a Slice of some",
    )
    node.require(bool((order >= -channels).all() and (order < channels).all()), f"there are {channels} channels")
    for groups in range(1, channels + 1):
        if channels % groups == 0 and (order % channels == np.arange(channels).reshape(groups, -1).T.ravel()).all():
            return [x if groups == 1 else call("shuffle_channels", [x], groups=groups)]
    raise UnsupportedError("its order of channels is no shuffle of equal groups")


def resized(x: Expr, name: str, height: int, width: int) -> Expr:
    """`extend` or `crop`, or nothing where the size stays."""
    return x if shape_of(x)[2:] == (height, width) else call(name, [x], height=int(height), width=int(width))
