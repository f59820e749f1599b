# SPDX-License-Identifier: Apache-2.0
"""Relax -> the maps of the integer network: which values become bytes, and what each is requantised from.

A value is a sum of terms as long as it can be; it becomes a stored map where a window reads it, where more than one
layer does, and where a two_slope follows a sum of several terms. The two_slope itself is never stored: the map is its
argument, and all who read it apply the slopes.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import tvm
from tvm import relax
from tvm.ir import Expr

from ..errors import CompileError
from ..passes.relax_ops import channels_of, constant, ints, per_channel, window_of
from .maps import F64, Map, Moved, Requantised, Sum, View, free_name
from .terms import Count, Greys, Hinge, Pooled, Reduced, Slope, Term


@dataclass(frozen=True)
class Grey:
    """scale * grey + shift of the frame, a value a channel; the float network's layers that extend it."""

    scale: F64
    shift: F64
    extended: tuple[str, ...] = ()


@dataclass(frozen=True)
class Logit:
    """A real number whose probability is asked for."""

    sum: Sum


Value: TypeAlias = Sum | Grey | Logit | tuple[Sum, ...]


@dataclass(frozen=True)
class Structure:
    """The integer network without its constants: maps in the order in which they are computed, the last its output."""

    maps: list[Map]
    input_name: str

    @property
    def output(self) -> Map:
        """The logits."""
        return self.maps[-1]


def find_structure(module: tvm.IRModule, path: str) -> Structure:
    """The maps of `main`, after the Relax passes. Raises CompileError that names the first layer without an integer
    form."""
    return Walk(module, path).run()


class Walk:
    """One walk over the bindings of main."""

    def __init__(self, module: tvm.IRModule, path: str) -> None:
        function = module["main"]
        self.path = path
        self.names = {str(k): str(v) for k, v in module.attrs["onnx_names"].items()}
        self.image = function.params[0]
        bindings = [b for block in function.body.blocks for b in block.bindings]
        self.alias = {b.var: b.value for b in bindings if isinstance(b.value, relax.Var)}
        self.bindings = [b for b in bindings if b.var not in self.alias]
        self.result = self.resolve(function.body.body)
        self.readers = Counter(a for b in self.bindings for a in dict.fromkeys(self.arguments(b.value)))
        self.values: dict[Expr, Value] = {}
        self.maps: list[Map] = []
        self.made: dict[Expr, str] = {}  # names of what passes made
        self.layer = ""

    def resolve(self, e: Expr) -> Expr:
        """The variable behind an alias."""
        while e in self.alias:
            e = self.alias[e]
        return e

    def arguments(self, value: Expr) -> list[Expr]:
        """The variables that an expression reads."""
        if isinstance(value, relax.TupleGetItem):
            return [self.resolve(value.tuple_value)]
        flat = [f for a in value.args for f in (a.fields if isinstance(a, relax.Tuple) else [a])]
        return [self.resolve(a) for a in flat if isinstance(a, relax.Var)]

    def run(self) -> Structure:
        """Walk the bindings in order."""
        ones = np.ones(channels_of(self.image))
        self.values[self.image] = Grey(ones, 0 * ones)
        for b in self.bindings:
            self.layer = self.name_of(b)
            if operator(b.value) not in AFTER_LOGITS and any(is_wide(v) for v in self.sums(b.value)):
                raise self.no_form("it works on the logits; a crop and a Sigmoid are supported")
            value = self.convert(b.value)
            if isinstance(value, Sum) and self.readers[b.var] > 1 and not is_view(value):
                value = self.requantised(value, self.layer)
            self.values[b.var] = value
        if isinstance(self.result, relax.Tuple):
            raise self.no_form(f"has {len(self.result.fields)} outputs; one, of probabilities, is supported")
        logit = self.values[self.result]
        if not isinstance(logit, Logit) or logit.sum.channels != 1:
            raise self.no_form("the network's output; a Sigmoid of one channel is supported")
        return Structure(self.maps, self.name(self.image))

    def sums(self, value: Expr) -> list[Sum]:
        """The sums among what an expression reads."""
        return [v for a in self.arguments(value) if isinstance(v := self.values[a], Sum)]

    def name_of(self, b: relax.VarBinding) -> str:
        """The ONNX value that a binding computes; of what a pass made, that of its argument and the operator."""
        if str(b.var.name) in self.names:
            return self.names[str(b.var.name)]
        sources = self.arguments(b.value)
        self.made[b.var] = ".".join([*(self.name(s) for s in sources[:1]), operator(b.value).rsplit(".", 1)[-1]])
        return self.made[b.var]

    def no_form(self, why: str) -> CompileError:
        """The error of the layer at hand."""
        return CompileError(f"{self.path}: layer '{self.layer}' has no integer form: {why}; use --precision float32")

    def convert(self, value: Expr) -> Value:
        """The value of one binding."""
        if isinstance(value, relax.TupleGetItem):
            parts = self.values[self.resolve(value.tuple_value)]
            assert isinstance(parts, tuple)
            return parts[value.index]
        rule = RULES.get(operator(value))
        if rule is None:
            raise self.no_form(f"{operator(value).rsplit('.', 1)[-1]} has none")
        return rule(self, value)

    def argument(self, call: relax.Call, i: int = 0) -> Value:
        """Argument `i`, as it is known."""
        return self.values[self.resolve(call.args[i])]

    def sum(self, call: relax.Call, i: int = 0) -> Sum:
        """Argument `i`, which has to depend on stored maps. Raises CompileError where it is the frame itself."""
        return self.argument_sum(call.args[i])

    def argument_sum(self, argument: Expr) -> Sum:
        """The same of any variable."""
        value = self.values[self.resolve(argument)]
        if isinstance(value, Sum):
            return value
        raise self.no_form("it works on the frame itself, or on probabilities; a convolution of the frame is first")

    def name(self, argument: Expr) -> str:
        """The name of a variable's value."""
        var = self.resolve(argument)
        return self.made.get(var) or self.names.get(str(var.name), str(var.name))

    def unique(self, name: str) -> str:
        """A name that no map has."""
        return free_name(name, {m.name for m in self.maps})

    def add(self, new: Map) -> Sum:
        """A map that is computed from here on."""
        self.maps.append(new)
        ones = np.ones(new.channels)
        return Sum((Slope(View.of(new), ones, ones),), 0 * ones)

    def requantised(self, value: Sum, name: str, bits: Literal[8, 16] = 8) -> Sum:
        """A sum as a stored map of its own, whatever it is."""
        if bits == 8 and any(isinstance(term, Reduced) for term in value.terms):
            raise self.no_form("it follows a 1x1 convolution of maps to one channel, which is supported as the last")
        return self.add(Requantised(self.unique(name), value.channels, value, bits))

    def view(self, value: Sum, name: str) -> Slope:
        """The slopes of the stored map that a sum is, or becomes under `name`."""
        (term,) = (value if is_view(value) else self.requantised(value, name)).terms
        assert isinstance(term, Slope)
        return term

    def logit(self, call: relax.Call) -> Sum:
        """An argument as a map of 16 bits, or the one that it is."""
        value = self.sum(call)
        return value if is_wide(value) else self.requantised(value, self.name(call.args[0]), 16)

    def moved(self, call: relax.Call, value: Sum, how: Literal["upsample", "extend", "crop"], gain: float = 1.0) -> Sum:
        """A map of bytes at other pixels, as wanted for a window or a size; `gain` times it."""
        slope = self.view(value, self.name(call.args[0]))
        self.maps.append(new := Moved(self.unique(self.layer), value.channels, slope.view, how, self.layer))
        return Sum((replace(slope, view=View.of(new)).scaled(np.full(new.channels, gain)),), np.zeros(new.channels))


def operator(value: Expr) -> str:
    """The name of the operator that an expression calls; of others, their class."""
    return str(value.op.name) if isinstance(value, relax.Call) else type(value).__name__


def is_wide(value: Sum) -> bool:
    """Whether a sum is a map of 16 bits, the logits."""
    return is_view(value) and any(source.bits == 16 for view in value.views for source, _, _ in view.parts)


def is_view(value: Sum) -> bool:
    """Whether a sum is nothing but slopes of a stored map."""
    return len(value.terms) == 1 and type(value.terms[0]) is Slope and not value.offset.any()


# ---- rules: operators by name ----

AFTER_LOGITS = ("biisnet.crop", "relax.sigmoid")

Rule = Callable[[Walk, Any], Value]
RULES: dict[str, Rule] = {}


def rule(*operators: str) -> Callable[[Rule], Rule]:
    """Register what operators become."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(operators, function))
        return function

    return register


@rule("biisnet.scale_shift")
def scale_shift(walk: Walk, call: relax.Call) -> Value:
    """Goes into the gains."""
    x = walk.argument(call)
    channels = channels_of(call)
    scale, shift = (per_channel(a, channels) for a in call.args[1:])
    if isinstance(x, Grey):
        return replace(x, scale=x.scale * scale, shift=x.shift * scale + shift)
    return walk.sum(call).scaled(scale, shift)


@rule("relax.add")
def add(walk: Walk, call: relax.Call) -> Value:
    """A sum of terms, or a bias."""
    x = walk.sum(call)
    if not isinstance(call.args[1], relax.Var):
        return x.scaled(np.ones(x.channels), per_channel(call.args[1], x.channels))
    return x.plus(walk.sum(call, 1))


@rule("biisnet.two_slope")
def two_slope(walk: Walk, call: relax.Call) -> Value:
    """Slopes of a stored map, or the bend of a count."""
    x = walk.sum(call)
    positive, negative = (per_channel(a, x.channels) for a in call.args[1:])
    term = x.terms[0]
    if len(x.terms) == 1 and isinstance(term, Hinge) and term.is_line:
        return Sum((term.bent(x.offset, negative, positive),), 0 * x.offset)
    return Sum((walk.view(x, walk.name(call.args[0])).bent(negative, positive),), 0 * x.offset)


@rule("biisnet.clamp")
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


@rule("relax.nn.conv2d")
def convolution(walk: Walk, call: relax.Call) -> Value:
    """Of the frame, or 1x1 to one channel."""
    weight = constant(call.args[1]).astype(np.float64)
    x, attrs, group = walk.argument(call), call.attrs, int(call.attrs.groups)
    shape = {"strides": attrs.strides, "pads": attrs.padding, "dilations": attrs.dilation}
    window = window_of(shape, weight.shape[2:])
    zeros = np.zeros(len(weight))
    if isinstance(x, Grey):
        if not x.scale.all():
            raise walk.no_form("a channel of the frame is multiplied by 0")
        scale = np.repeat(x.scale.reshape(group, -1), len(weight) // group, axis=0)
        term: Term = Greys(weight * scale[..., None, None], -x.shift / x.scale, window, group, x.extended, walk.layer)
        cast_zero_point(walk, term)
        return Sum((term,), zeros)
    value = walk.sum(call)
    if weight.shape[0] != 1 or window.kernel != (1, 1) or any(window.pads) or window.strides != (1, 1) or group != 1:
        raise walk.no_form("a full-precision convolution of maps; one of the frame, or 1x1 to one channel is supported")
    slope = walk.view(value, walk.name(call.args[0]))
    return Sum((Reduced(slope.scaled(weight.reshape(-1))),), zeros)


def cast_zero_point(walk: Walk, term: Term) -> None:
    """Raise CompileError where the frame's 0 is no grey level."""
    assert isinstance(term, Greys)
    try:
        _ = term.zero_point
    except CompileError as e:
        raise CompileError(f"{walk.path}: {e}") from e


@rule("biisnet.binary_dot")
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


@rule("biisnet.repeat_channels")
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


@rule("biisnet.pool_sum")
def pool_sum(walk: Walk, call: relax.Call) -> Value:
    """Of the slopes of a stored map."""
    slope = walk.view(walk.sum(call), walk.name(call.args[0]))
    return Sum((Pooled(slope.view, slope.negative, slope.positive),), 0 * slope.negative)


@rule("biisnet.upsample")
def upsample(walk: Walk, call: relax.Call) -> Value:
    """The interpolation of bytes. (The Relax operator's is 16 times as much.)"""
    if str(call.attrs["mode"]) != "linear":
        raise walk.no_form("a nearest-neighbour Resize; linear interpolation is supported")
    value = walk.sum(call)
    if not walk.view(value, walk.name(call.args[0])).is_linear:
        value = walk.requantised(value, walk.name(call.args[0]))
    return walk.moved(call, value, "upsample", 16.0)


@rule("relax.concat")
def concat(walk: Walk, call: relax.Call) -> Value:
    """Views side by side."""
    parts = [walk.argument_sum(f) for f in call.args[0].fields]
    slopes = [walk.view(part, walk.name(f)) for part, f in zip(parts, call.args[0].fields, strict=True)]
    views = [s.view for s in slopes]
    negative, positive = (np.concatenate([getattr(s, f) for s in slopes]) for f in ("negative", "positive"))
    return Sum((Slope(sum(views[1:], views[0]), negative, positive),), 0 * negative)


@rule("relax.split")
def split(walk: Walk, call: relax.Call) -> Value:
    """Channels of a view."""
    slope = walk.view(walk.sum(call), walk.name(call.args[0]))
    cuts = [0, *ints(call.attrs.indices_or_sections), slope.view.channels]
    parts = []
    for a, b in itertools.pairwise(cuts):
        parts.append(Sum((Slope(slope.view.slice(a, b), slope.negative[a:b], slope.positive[a:b]),), np.zeros(b - a)))
    return tuple(parts)


@rule("relax.sigmoid")
def sigmoid(walk: Walk, call: relax.Call) -> Value:
    """Left out: the output is its argument."""
    return Logit(walk.logit(call))


@rule("biisnet.extend", "biisnet.crop")
def resized(walk: Walk, call: relax.Call) -> Value:
    """Bytes at more or fewer pixels; of the frame, its own."""
    how = operator(call).rsplit(".", 1)[-1]
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
