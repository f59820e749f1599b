# SPDX-License-Identifier: Apache-2.0
"""A Relax function in numpy, float64: what the passes must not change, and what models are compared by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax
from tvm.ir import Expr as RelaxExpr

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr, Inputs
from biisnet.compile.kernels import (
    BinaryDot,
    Convolution,
    DepthToSpace,
    MaxPool,
    PoolSum,
    ShuffleChannels,
    Upsample,
)
from biisnet.compile.passes.cut_stages import operator
from biisnet.compile.passes.relax_ops import constant, ints, shape_of, window_of
from biisnet.compile.storage import Bits
from biisnet.ops import REGISTRY

Array = npt.NDArray
LAYERS = {
    "binary_conv2d": "BinaryConv2d",
    "dot_binary_conv2d": "DotBinaryConv2d",
    "rprelu": "RPReLU",
    "maxout": "MaxOut",
    "redistribution": "ReDistribution",
}
LAYER_ATTRIBUTES = {"channels": int, "group": int, "pad_value": float, "strides": ints, "pads": ints, "dilations": ints}


def column(x: Array) -> Array:
    """[C] -> [C, 1, 1]."""
    return x.astype(np.float64).reshape(-1, 1, 1)


def buffer_of(x: Array) -> Buffer:
    """A description of a map [C, H, W]."""
    return Buffer("x", "x", *x.shape)


def meaning(e: Expr, x: Array) -> Array:
    """A node's own reference on its map `x` [C, H, W]."""
    return e.reference(Inputs((), {"x": x}, *x.shape[1:]))


def conv2d(call: relax.Call, x: Array, weight: Array) -> Array:
    """nn.conv2d."""
    a = call.attrs
    window = window_of({"strides": a.strides, "pads": a.padding, "dilations": a.dilation}, weight.shape[2:])
    bias = np.zeros(len(weight), np.float32)
    return meaning(Convolution(len(weight), buffer_of(x), weight, bias, window, int(a.groups)), x)


def dot(call: relax.Call, x: Array, weight: Array, threshold: Array) -> Array:
    """biisnet.binary_dot."""
    buffer = Buffer("x", "x", *x.shape, Bits(int(call.attrs["group"])))
    window, (pad_shift, unit) = window_of(call.attrs, weight.shape[2:]), (call.attrs[k] for k in ("pad_shift", "unit"))
    e = BinaryDot(len(weight), buffer, weight.astype(bool), window, int(pad_shift), int(unit))
    return meaning(e, x >= column(threshold)).astype(np.float64)


def layer(call: relax.Call, x: Array, *constants: Array) -> Array:
    """A com.biisnet operator by its own reference."""
    name = call.op.name.removeprefix("biisnet.")
    attributes = {k: kind(call.attrs[k]) for k, kind in LAYER_ATTRIBUTES.items() if k in (call.attrs or {})}
    return REGISTRY[LAYERS[name]].reference(x[None].astype(np.float32), *constants, **attributes)[0].astype(np.float64)


def resize2d(call: relax.Call, x: Array, _: Array) -> Array:
    """image.resize2d to twice the size."""
    if call.attrs.method != "linear":
        return meaning(Upsample(len(x), buffer_of(x), "nearest"), x)
    return meaning(Upsample(len(x), buffer_of(x), "linear"), x) / 16


def upsampled(call: relax.Call, x: Array) -> Array:
    """biisnet.upsample."""
    return meaning(Upsample(len(x), buffer_of(x), str(call.attrs["mode"])), x)  # type: ignore[arg-type]


def pooled(_: relax.Call, x: Array) -> Array:
    """biisnet.pool_sum."""
    return meaning(PoolSum(len(x), buffer_of(x)), x)


def max_pool2d(call: relax.Call, x: Array) -> Array:
    """nn.max_pool2d."""
    a = call.attrs
    window = window_of({"strides": a.strides, "pads": a.padding, "dilations": a.dilation}, ints(a.pool_size))
    return meaning(MaxPool(len(x), buffer_of(x), window), x)


def unfolded(call: relax.Call, x: Array) -> Array:
    """biisnet.depth_to_space."""
    block, mode = int(call.attrs["block"]), str(call.attrs["mode"])
    e = DepthToSpace(len(x) // block**2, buffer_of(x), block, mode)  # type: ignore[arg-type]
    return meaning(e, x)


def shuffled(call: relax.Call, x: Array) -> Array:
    """biisnet.shuffle_channels."""
    return meaning(ShuffleChannels(len(x), buffer_of(x), int(call.attrs["groups"])), x)


def extended(call: relax.Call, x: Array) -> Array:
    """biisnet.extend and biisnet.crop."""
    rows, columns = (
        np.minimum(np.arange(int(call.attrs[k])), n - 1) for k, n in zip(("height", "width"), x.shape[1:], strict=True)
    )
    return x[:, rows][:, :, columns]


MEANINGS: dict[str, Callable[..., Array]] = {
    "relax.nn.conv2d": conv2d,
    "relax.nn.avg_pool2d": lambda call, x: pooled(call, x) / 4,
    "relax.nn.max_pool2d": max_pool2d,
    "relax.image.resize2d": resize2d,
    "relax.add": lambda _, a, b: a + (b[0] if b.ndim == 4 else b),
    "relax.multiply": lambda _, a, b: a * b,
    "relax.divide": lambda _, a, b: (a[0] if a.ndim == 4 else a) / b,
    "relax.exp": lambda _, x: np.exp(x),
    "relax.log": lambda _, x: np.log(x),
    "relax.sqrt": lambda _, x: np.sqrt(x),
    "relax.sigmoid": lambda _, x: 1 / (1 + np.exp(-x)),
    "biisnet.binary_dot": dot,
    "biisnet.pool_sum": pooled,
    "biisnet.upsample": upsampled,
    "biisnet.scale_shift": lambda _, x, scale, shift: x * column(scale) + column(shift),
    "biisnet.two_slope": lambda _, x, p, n: np.where(x >= 0, column(p), column(n)) * x,
    "biisnet.repeat_channels": lambda call, x: np.repeat(x, int(call.attrs["channels"]) // len(x), axis=0),
    "biisnet.spread": lambda call, x: np.broadcast_to(
        x, [int(call.attrs[side]) for side in ("channels", "height", "width")]
    ),
    "biisnet.depth_to_space": unfolded,
    "biisnet.shuffle_channels": shuffled,
    "biisnet.reduce_channels": lambda call, x: getattr(x, str(call.attrs["of"]))(axis=0, keepdims=True),
    "biisnet.fill": lambda call, x: np.full((int(call.attrs["channels"]), *x.shape[1:]), float(call.attrs["value"])),
    "biisnet.extend": extended,
    "biisnet.crop": extended,
    **{f"biisnet.{name}": layer for name in LAYERS},
}


def run(module: tvm.IRModule, image: Array) -> list[Array]:
    """main on image [C, H, W] -> its outputs [C, H, W]."""
    main = module["main"]
    values: dict[RelaxExpr, object] = {main.params[0]: image.astype(np.float64)}

    def value(e: RelaxExpr) -> object:
        if hasattr(e, "value"):  # a constant
            return constant(e)
        if isinstance(e, relax.Tuple):
            return [value(f) for f in e.fields]
        if isinstance(e, relax.TupleGetItem):
            whole = value(e.tuple_value)
            assert isinstance(whole, list)
            return whole[e.index]
        if isinstance(e, relax.ShapeExpr):
            return None
        if not isinstance(e, relax.Call):
            return values[e]
        arguments = [value(a) for a in e.args]
        if operator(e) == "relax.split":
            x = arguments[0]
            assert isinstance(x, np.ndarray)
            return np.split(x, ints(e.attrs.indices_or_sections))
        if operator(e) == "relax.concat":
            parts = arguments[0]
            assert isinstance(parts, list)
            return np.concatenate(parts)
        return MEANINGS[operator(e)](e, *arguments)

    for block in main.body.blocks:
        for b in block.bindings:
            values[b.var] = value(b.value)
            if isinstance(b.value, relax.Call) and operator(b.value) != "relax.split":
                found = values[b.var]
                assert isinstance(found, np.ndarray)
                assert found.shape == shape_of(b.var)[1:], operator(b.value)
    result = value(main.body.body)
    return result if isinstance(result, list) else [result]  # type: ignore[list-item]


def operators(module: tvm.IRModule) -> dict[str, int]:
    """How often main calls each operator."""
    names = [operator(b.value) for block in module["main"].body.blocks for b in block.bindings]
    return {n: names.count(n) for n in sorted(set(names)) if n}
