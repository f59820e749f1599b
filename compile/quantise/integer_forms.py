# SPDX-License-Identifier: Apache-2.0
"""Integer forms: what a Relax operator becomes, one function an operator."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from tvm import relax
from tvm.ir import Expr

from ..ir.limits import MAX_INTEGER_WEIGHTS
from ..passes.relax_ops import channels_of, constant, ints, per_channel, window_of
from .counts import Count, Hinge
from .greys import Greys
from .maps import F64, Sum
from .slopes import Pooled, Reduced, Slope
from .values import Grey, Logit, Value, is_view

if TYPE_CHECKING:
    from .structure import Walk

AFTER_LOGITS = ("biisnet.crop", "relax.sigmoid")
"""Operators that work on logits."""

Form = Callable[["Walk", Any], Value]
FORMS: dict[str, Form] = {}
"""Integer forms by the operator's name."""


def form_of(*operators: str) -> Callable[[Form], Form]:
    """Register a function as the integer form of operators."""

    def register(function: Form) -> Form:
        FORMS.update(dict.fromkeys(operators, function))
        return function

    return register


def operator(value: Expr) -> str:
    """The name of the operator that an expression calls; of others, their class."""
    return str(value.op.name) if isinstance(value, relax.Call) else type(value).__name__


@form_of("biisnet.scale_shift")
def scale_shift(walk: Walk, call: relax.Call) -> Value:
    """Goes into the gains."""
    x = walk.argument(call)
    channels = channels_of(call)
    scale, shift = (per_channel(a, channels) for a in call.args[1:])
    if isinstance(x, Grey):
        return replace(x, scale=x.scale * scale, shift=x.shift * scale + shift)
    return walk.sum(call).scaled(scale, shift)


@form_of("relax.add")
def add(walk: Walk, call: relax.Call) -> Value:
    """A sum of terms, or a bias."""
    x = walk.sum(call)
    if not isinstance(call.args[1], relax.Var):
        return x.scaled(np.ones(x.channels), per_channel(call.args[1], x.channels))
    return x.plus(walk.sum(call, 1))


@form_of("biisnet.two_slope")
def two_slope(walk: Walk, call: relax.Call) -> Value:
    """Slopes of a stored map, or the bend of a count."""
    x = walk.sum(call)
    positive, negative = (per_channel(a, x.channels) for a in call.args[1:])
    term = x.terms[0]
    if len(x.terms) == 1 and isinstance(term, Hinge) and term.is_line:
        return Sum((term.bent(x.offset, negative, positive),), 0 * x.offset)
    return Sum((walk.view(x, walk.name(call.args[0])).bent(negative, positive),), 0 * x.offset)


@form_of("biisnet.clamp")
def clamp(walk: Walk, call: relax.Call) -> Value:
    """lower + max(x - lower, 0) - max(x - upper, 0): two bends of a count, or of a stored map."""
    x = walk.sum(call)
    lower, upper = (per_channel(a, x.channels) for a in call.args[1:])
    line, offset = x.terms[0], x.offset
    if len(x.terms) > 1 or not isinstance(line, Hinge) or not line.is_line:
        name = walk.name(call.args[0])
        stored = walk.view(x, name)
        if not stored.is_linear:
            stored = walk.view(walk.requantised(x, name), name)
        line, offset = Hinge.line(stored.view, stored.positive), 0 * offset
    zero, one = 0 * offset, 0 * offset + 1
    return Sum((line.bent(offset - lower, zero, one), line.bent(offset - upper, zero, -one)), lower)


@form_of("relax.nn.conv2d")
def convolution(walk: Walk, call: relax.Call) -> Value:
    """Of the frame, or 1x1 to one channel."""
    weight = constant(call.args[1]).astype(np.float64)
    x, attrs, group = walk.argument(call), call.attrs, int(call.attrs.groups)
    shape = {"strides": attrs.strides, "pads": attrs.padding, "dilations": attrs.dilation}
    window = window_of(shape, weight.shape[2:])
    zeros = np.zeros(len(weight))
    if isinstance(x, Grey):
        if group != 1:
            raise walk.no_form("a convolution of the frame in groups of channels; one of all of them is supported")
        if weight.size > MAX_INTEGER_WEIGHTS:
            raise walk.no_form(
                f"a convolution of the frame of {weight.size} weights; {MAX_INTEGER_WEIGHTS} are supported"
            )
        if not x.scale.all():
            raise walk.no_form("a channel of the frame is multiplied by 0")
        scale = np.repeat(x.scale.reshape(group, -1), len(weight) // group, axis=0)
        zero = -x.shift / x.scale
        point = zero_point(walk, zero, any(window.pads))
        return Sum((Greys(weight * scale[..., None, None], zero, point, window, group, x.extended),), zeros)
    value = walk.sum(call)
    if weight.shape[0] != 1 or window.kernel != (1, 1) or any(window.pads) or window.strides != (1, 1) or group != 1:
        raise walk.no_form("a full-precision convolution of maps; one of the frame, or 1x1 to one channel is supported")
    slope = walk.view(value, walk.name(call.args[0]))
    return Sum((Reduced(slope.scaled(weight.reshape(-1))),), zeros)


def zero_point(walk: Walk, zero: F64, padded: bool) -> int:
    """The grey level that a padded tap is taken for, given those that stand for 0 [C]. Raises CompileError where there
    is none."""
    points = np.unique(np.round(zero))
    if padded and (len(points) != 1 or not 0 <= points[0] <= 255):
        raise walk.no_form(
            f"it pads with 0, which stands for the grey levels {points.tolist()}; one of 0 to 255 for all channels is "
            "supported"
        )
    return int(np.clip(points[0], 0, 255))


@form_of("biisnet.binary_dot")
def binary_dot(walk: Walk, call: relax.Call) -> Value:
    """A line of a count."""
    signs, attrs = constant(call.args[1]).astype(bool), call.attrs
    value = walk.sum(call)
    threshold = np.asarray(per_channel(call.args[2], value.channels), np.float64)
    window = window_of(attrs, signs.shape[2:])
    if signs.shape[1] % 2:
        raise walk.no_form(f"{signs.shape[1]} channels a group of a binary convolution; even numbers are supported")
    if any(window.pads) and int(attrs["pad_shift"]) != 1:
        raise walk.no_form("a binary convolution that pads with one of its levels; the middle (0) is supported")
    name = walk.name(call.args[0])
    slope = walk.view(value, name)
    if not has_threshold(slope, threshold):
        slope = walk.view(walk.requantised(Sum((slope,), 0 * value.offset), name), name)
    count = Count(slope, threshold, signs, window, int(attrs["group"]))
    unit = np.full(len(signs), 1 / int(attrs["unit"]))
    return Sum((Hinge.line(count, unit),), 0 * unit)


def has_threshold(slope: Slope, threshold: F64) -> bool:
    """Whether "at least the threshold" is, of the bytes, "at least" or "at most": where slopes do not bend back, and
    where they do, of a threshold of 0."""
    back = slope.negative * slope.positive < 0
    return bool((~back | (threshold == 0)).all())


@form_of("biisnet.repeat_channels")
def repeat_channels(walk: Walk, call: relax.Call) -> Value:
    """Weights of a count repeated, or channels of a stored map."""
    x, channels = walk.sum(call), int(call.attrs["channels"])
    times = channels // x.channels
    term = x.terms[0]
    offset = np.repeat(x.offset, times)
    if len(x.terms) == 1 and isinstance(term, Hinge) and isinstance(term.source, Count):
        source = replace(term.source, signs=np.repeat(term.source.signs, times, axis=0))
        lines = {f: np.repeat(getattr(term, f), times) for f in ("scale", "shift", "negative", "positive")}
        return Sum((Hinge(source, **lines),), offset)
    slope = walk.view(x, walk.name(call.args[0]))
    parts = [slope.view.slice(c, c + 1) for c in range(x.channels) for _ in range(times)]
    view = sum(parts[1:], parts[0])
    return Sum((Slope(view, np.repeat(slope.negative, times), np.repeat(slope.positive, times)),), 0 * offset)


@form_of("biisnet.pool_sum")
def pool_sum(walk: Walk, call: relax.Call) -> Value:
    """Of the slopes of a stored map."""
    slope = walk.view(walk.sum(call), walk.name(call.args[0]))
    return Sum((Pooled(slope.view, slope.negative, slope.positive),), 0 * slope.negative)


@form_of("biisnet.upsample")
def upsample(walk: Walk, call: relax.Call) -> Value:
    """The interpolation of bytes. (The Relax operator's is 16 times as much.)"""
    if str(call.attrs["mode"]) != "linear":
        raise walk.no_form("a nearest-neighbour Resize; linear interpolation is supported")
    value, name = walk.sum(call), walk.name(call.args[0])
    if not is_view(value) or not walk.view(value, name).is_linear:
        value = walk.requantised(value, name)
    return walk.moved(call, value, "upsample", 16.0)


@form_of("relax.concat")
def concat(walk: Walk, call: relax.Call) -> Value:
    """Views side by side."""
    parts = [walk.argument_sum(f) for f in call.args[0].fields]
    slopes = [walk.view(part, walk.name(f)) for part, f in zip(parts, call.args[0].fields, strict=True)]
    views = [s.view for s in slopes]
    negative, positive = (np.concatenate([getattr(s, f) for s in slopes]) for f in ("negative", "positive"))
    return Sum((Slope(sum(views[1:], views[0]), negative, positive),), 0 * negative)


@form_of("relax.split")
def split(walk: Walk, call: relax.Call) -> Value:
    """Channels of a view."""
    slope = walk.view(walk.sum(call), walk.name(call.args[0]))
    cuts = [0, *ints(call.attrs.indices_or_sections), slope.view.channels]
    parts = []
    for a, b in itertools.pairwise(cuts):
        parts.append(Sum((Slope(slope.view.slice(a, b), slope.negative[a:b], slope.positive[a:b]),), np.zeros(b - a)))
    return tuple(parts)


@form_of("relax.sigmoid")
def sigmoid(walk: Walk, call: relax.Call) -> Value:
    """Left out: the output is its argument."""
    return Logit(walk.logit(call))


@form_of("biisnet.extend", "biisnet.crop")
def resized(walk: Walk, call: relax.Call) -> Value:
    """Bytes at more or fewer pixels; of the frame, its own."""
    how: Literal["extend", "crop"] = "extend" if operator(call) == "biisnet.extend" else "crop"
    x = walk.argument(call)
    if isinstance(x, Grey):
        if how == "crop":
            raise walk.no_form("the frame is cropped before the first convolution")
        return replace(x, extended=(*x.extended, walk.layer))
    if isinstance(x, Logit):
        return Logit(walk.moved(call, x.sum, how))
    value = walk.sum(call)
    is_logit = any(isinstance(term, Reduced) for term in value.terms)
    return walk.moved(call, walk.logit(call) if is_logit else value, how)
