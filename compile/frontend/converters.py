# SPDX-License-Identifier: Apache-2.0
"""One converter an ONNX operator: a node and its inputs -> Relax expressions, one for each output.

What a converter cannot express exactly it refuses with `UnsupportedError`; the importer adds file and layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import relax
from tvm.ir import Expr
from tvm.relax import op as R  # noqa: N812  (TVM's own name for it)

from ...ops import weights_at_levels
from ..ir.limits import MAX_DOT_TAPS, MAX_STRIDE
from ..passes.relax_ops import call, channels_of
from ..refusals import Refusal, layers

MAX_WEIGHTS = 4 * 1024 * 1024
"""Weights of a full-precision convolution."""


class UnsupportedError(ValueError):
    """Why a node cannot be converted, and what can; of which kind that is, where it is not its operator's own."""

    def __init__(self, why: str, refusal: Refusal | None = None) -> None:
        super().__init__(why)
        self.refusal = refusal


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
            raise UnsupportedError(f"input {i} must depend on the image", layers.NOT_OF_IMAGE)
        return found

    def constant(self, i: int) -> npt.NDArray[Any]:
        """Input `i`, which is a constant."""
        if i >= len(self.inputs) or not isinstance(self.inputs[i], np.ndarray):
            raise UnsupportedError(f"input {i} must be a constant", layers.NOT_CONSTANT)
        return np.asarray(self.inputs[i])

    def get(self, name: str, default: Any) -> Any:
        """An attribute, strings decoded."""
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def require(self, condition: bool, why: str, refusal: Refusal | None = None) -> None:
        """Refuse the node where the condition does not hold; by its operator's own page, or by `refusal`."""
        if not condition:
            raise UnsupportedError(why, refusal)


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
    explicit = node.get("auto_pad", "NOTSET") == "NOTSET"
    node.require(explicit, "auto_pad is not supported; export explicit pads", layers.AUTO_PAD)
    pads = list(node.get("pads", [0, 0] * rank))
    node.require(
        len(pads) == 2 * rank and min(pads) >= 0 and max(pads) <= 16, f"pads {pads}: 0 to 16 are supported", layers.PADS
    )
    node.require(
        len(strides) == rank and min(strides) >= 1 and max(strides) <= MAX_STRIDE,
        f"strides {strides}: 1 to {MAX_STRIDE} are supported",
        layers.STRIDES,
    )
    dilations = list(node.get("dilations", [1] * rank))
    node.require(
        len(dilations) == rank and min(dilations) >= 1, f"dilations {dilations}: {rank} of 1 or more are supported"
    )
    return {"strides": strides, "pads": pads, "dilations": dilations}


def channel_vector(node: Node, array: npt.NDArray[Any], channels: int) -> npt.NDArray[np.float64]:
    """A constant that varies by channel only, as float64 [channels]."""
    shape = (1,) * (4 - array.ndim) + array.shape
    if array.ndim > 4 or shape not in {(1, 1, 1, 1), (1, channels, 1, 1)}:
        raise UnsupportedError(
            f"a constant of shape {array.shape}: a scalar or one value a channel is supported", layers.PER_CHANNEL
        )
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
        layers.BINARY_TAPS,
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
