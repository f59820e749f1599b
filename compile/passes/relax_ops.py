# SPDX-License-Identifier: Apache-2.0
"""The Relax operators that the compiler adds to TVM's own: the com.biisnet ops, and what they are lowered to.

All tensors are NCHW float32; weights and per-channel constants are Relax constants.

    biisnet.binary_conv2d (x, weight, scale, offset, activation_levels, weight_levels, threshold), dot_binary_conv2d,
    rprelu, maxout, redistribution    as in ONNX (see ops/)
    biisnet.binary_dot  (x, weight, threshold)       the integer accumulator of a binary convolution over the
                                                     attribute unit, as float32
    biisnet.scale_shift (x, scale, shift)            scale*x + shift, per channel
    biisnet.two_slope   (x, positive, negative)      x >= 0 ? positive*x : negative*x, per channel
    biisnet.clamp       (x, lower, upper)            x within two bounds, per channel
    biisnet.pool_sum    (x)                          sum of 2x2 pixels, stride 2
    biisnet.upsample    (x)                          attribute mode: linear (16 times the value) or nearest
    biisnet.interpolate (x)                          attribute factor: 4 or 8
    biisnet.repeat_channels (x)                      attribute channels: channel o is x's o // (channels / C)
    biisnet.spread (x)                               attributes channels, height, width: a side of 1 made as long
    biisnet.depth_to_space (x)                       attributes block, mode (CRD or DCR): channels become pixels
    biisnet.shuffle_channels (x)                     attribute groups: channel j*groups + i is x's i*(C/groups) + j
    biisnet.reduce_channels (x)                      attribute of (sum or max): one channel
    biisnet.fill (x)                                 attributes channels, value: a map of x's size, the same everywhere
    biisnet.tile_channels (x)                        attribute times: the channels so often in a row
  of integer networks (see ops/; int32 values are sums, which are never stored):
    biisnet.integer_dot (x, weight, threshold)       int8 -> int8; attribute tile: x's channels are read so often
    biisnet.integer_two_slope, integer_hinge         int8 -> int32
    biisnet.integer_pool (x, negative, positive)     int8 -> int32: the sum of 2x2 pixels' two-slopes
    biisnet.integer_upsample (x)                     int8 -> int8
    biisnet.integer_convolution (x, weight)          uint8 -> int32; attribute zero_point, which pads too
    biisnet.requantize (x, bias)                     int32 -> int8 or int16; attributes shift, bits
    biisnet.channel_sum (x)                          int32 -> int32 of one channel
    biisnet.integer_mix (x, negative, positive, bias) int8 -> int16 of one channel
    biisnet.extend / biisnet.crop (x)                attributes height, width: edge-replicated or cut at the
                                                     bottom and the right
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax
from tvm.ir import Expr, Op
from tvm.ir import _ffi_api as ir_api

from ..ir.window import Window

Infer: TypeAlias = Callable[[relax.Call, relax.BlockBuilder], relax.TensorType]


def same_shape(call: relax.Call, _: relax.BlockBuilder) -> relax.TensorType:
    """The result has the type of the first argument."""
    ty: relax.TensorType = call.args[0].ty
    return ty


def resized(call: relax.Call, _: relax.BlockBuilder) -> relax.TensorType:
    """N and C of the argument, height and width of the attributes."""
    n, c = shape_of(call.args[0])[:2]
    return relax.TensorType((n, c, int(call.attrs["height"]), int(call.attrs["width"])), dtype_of(call.args[0]))


def convolved(call: relax.Call, _: relax.BlockBuilder) -> relax.TensorType:
    """Output size of a convolution with the window of the attributes."""
    n, _c, h, w = shape_of(call.args[0])
    weight = shape_of(call.args[1])
    return relax.TensorType((n, weight[0], *window_of(call.attrs, weight[2:]).output(h, w)), "float32")


def halved(call: relax.Call, _: relax.BlockBuilder) -> relax.TensorType:
    """Half the height and width, rounded down."""
    n, c, h, w = shape_of(call.args[0])
    return relax.TensorType((n, c, h // 2, w // 2), "float32")


def doubled(call: relax.Call, _: relax.BlockBuilder) -> relax.TensorType:
    """Twice the height and width."""
    n, c, h, w = shape_of(call.args[0])
    return relax.TensorType((n, c, 2 * h, 2 * w), "float32")


def multiplied(call: relax.Call, _: relax.BlockBuilder) -> relax.TensorType:
    """`factor` times the height and width."""
    (n, c, h, w), factor = shape_of(call.args[0]), int(call.attrs["factor"])
    return relax.TensorType((n, c, factor * h, factor * w), "float32")


def repeated(call: relax.Call, _: relax.BlockBuilder) -> relax.TensorType:
    """As many channels as the attribute says."""
    n, _c, h, w = shape_of(call.args[0])
    return relax.TensorType((n, int(call.attrs["channels"]), h, w), "float32")


def spread(call: relax.Call, _: relax.BlockBuilder) -> relax.TensorType:
    """The sides of the attributes."""
    sides = (int(call.attrs[side]) for side in ("channels", "height", "width"))
    return relax.TensorType((shape_of(call.args[0])[0], *sides), dtype_of(call.args[0]))


def unfolded(call: relax.Call, _: relax.BlockBuilder) -> relax.TensorType:
    """Channels become pixels."""
    (n, c, h, w), block = shape_of(call.args[0]), int(call.attrs["block"])
    return relax.TensorType((n, c // block**2, h * block, w * block), "float32")


def of_type(dtype: str, infer: Infer = same_shape) -> Infer:
    """The shape that `infer` gives, of another element."""

    def inferred(call: relax.Call, builder: relax.BlockBuilder) -> relax.TensorType:
        return relax.TensorType(shape_of_type(infer(call, builder)), dtype)

    return inferred


def requantized(call: relax.Call, builder: relax.BlockBuilder) -> relax.TensorType:
    """The element that the attribute `bits` says."""
    return of_type(f"int{int(call.attrs['bits'])}")(call, builder)


def one_channel(call: relax.Call, _: relax.BlockBuilder) -> relax.TensorType:
    """One channel."""
    n, _c, h, w = shape_of(call.args[0])
    return relax.TensorType((n, 1, h, w), dtype_of(call.args[0]))


def tiled(call: relax.Call, _: relax.BlockBuilder) -> relax.TensorType:
    """So many times the channels."""
    n, c, h, w = shape_of(call.args[0])
    return relax.TensorType((n, c * int(call.attrs["times"]), h, w), dtype_of(call.args[0]))


OPS: dict[str, tuple[int, Infer]] = {
    "binary_conv2d": (7, convolved),
    "dot_binary_conv2d": (4, same_shape),
    "rprelu": (4, same_shape),
    "maxout": (3, same_shape),
    "redistribution": (3, same_shape),
    "binary_dot": (3, convolved),
    "scale_shift": (3, same_shape),
    "two_slope": (3, same_shape),
    "clamp": (3, same_shape),
    "pool_sum": (1, halved),
    "upsample": (1, doubled),
    "interpolate": (1, multiplied),
    "repeat_channels": (1, repeated),
    "spread": (1, spread),
    "depth_to_space": (1, unfolded),
    "shuffle_channels": (1, same_shape),
    "reduce_channels": (1, one_channel),
    "fill": (1, repeated),
    "extend": (1, resized),
    "crop": (1, resized),
    "tile_channels": (1, tiled),
    "integer_dot": (3, of_type("int8", convolved)),
    "integer_two_slope": (3, of_type("int32")),
    "integer_hinge": (4, of_type("int32")),
    "integer_pool": (3, of_type("int32", halved)),
    "integer_sum_pool": (1, of_type("int32", halved)),
    "integer_upsample": (1, of_type("int8", doubled)),
    "integer_convolution": (2, of_type("int32", convolved)),
    "requantize": (2, requantized),
    "channel_sum": (1, one_channel),
    "integer_mix": (4, of_type("int16", one_channel)),
}


def register() -> None:
    """Make the operators known to TVM (once a process)."""
    known = set(Op.list_op_names())
    for name, (inputs, infer) in OPS.items():
        if f"biisnet.{name}" in known:
            continue
        ir_api.RegisterOp(f"biisnet.{name}", __doc__)
        op = Op.get(f"biisnet.{name}")
        op.set_num_inputs(inputs)
        op.set_attr("FInferType", infer)
        op.set_attr("FPurity", True)


register()


def call(name: str, arguments: Sequence[Expr | npt.NDArray[Any]], **attributes: Any) -> relax.Call:
    """A call of one of our operators; numpy arrays among the arguments become constants."""
    operands = [relax.const(a) if isinstance(a, np.ndarray) else a for a in arguments]
    return relax.Call(Op.get(f"biisnet.{name}"), operands, tvm.ir.make_node("ir.DictAttrs", **attributes))


def scale_shift(x: Expr, scale: npt.NDArray[Any], shift: npt.NDArray[Any]) -> relax.Call:
    """scale*x + shift, constants rounded to float32 once."""
    return call("scale_shift", [x, scale.astype(np.float32), shift.astype(np.float32)])


def two_slope(x: Expr, positive: npt.NDArray[Any], negative: npt.NDArray[Any]) -> relax.Call:
    """x >= 0 ? positive*x : negative*x."""
    return call("two_slope", [x, positive.astype(np.float32), negative.astype(np.float32)])


def shape_of(x: Expr) -> tuple[int, ...]:
    """Static shape of a tensor."""
    return shape_of_type(x.ty)


def shape_of_type(ty: relax.TensorType) -> tuple[int, ...]:
    """Static shape of a tensor's type."""
    return tuple(int(d) for d in ty.shape)


def dtype_of(x: Expr) -> str:
    """The type of a tensor's elements."""
    return str(x.ty.dtype)


def channels_of(x: Expr) -> int:
    """Channels of an NCHW tensor."""
    return shape_of(x)[1]


def constant(x: Expr) -> npt.NDArray[Any]:
    """The array in a Relax constant."""
    return np.asarray(x.value.numpy())


def per_channel(x: Expr, channels: int) -> npt.NDArray[np.float64]:
    """A constant of one or `channels` elements as float64 [channels]."""
    return np.broadcast_to(constant(x).astype(np.float64).ravel(), (channels,))


def ints(attribute: Any) -> tuple[int, ...]:
    """An attribute that is a list of integers."""
    return tuple(int(i) for i in attribute)


def window_of(attributes: Any, kernel: tuple[int, ...]) -> Window:
    """The geometry in the attributes strides, pads, dilations."""
    sy, sx = ints(attributes["strides"])
    top, left, bottom, right = ints(attributes["pads"])
    dy, dx = ints(attributes["dilations"])
    return Window((kernel[0], kernel[1]), (sy, sx), (top, left, bottom, right), (dy, dx))
