# SPDX-License-Identifier: Apache-2.0
"""Converters of what is computed of several pixels, or of several channels: pooling, resizing, reductions."""

from __future__ import annotations

import math

import numpy as np
from tvm import relax
from tvm.ir import Expr
from tvm.relax import op as R  # noqa: N812

from ..ir.limits import MAX_ROWS
from ..passes.relax_ops import call, channels_of, scale_shift, shape_of
from .converters import Node, Results, converts, geometry

MAX_AVERAGE = 64
"""Pixels of an average's window: its taps are not a loop, and 256 of them take minutes to compile."""
MAX_POOL = 16
"""The longest side of a pooling's window: its rows are operands, and its taps are not a loop."""


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


FACTORS = (2, 4, 8)
"""Of a Resize."""


@converts("Resize")
def resize(node: Node) -> Results:
    """2, 4 or 8 times the size: linear with half-pixel centres, or nearest."""
    x = node.tensor(0)
    n, c, h, w = shape_of(x)
    constants = [i for i in node.inputs[2:] if i is not None and i.size]
    node.require(len(constants) == 1, "either constant scales or constant sizes are supported")
    factors = constants[0] if constants[0].dtype.kind == "f" else constants[0] / np.array([n, c, h, w])
    factor = factors.tolist()[-1]
    node.require(
        factors.tolist() == [1, 1, factor, factor] and factor in FACTORS,
        f"scales {factors.tolist()}: [1, 1, 2, 2] is supported, and 4 and 8 times",
    )
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
    if mode == "linear" and factor > 2:
        return [call("interpolate", [x], factor=int(factor))]
    method, times = "linear" if mode == "linear" else "nearest_neighbor", 1
    while times < factor:  # the nearest of the nearest
        times *= 2
        x = R.image.resize2d(x, relax.ShapeExpr([times * h, times * w]), layout="NCHW", method=method)
    return [x]


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
