# SPDX-License-Identifier: Apache-2.0
"""Relax -> the maps of the integer network: which values become bytes, and what each is requantised from.

A value is a sum of terms as long as it can be; it becomes a stored map where a window reads it, where more than one
layer does, and where a two_slope follows a sum of several terms. The two_slope itself is never stored: the map is its
argument, and all who read it apply the slopes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import tvm
from tvm import relax
from tvm.ir import Expr

from ..errors import CompileError
from ..passes.relax_ops import channels_of
from ..refusals import integers
from .integer_forms import AFTER_LOGITS, FORMS, operator
from .maps import Map, Moved, Requantised, Sum, View, free_name
from .slopes import Reduced, Slope
from .values import Grey, Logit, Value, is_view, is_wide


@dataclass(frozen=True)
class Structure:
    """The integer network without its constants: maps in the order in which they are computed, the last its output;
    the float network's file."""

    maps: list[Map]
    input_name: str
    path: str

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
        self.layer = ""  # the name of the value at hand
        self.part_of = ""  # the float network's layer that it is, or is a part of

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
        for i, b in enumerate(self.bindings):
            self.layer = self.name_of(b)
            named = (n for later in self.bindings[i:] if (n := self.names.get(str(later.var.name))))
            self.part_of = next(named, self.layer)
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
        return Structure(self.maps, self.name(self.image), self.path)

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
        return CompileError(
            f"{self.path}: layer '{self.part_of}' has no integer form: {why}; use --precision float32", integers.FORM
        )

    def convert(self, value: Expr) -> Value:
        """The value of one binding."""
        if isinstance(value, relax.TupleGetItem):
            parts = self.values[self.resolve(value.tuple_value)]
            assert isinstance(parts, tuple)
            return parts[value.index]
        form = FORMS.get(operator(value))
        if form is None:
            raise self.no_form(f"{operator(value).rsplit('.', 1)[-1]} has none")
        return form(self, value)

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
