# SPDX-License-Identifier: Apache-2.0
"""Converters of an integer network's operators: com.biisnet version 2, and ONNX's own beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto
from tvm.ir import Expr

from ...ops import DOMAIN
from ..ir.limits import MAX_DOT_TAPS, MAX_INTEGER_WEIGHTS
from ..passes.relax_ops import call, channels_of, dtype_of
from ..refusals import layers
from .converters import Node, Results, converts, geometry
from .window_converters import channels_reduced

BITS: dict[int, int] = {TensorProto.INT8: 8, TensorProto.INT16: 16}


def tensor(node: Node, i: int, dtype: str) -> Expr:
    """Input `i`, which depends on the image and has elements of `dtype`."""
    x = node.tensor(i)
    node.require(dtype_of(x) == dtype, f"input {i} is {dtype_of(x)}; {dtype} is supported")
    return x


def channel_constant(node: Node, i: int, dtype: str, channels: int) -> npt.NDArray[Any]:
    """Input `i`, a constant of one element a channel."""
    values = node.constant(i)
    node.require(
        values.shape == (channels,) and values.dtype == dtype,
        f"input {i} is {values.dtype} {list(values.shape)}; {dtype} [{channels}] is supported",
    )
    return values


@converts("IntegerBinaryConv2d", DOMAIN)
def integer_binary_conv2d(node: Node) -> Results:
    """Weights of +-1, thresholds a channel."""
    x, weight, groups = tensor(node, 0, "int8"), node.constant(1), int(node.get("group", 1))
    channels = channels_of(x)
    node.require(weight.ndim == 4 and weight.dtype == np.int8, "its weight is int8 [M, C/group, kh, kw]")
    node.require(bool((np.abs(weight) == 1).all()), "its weights are -1 and +1")
    node.require(
        groups > 0 and weight.shape[1] * groups == channels and len(weight) % groups == 0,
        f"weights {list(weight.shape)} in {groups} groups do not fit an input of {channels} channels",
    )
    node.require(weight.shape[1] % 2 == 0, f"{weight.shape[1]} channels a group: an even number is supported")
    taps = int(weight[0].size)
    node.require(
        taps <= MAX_DOT_TAPS, f"{taps} binary weights an output: {MAX_DOT_TAPS} are supported", layers.BINARY_TAPS
    )
    thresholds = channel_constant(node, 2, "int16", channels)
    node.require(bool((np.abs(thresholds) <= 128).all()), "its thresholds are -128 .. 128")
    return [call("integer_dot", [x, weight, thresholds], **geometry(node), group=groups, tile=1)]


@converts("IntegerTwoSlope", DOMAIN)
def integer_two_slope(node: Node) -> Results:
    """Two slopes a channel."""
    x = tensor(node, 0, "int8")
    return [call("integer_two_slope", [x, *(channel_constant(node, i, "int8", channels_of(x)) for i in (1, 2))])]


@converts("IntegerHinge", DOMAIN)
def integer_hinge(node: Node) -> Results:
    """Slope, bend and knee a channel."""
    x = tensor(node, 0, "int8")
    return [call("integer_hinge", [x, *(channel_constant(node, i, "int8", channels_of(x)) for i in (1, 2, 3))])]


@converts("IntegerSumPool", DOMAIN)
def integer_sum_pool(node: Node) -> Results:
    """2x2 with stride 2."""
    return [call("integer_sum_pool", [tensor(node, 0, "int32")])]


@converts("IntegerUpsample", DOMAIN)
def integer_upsample(node: Node) -> Results:
    """Twice the size."""
    return [call("integer_upsample", [tensor(node, 0, "int8")])]


@converts("Requantize", DOMAIN)
def requantize(node: Node) -> Results:
    """A bias a channel, a shift for all."""
    x = tensor(node, 0, "int32")
    bias, info = channel_constant(node, 1, "int32", channels_of(x)), np.iinfo(np.int16)
    node.require(bool(((bias >= info.min) & (bias <= info.max)).all()), "its bias does not fit 16 bits")
    shift, to = int(node.get("shift", 0)), int(node.get("to", TensorProto.INT8))
    node.require(0 <= shift < 16 and to in BITS, f"shift {shift} to type {to}: 0 .. 15 to int8 or int16 are supported")
    return [call("requantize", [x, bias], shift=shift, bits=BITS[to])]


@converts("ConvInteger")
def conv_integer(node: Node) -> Results:
    """Grey levels, int8 weights, the same zero point for the image and its padding."""
    x, weight = tensor(node, 0, "uint8"), node.constant(1)
    given = [i for i in node.inputs[2:] if i is not None]
    zero_point = node.constant(2) if given else np.uint8(0)
    node.require(len(node.inputs) < 4 or not np.any(node.inputs[3]), "a zero point of the weights is not supported")
    node.require(zero_point.size == 1, "one zero point for all channels is supported")
    node.require(weight.ndim == 4 and weight.dtype == np.int8, "int8 weights [M, C, kh, kw] are supported")
    node.require(weight.size <= MAX_INTEGER_WEIGHTS, f"{weight.size} weights: {MAX_INTEGER_WEIGHTS} are supported")
    node.require(
        int(node.get("group", 1)) == 1 and weight.shape[1] == channels_of(x), "groups of channels are not supported"
    )
    shape = geometry(node)
    return [call("integer_convolution", [x, weight], **shape, zero_point=int(zero_point.ravel()[0]))]


@converts("ReduceSum")
def reduce_sum(node: Node) -> Results:
    """Over the channels, of a map or of an integer sum."""
    if dtype_of(node.tensor(0)) != "int32":
        return [call("reduce_channels", [channels_reduced(node)], of="sum")]
    x = tensor(node, 0, "int32")
    axes = node.constant(1).tolist() if len(node.inputs) > 1 else node.get("axes", None)
    node.require(list(axes or []) in ([1], [-3]) and int(node.get("keepdims", 1)) == 1, "axes [1], keepdims 1")
    return [call("channel_sum", [x])]
