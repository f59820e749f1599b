# SPDX-License-Identifier: Apache-2.0
"""Relax -> Program: decide which maps are stored, and fuse everything between two stored maps into one stage.

A map is stored where a window reads it (convolution, pooling, interpolation), where it leaves the network,
and where two stored maps need it. Everything else stays an expression and becomes part of the stage that
uses it: so all of a block's element-wise work ends up in its convolution's epilogue, and the sign bits that
the next binary convolution reads are packed while the values are still in registers.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import tvm
from tvm import relax
from tvm.ir import Expr as RelaxExpr

from ...targets.cores import Core
from ..errors import CompileError
from ..ir.buffers import Buffer
from ..ir.expressions import Expr, slice_channels
from ..ir.stages import Program, Stage
from ..kernels import (
    Add,
    BinaryDot,
    Clamp,
    Convolution,
    Load,
    PoolSum,
    RepeatChannels,
    ScaleShift,
    Sigmoid,
    TwoSlope,
    Upsample,
)
from ..storage import Bits, Encoding, Float32, Margin, Planes
from .relax_ops import constant, ints, shape_of, window_of

MAX_TAPS = 1 << 14  # the accumulator's table has 16 bits


@dataclass(frozen=True)
class Signs:
    """Packed sign bits, as a binary convolution reads them: groups of channels, thresholds."""

    groups: int
    threshold: tuple[float, ...]


@dataclass(frozen=True)
class StoredForm:
    """A way in which a map is stored: its signs, or else its values."""

    margin: Margin = "none"
    signs: Signs | None = None

    @property
    def encoding(self) -> Encoding:
        """As a buffer has it."""
        if self.signs is None:
            return Float32()
        return Bits(self.signs.groups, np.array(self.signs.threshold, np.float32))

    @property
    def place(self) -> tuple[str, ...]:
        """Its place among a map's forms."""
        signs = ("bits", self.margin, str(self.signs)) if self.signs else None
        return signs or ("float32", self.margin)


PLAIN = StoredForm()


def signs_read_by(call: relax.Call) -> StoredForm:
    """The form that a binary convolution reads."""
    threshold = tuple(constant(call.args[2]).ravel().tolist())
    return StoredForm("zero", Signs(int(call.attrs["group"]), threshold))


# what a windowed operator reads its first argument as
WINDOWS: dict[str, Callable[[relax.Call], StoredForm]] = {
    "relax.nn.conv2d": lambda call: StoredForm("zero") if any(ints(call.attrs.padding)) else PLAIN,
    "biisnet.pool_sum": lambda _: PLAIN,
    "biisnet.upsample": lambda call: StoredForm("edge") if call.attrs["mode"] == "linear" else PLAIN,
    "biisnet.binary_dot": signs_read_by,
}

# what is computed for each pixel alone
POINTWISE = {
    "relax.add",
    "relax.concat",
    "relax.sigmoid",
    "relax.split",
    "biisnet.scale_shift",
    "biisnet.two_slope",
    "biisnet.clamp",
    "biisnet.spread",
    "biisnet.extend",
}


@dataclass
class Value:
    """What a Relax variable stands for: its expression, and the forms in which it is stored."""

    branches: tuple[Expr, ...]
    forms: dict[StoredForm, Buffer] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """Channels of all branches."""
        return sum(b.channels for b in self.branches)


def cut_stages(module: tvm.IRModule, name: str, core: Core) -> Program:
    """The program of `main`, its maps laid out for a core.

    Raises CompileError naming a layer that cannot be lowered.
    """
    return StageBuilder(module, name, core).run()


class StageBuilder:
    """One walk over the bindings of main."""

    def __init__(self, module: tvm.IRModule, name: str, core: Core) -> None:
        self.lanes = core.lanes
        function = module["main"]
        self.names = {str(k): str(v) for k, v in module.attrs["onnx_names"].items()}
        self.reads = {str(k): [str(i) for i in v] for k, v in module.attrs.get("onnx_reads", {}).items()}
        self.closed: set[str] = set()  # ONNX values that a stage has stored
        self.image = function.params[0]
        self.bindings = [b for block in function.body.blocks for b in block.bindings]
        self.alias = {b.var: b.value for b in self.bindings if isinstance(b.value, relax.Var)}
        body = self.resolve(function.body.body)
        self.outputs = [self.resolve(o) for o in (body.fields if isinstance(body, relax.Tuple) else [body])]
        self.output_names = [str(n) for n in module.attrs["onnx_outputs"]]
        self.names |= {o.name: n for o, n in zip(self.outputs, self.output_names, strict=True)}
        self.values: dict[RelaxExpr, Value] = {}
        self.stages: list[Stage] = []
        self.program = Program(name, self.stages, [], [])
        self.consumers = self.find_consumers()
        self.stored = self.find_stored()

    def resolve(self, e: RelaxExpr) -> RelaxExpr:
        """The variable behind an alias."""
        while e in self.alias:
            e = self.alias[e]
        return e

    def name_of(self, var: RelaxExpr) -> str:
        """The ONNX value that a variable holds; for a value that a pass made, the variable's own name."""
        return self.names.get(var.name, var.name)

    def find_consumers(self) -> dict[RelaxExpr, list[relax.VarBinding]]:
        """variable -> the bindings that read it."""
        consumers = defaultdict(list)
        for b in self.bindings:
            for argument in self.arguments(b.value):
                consumers[argument].append(b)
        return consumers

    def arguments(self, value: RelaxExpr) -> list[RelaxExpr]:
        """The variables that an expression reads."""
        if isinstance(value, relax.TupleGetItem):
            return [self.resolve(value.tuple_value)]
        if not isinstance(value, relax.Call):
            return []
        flat = [f for a in value.args for f in (a.fields if isinstance(a, relax.Tuple) else [a])]
        return [self.resolve(a) for a in flat if isinstance(a, relax.Var)]

    def find_stored(self) -> dict[RelaxExpr, set[StoredForm]]:
        """The variables that must be stored, and the forms that their readers want."""
        stored: dict[RelaxExpr, set[StoredForm]] = {output: set() for output in self.outputs}
        readers: dict[RelaxExpr, set[RelaxExpr]] = {output: {output} for output in self.outputs}
        for b in [*reversed(self.bindings), None]:
            var = b.var if b else self.image
            if b and var in self.alias:
                continue
            uses = [c for c in self.consumers[var] if c.var not in self.alias]
            windows = {
                WINDOWS[op](c.value)
                for c in uses
                if (op := operator(c.value)) in WINDOWS and self.resolve(c.value.args[0]) == var
            }
            plain = [c for c in uses if operator(c.value) not in WINDOWS]
            by_use = [{c.var} if c.var in stored else readers[c.var] for c in plain]
            stages = set().union(*by_use)
            if b and operator(b.value) == "relax.split" and self.sliceable(var):
                stages = max(by_use, key=len, default=set())  # each stage computes the channels of its own part
            computed = b is not None and not isinstance(b.value, relax.TupleGetItem)
            several = computed and operator(b.value) != "relax.split" and len(stages) > 1
            extended = computed and any(operator(c.value) == "biisnet.extend" for c in uses) and not self.repeats(var)
            if windows or several or extended or var in stored:
                stored.setdefault(var, set()).update(windows | ({PLAIN} if plain else set()))
                readers[var] = {var}
            else:
                readers[var] = stages
        return stored

    def sliceable(self, var: RelaxExpr) -> bool:
        """Whether a variable's expression can be cut into parts of its channels, as slice_channels does it."""
        if var == self.image:
            return True
        value = next(b.value for b in self.bindings if b.var == var)
        op = operator(value)
        if op in WINDOWS:  # what it reads is stored
            groups = {"relax.nn.conv2d": "groups", "biisnet.binary_dot": "group"}.get(op)
            return groups is None or int(value.attrs[groups]) == 1
        return op != "biisnet.spread" and all(self.sliceable(a) for a in self.arguments(value))

    def repeats(self, var: RelaxExpr) -> bool:
        """Whether a variable's expression, past its border, repeats the border: where only loads are below it."""
        if var == self.image:
            return True
        value = next(b.value for b in self.bindings if b.var == var)
        if isinstance(value, relax.TupleGetItem) or operator(value) in POINTWISE:
            return all(self.repeats(a) for a in self.arguments(value))
        return False

    def run(self) -> Program:
        """Walk the bindings in order; a stored variable closes a stage."""
        c, h, w = shape_of(self.image)[1:]
        name = self.name_of(self.image)
        image = Buffer(name, name, c, h, w, external=0)
        self.program.inputs.append(image)
        self.define(self.image, Value((Load(c, image),)))
        for b in self.bindings:
            if b.var not in self.alias and operator(b.value) != "relax.split":
                self.define(b.var, self.convert(self.name_of(b.var), b.value))
        self.program.outputs.sort(key=lambda b: b.external or 0)
        return self.program

    def define(self, var: RelaxExpr, value: Value) -> None:
        """Keep a value as an expression, or close its stage."""
        if var in self.stored:
            value = self.close(var, value)
        self.values[var] = value

    def layers_of(self, name: str) -> tuple[str, ...]:
        """The ONNX values from the stored ones before it to `name`, in the graph's order."""
        found: dict[str, None] = {}

        def visit(value: str) -> None:
            for source in self.reads.get(value, ()):
                if source not in self.closed and source not in found and source in self.reads:
                    visit(source)
            found[value] = None

        visit(name)
        self.closed.add(name)
        return tuple(found)

    def close(self, var: RelaxExpr, value: Value) -> Value:
        """A stage that stores `value` in all the forms that are wanted."""
        name, (_, channels, height, width) = self.name_of(var), shape_of(var)
        stage = Stage(name, self.layers_of(name))
        self.stages.append(stage)
        forms = set(self.stored[var])
        windowed = sorted((f for f in forms if f.signs is None and f.margin != "none"), key=lambda f: f.place)
        if windowed:
            forms.discard(PLAIN)
        buffers = {}
        for n, form in enumerate(sorted(forms, key=lambda f: f.place)):
            encoding, layout = form.encoding, Planes(form.margin, self.lanes)
            own_name = f"{name}.{encoding.suffix}{n or ''}"
            buffers[form] = Buffer(own_name, name, channels, height, width, encoding, layout)
        if windowed:
            buffers[PLAIN] = buffers[windowed[0]]
        results = dict.fromkeys(buffers.values(), value.branches)
        for index, result in enumerate(self.outputs):
            if result == var:
                output = Buffer(self.output_names[index], name, channels, height, width, external=index)
                self.program.outputs.append(output)
                results[output] = value.branches
        stage.outputs += results.keys()
        stage.results += results.values()
        branches = (Load(channels, buffers[PLAIN]),) if PLAIN in buffers else ()
        return Value(branches, buffers)

    def convert(self, name: str, value: RelaxExpr) -> Value:
        """The value of one binding. Raises CompileError where its operator has no kernel."""
        if isinstance(value, relax.TupleGetItem):
            return self.part_of_split(value)
        op = operator(value)
        if op not in LOWERINGS:
            raise CompileError(f"layer '{name}': no kernel for {op or type(value).__name__}")
        return LOWERINGS[op](self, name, value)

    def argument(self, call: relax.Call, i: int = 0) -> Value:
        """Argument `i`, as it is known."""
        return self.values[self.resolve(call.args[i])]

    def window_argument(self, call: relax.Call) -> Buffer:
        """The buffer that a windowed operator reads."""
        return self.argument(call).forms[WINDOWS[operator(call)](call)]

    def part_of_split(self, item: relax.TupleGetItem) -> Value:
        """One output of a split on channels."""
        split = next(b.value for b in self.bindings if b.var == self.resolve(item.tuple_value))
        source = self.argument(split)
        cuts = [0, *ints(split.attrs.indices_or_sections), source.channels]
        return Value(
            tuple(slice_branches(source.branches, cuts[item.index], cuts[item.index + 1])),
        )


def operator(value: RelaxExpr) -> str:
    """The name of the operator that is called."""
    return value.op.name if isinstance(value, relax.Call) and isinstance(value.op, tvm.ir.Op) else ""


# ---- one lowering an operator ----


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


def binary_dot(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """The accumulator of a binary convolution."""
    signs = constant(call.args[1]).astype(bool)
    if signs[0].size > MAX_TAPS:
        raise CompileError(f"layer '{name}': {signs[0].size} binary weights an output: {MAX_TAPS} are supported")
    e = BinaryDot(
        len(signs),
        builder.window_argument(call),
        signs,
        window_of(call.attrs, signs.shape[2:]),
        int(call.attrs["pad_shift"]),
        int(call.attrs["unit"]),
    )
    return Value((e,))


def pool_sum(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """2x2, stride 2."""
    buffer = builder.window_argument(call)
    return Value((PoolSum(buffer.channels, buffer),))


def upsample(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Twice the resolution."""
    buffer = builder.window_argument(call)
    mode: Literal["linear", "nearest"] = "linear" if call.attrs["mode"] == "linear" else "nearest"
    return Value((Upsample(buffer.channels, buffer, mode),))


def scale_shift(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Per-channel constants, cut as the branches are."""
    x = builder.argument(call)
    scale, shift = (constant(a) for a in call.args[1:])
    return per_branch(x, name, lambda e, at: ScaleShift(e.channels, e, scale[at], shift[at]))


def two_slope(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Per-channel slopes, cut as the branches are."""
    x = builder.argument(call)
    positive, negative = (constant(a) for a in call.args[1:])
    return per_branch(x, name, lambda e, at: TwoSlope(e.channels, e, positive[at], negative[at]))


def clamp(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Per-channel bounds, cut as the branches are."""
    x = builder.argument(call)
    lower, upper = (constant(a) for a in call.args[1:])
    return per_branch(x, name, lambda e, at: Clamp(e.channels, e, lower[at], upper[at]))


def sigmoid(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """The logistic function."""
    return per_branch(builder.argument(call), name, lambda e, _: Sigmoid(e.channels, e))


def add(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """The sum of two maps, or the bias of a convolution."""
    x = builder.argument(call)
    if not isinstance(call.args[1], relax.Var):
        bias = constant(call.args[1]).astype(np.float32).ravel()
        (e,) = x.branches
        assert isinstance(e, Convolution)
        return Value((replace(e, bias=bias),))
    y = builder.argument(call, 1)
    cuts = sorted(
        {0} | set(np.cumsum([e.channels for e in x.branches])) | set(np.cumsum([e.channels for e in y.branches]))
    )
    branches = []
    for start, end in itertools.pairwise(cuts):
        (a,), (b,) = (slice_branches(v.branches, start, end) for v in (x, y))
        branches.append(Add(a.channels, a, b))
    return Value(tuple(branches))


def concat(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Branches side by side."""
    parts = [builder.values[builder.resolve(f)] for f in call.args[0].fields]
    return Value(tuple(e for p in parts for e in p.branches))


def spread(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """Channels repeated."""
    x = builder.argument(call)
    (e,) = x.branches
    return Value((RepeatChannels(int(call.attrs["channels"]), e),))


def resized(builder: StageBuilder, name: str, call: relax.Call) -> Value:
    """extend and crop: the same expression over more or fewer pixels (a load repeats the border)."""
    x = builder.argument(call)
    return Value(x.branches)


def per_branch(x: Value, name: str, make: Callable[[Expr, slice], Expr]) -> Value:
    """Apply per-channel work to each branch."""
    branches, at = [], 0
    for e in x.branches:
        branches.append(make(e, slice(at, at + e.channels)))
        at += e.channels
    return Value(tuple(branches))


LOWERINGS: dict[str, Callable[[StageBuilder, str, relax.Call], Value]] = {
    "relax.nn.conv2d": convolution,
    "biisnet.pool_sum": pool_sum,
    "biisnet.upsample": upsample,
    "relax.add": add,
    "relax.concat": concat,
    "relax.sigmoid": sigmoid,
    "biisnet.binary_dot": binary_dot,
    "biisnet.scale_shift": scale_shift,
    "biisnet.two_slope": two_slope,
    "biisnet.clamp": clamp,
    "biisnet.spread": spread,
    "biisnet.extend": resized,
    "biisnet.crop": resized,
}


def slice_branches(branches: tuple[Expr, ...], start: int, end: int) -> list[Expr]:
    """Channels start .. end-1 of concatenated branches."""
    out, at = [], 0
    for e in branches:
        first, last = max(start - at, 0), min(end - at, e.channels)
        if first < last:
            out.append(slice_channels(e, first, last))
        at += e.channels
    return out
