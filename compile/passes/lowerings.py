# SPDX-License-Identifier: Apache-2.0
"""Lowerings: a call of a Relax operator as expressions, one function an operator."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from tvm import relax

from ..errors import CompileError
from ..ir.buffers import Buffer
from ..ir.expressions import Expr, slice_channels
from ..ir.limits import MAX_DOT_TAPS
from ..kernels import (
    Add,
    BinaryDot,
    Clamp,
    Constant,
    Convolution,
    DepthToSpace,
    Divide,
    Exp,
    IntegerAdd,
    IntegerConvolution,
    IntegerDot,
    IntegerHinge,
    IntegerMix,
    IntegerPool,
    IntegerTwoSlope,
    IntegerUpsample,
    Interpolate,
    Log,
    MaxPool,
    Multiply,
    PoolSum,
    ReduceChannels,
    RepeatChannels,
    Requantize,
    Round,
    ScaleShift,
    ShuffleChannels,
    Sigmoid,
    Spread,
    SquareRoot,
    TileChannels,
    TwoSlope,
    Upsample,
)
from ..refusals import layers
from ..storage.integer import CENTRE, is_integer
from .relax_ops import constant, dtype_of, ints, window_of
from .stored_forms import PLAIN, Signs, StoredForm, operator

if TYPE_CHECKING:
    from .cut_stages import StageBuilder

Lower = Callable[["StageBuilder", str, relax.Call], "Value"]


@dataclass
class Value:
    """The meaning of a Relax variable: its expression, and the forms in which it is stored."""

    branches: tuple[Expr, ...]
    forms: dict[StoredForm, Buffer] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """Channels of all branches."""
        return sum(b.channels for b in self.branches)


@dataclass(frozen=True)
class Lowering:
    """A function that makes expressions of an operator's calls, and what deciding on stages must know of them."""

    lower: Lower
    reads: Callable[[relax.Call], StoredForm] | None
    """The form that a window's first argument is stored in; None for what is computed for each pixel alone."""
    is_sliceable: Callable[[relax.Call], bool]
    """Whether its channels can be cut into parts, as `Expr.slice` does it."""
    repeats_border: bool
    """Whether its result, past its border, repeats the border where its arguments' do."""


LOWERINGS: dict[str, Lowering] = {}
"""Lowerings by the operator's name."""


def lowers(
    operator: str,
    reads: Callable[[relax.Call], StoredForm] | None = None,
    is_sliceable: Callable[[relax.Call], bool] = lambda _: True,
    repeats_border: bool = True,
) -> Callable[[Lower], Lower]:
    """Register a function as the lowering of an operator."""

    def register(lower: Lower) -> Lower:
        LOWERINGS[operator] = Lowering(lower, reads, is_sliceable, repeats_border and reads is None)
        return lower

    return register


@lowers(
    "relax.nn.conv2d",
    reads=lambda call: StoredForm("zero") if any(ints(call.attrs.padding)) else PLAIN,
    is_sliceable=lambda call: int(call.attrs.groups) == 1,
)
def convolution(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """A full-precision convolution; its bias is added by the `add` after it."""
    weight, attrs = constant(call.args[1]).astype(np.float32), call.attrs
    shape = {"strides": attrs.strides, "pads": attrs.padding, "dilations": attrs.dilation}
    e = Convolution(
        len(weight),
        builder.window_argument(call),
        weight,
        np.zeros(len(weight), np.float32),
        window_of(shape, weight.shape[2:]),
        int(attrs.groups),
    )
    return Value((e,))


def signs_read_by(call: relax.Call) -> StoredForm:
    """The form that a binary convolution reads."""
    threshold = tuple(constant(call.args[2]).ravel().tolist())
    return StoredForm("zero", Signs(int(call.attrs["group"]), threshold))


@lowers("biisnet.binary_dot", reads=signs_read_by, is_sliceable=lambda call: int(call.attrs["group"]) == 1)
def binary_dot(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """The accumulator of a binary convolution."""
    signs = constant(call.args[1]).astype(bool)
    # the importer refuses those of a file by the file's name
    if signs[0].size > MAX_DOT_TAPS:
        raise CompileError(
            f"layer '{name}': {signs[0].size} binary weights an output: {MAX_DOT_TAPS} are supported",
            layers.BINARY_TAPS,
        )
    e = BinaryDot(
        len(signs),
        builder.window_argument(call),
        signs,
        window_of(call.attrs, signs.shape[2:]),
        int(call.attrs["pad_shift"]),
        int(call.attrs["unit"]),
    )
    return Value((e,))


@lowers("biisnet.integer_dot", reads=signs_read_by, is_sliceable=lambda call: int(call.attrs["group"]) == 1)
def integer_dot(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """The counts of a binary convolution over an int8 map."""
    signs = constant(call.args[1]) > 0
    window = window_of(call.attrs, signs.shape[2:])
    return Value((IntegerDot(len(signs), builder.window_argument(call), signs, window, int(call.attrs["tile"])),))


@lowers("biisnet.integer_convolution", reads=lambda _: StoredForm("zero", centred=True))
def integer_convolution(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """int8 weights over grey levels."""
    weight = constant(call.args[1])
    window = window_of(call.attrs, weight.shape[2:])
    zero_point = int(call.attrs["zero_point"]) - CENTRE
    return Value((IntegerConvolution(len(weight), builder.window_argument(call), weight, window, zero_point),))


@lowers("biisnet.integer_pool", reads=lambda _: PLAIN)
def integer_pool(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """2x2, stride 2."""
    buffer, (negative, positive) = builder.window_argument(call), map(constant, call.args[1:])
    return Value((IntegerPool(buffer.channels, buffer, negative, positive),))


@lowers("biisnet.integer_upsample", reads=lambda _: StoredForm("edge"))
def integer_upsample(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Twice the resolution."""
    buffer = builder.window_argument(call)
    return Value((IntegerUpsample(buffer.channels, buffer),))


@lowers("biisnet.integer_mix", reads=lambda _: PLAIN, is_sliceable=lambda _: False)
def integer_mix(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """One sum over all channels."""
    buffer, (negative, positive, bias) = builder.window_argument(call), map(constant, call.args[1:])
    return Value((IntegerMix(1, buffer, negative, positive, bias.astype(np.int16)),))


@lowers("biisnet.integer_two_slope")
def integer_two_slope(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Per-channel slopes, cut as the branches are."""
    negative, positive = map(constant, call.args[1:])
    return per_branch(builder.argument(call), lambda e, at: IntegerTwoSlope(e.channels, e, negative[at], positive[at]))


@lowers("biisnet.integer_hinge")
def integer_hinge(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Per-channel constants, cut as the branches are."""
    slope, bend, knee = map(constant, call.args[1:])
    return per_branch(builder.argument(call), lambda e, at: IntegerHinge(e.channels, e, slope[at], bend[at], knee[at]))


@lowers("biisnet.requantize")
def requantize(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """A shift for all channels, a bias for each."""
    bias, shift, bits = constant(call.args[1]).astype(np.int16), int(call.attrs["shift"]), int(call.attrs["bits"])
    return per_branch(builder.argument(call), lambda e, at: Requantize(e.channels, e, bias[at], shift, bits))


@lowers("biisnet.tile_channels", is_sliceable=lambda _: False)
def tile_channels(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Channels several times in a row."""
    (e,) = builder.argument(call).branches
    return Value((TileChannels(e.channels * int(call.attrs["times"]), e),))


@lowers("biisnet.pool_sum", reads=lambda _: PLAIN)
def pool_sum(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """2x2, stride 2."""
    buffer = builder.window_argument(call)
    return Value((PoolSum(buffer.channels, buffer),))


@lowers("relax.nn.max_pool2d", reads=lambda call: StoredForm("edge") if any(ints(call.attrs.padding)) else PLAIN)
def max_pool(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """The largest pixel of a window; the border is repeated, since padding counts for nothing."""
    buffer, attrs = builder.window_argument(call), call.attrs
    shape = {"strides": attrs.strides, "pads": attrs.padding, "dilations": attrs.dilation}
    return Value((MaxPool(buffer.channels, buffer, window_of(shape, ints(attrs.pool_size))),))


@lowers("biisnet.upsample", reads=lambda call: StoredForm("edge") if call.attrs["mode"] == "linear" else PLAIN)
def upsample(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Twice the resolution."""
    buffer = builder.window_argument(call)
    mode: Literal["linear", "nearest"] = "linear" if call.attrs["mode"] == "linear" else "nearest"
    return Value((Upsample(buffer.channels, buffer, mode),))


@lowers("biisnet.interpolate", reads=lambda _: StoredForm("edge"))
def interpolate(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """4 or 8 times the resolution."""
    buffer = builder.window_argument(call)
    return Value((Interpolate(buffer.channels, buffer, int(call.attrs["factor"])),))


@lowers("biisnet.scale_shift")
def scale_shift(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Per-channel constants, cut as the branches are."""
    x = builder.argument(call)
    scale, shift = (constant(a) for a in call.args[1:])
    return per_branch(x, lambda e, at: ScaleShift(e.channels, e, scale[at], shift[at]))


@lowers("biisnet.two_slope")
def two_slope(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Per-channel slopes, cut as the branches are."""
    x = builder.argument(call)
    positive, negative = (constant(a) for a in call.args[1:])
    return per_branch(x, lambda e, at: TwoSlope(e.channels, e, positive[at], negative[at]))


@lowers("biisnet.clamp")
def clamp(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Per-channel bounds, cut as the branches are."""
    x = builder.argument(call)
    lower, upper = (constant(a) for a in call.args[1:])
    return per_branch(x, lambda e, at: Clamp(e.channels, e, lower[at], upper[at]))


@lowers("relax.sigmoid")
def sigmoid(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """The logistic function."""
    return per_branch(builder.argument(call), lambda e, _: Sigmoid(e.channels, e))


@lowers("relax.exp")
@lowers("relax.log")
@lowers("relax.round")
@lowers("relax.sqrt")
def function(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """A function of each value."""
    kinds: dict[str, Callable[[int, Expr], Expr]] = {
        "relax.exp": Exp,
        "relax.log": Log,
        "relax.round": Round,
        "relax.sqrt": SquareRoot,
    }
    kind = kinds[operator(call)]
    return per_branch(builder.argument(call), lambda e, _: kind(e.channels, e))


@lowers("relax.divide")
def divide(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """The quotient of two maps, or of a value a channel and a map."""
    y = builder.argument(call, 1)
    if isinstance(call.args[0], relax.Var):
        return side_by_side(builder.argument(call), y, Divide)
    values = constant(call.args[0]).astype(np.float32).ravel()
    return per_branch(y, lambda e, at: Divide(e.channels, Constant(e.channels, values[at]), e))


@lowers("relax.add")
def add(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """The sum of two maps, or the bias of a convolution."""
    x = builder.argument(call)
    if not isinstance(call.args[1], relax.Var):
        bias = constant(call.args[1]).astype(np.float32).ravel()
        (e,) = x.branches
        assert isinstance(e, Convolution)
        return Value((replace(e, bias=bias),))
    return side_by_side(x, builder.argument(call, 1), IntegerAdd if is_integer(dtype_of(call)) else Add)


@lowers("relax.multiply")
def multiply(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """The product of two maps."""
    return side_by_side(builder.argument(call), builder.argument(call, 1), Multiply)


@lowers("biisnet.spread", reads=lambda _: PLAIN)
def spread(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """A side of 1 made as long as the attribute says."""
    return Value((Spread(int(call.attrs["channels"]), builder.window_argument(call)),))


@lowers("biisnet.depth_to_space", reads=lambda _: PLAIN)
def depth_to_space(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Channels become pixels."""
    buffer, block = builder.window_argument(call), int(call.attrs["block"])
    mode: Literal["CRD", "DCR"] = "CRD" if call.attrs["mode"] == "CRD" else "DCR"
    return Value((DepthToSpace(buffer.channels // block**2, buffer, block, mode),))


@lowers("biisnet.shuffle_channels", reads=lambda _: PLAIN)
def shuffle_channels(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Channels in another order."""
    buffer = builder.window_argument(call)
    return Value((ShuffleChannels(buffer.channels, buffer, int(call.attrs["groups"])),))


@lowers("biisnet.reduce_channels", reads=lambda _: PLAIN, is_sliceable=lambda _: False)
def reduce_channels(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """The sum or the maximum of all channels."""
    of: Literal["sum", "max"] = "sum" if call.attrs["of"] == "sum" else "max"
    return Value((ReduceChannels(1, builder.window_argument(call), of),))


def side_by_side(x: Value, y: Value, kind: Callable[[int, Expr, Expr], Expr]) -> Value:
    """A kind of two maps, cut where the branches of either are."""
    cuts = sorted(
        {0} | set(np.cumsum([e.channels for e in x.branches])) | set(np.cumsum([e.channels for e in y.branches]))
    )
    branches = []
    for start, end in itertools.pairwise(cuts):
        (a,), (b,) = (slice_branches(v.branches, start, end) for v in (x, y))
        branches.append(kind(a.channels, a, b))
    return Value(tuple(branches))


@lowers("relax.concat")
def concat(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Branches side by side."""
    parts = [builder.values[builder.resolve(f)] for f in call.args[0].fields]
    return Value(tuple(e for p in parts for e in p.branches))


@lowers("biisnet.repeat_channels", is_sliceable=lambda _: False)
def repeat_channels(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Channels repeated."""
    x = builder.argument(call)
    (e,) = x.branches
    return Value((RepeatChannels(int(call.attrs["channels"]), e),))


@lowers("biisnet.fill")
def fill(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """The same value everywhere, whatever its argument is."""
    channels = int(call.attrs["channels"])
    return Value((Constant(channels, np.full(channels, float(call.attrs["value"]), np.float32)),))


@lowers("biisnet.extend")
@lowers("biisnet.crop", repeats_border=False)
def resized(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """extend and crop: the same expression over more or fewer pixels (a load repeats the border)."""
    x = builder.argument(call)
    return Value(x.branches)


def per_branch(x: Value, make: Callable[[Expr, slice], Expr]) -> Value:
    """Apply per-channel work to each branch."""
    branches, at = [], 0
    for e in x.branches:
        branches.append(make(e, slice(at, at + e.channels)))
        at += e.channels
    return Value(tuple(branches))


def slice_branches(branches: tuple[Expr, ...], start: int, end: int) -> list[Expr]:
    """Channels start .. end-1 of concatenated branches."""
    out, at = [], 0
    for e in branches:
        first, last = max(start - at, 0), min(end - at, e.channels)
        if first < last:
            out.append(slice_channels(e, first, last))
        at += e.channels
    return out
