# SPDX-License-Identifier: Apache-2.0
"""Relax -> Program: decide which maps are stored, and fuse everything between two stored maps into one stage.

A map is stored where a window reads it (convolution, pooling, interpolation), where it leaves the network,
and where two stored maps need it. Everything else stays an expression and becomes part of the stage that
uses it: so all of a block's element-wise work ends up in its convolution's epilogue, and the sign bits that
the next binary convolution reads are packed while the values are still in registers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container

import tvm
from tvm import relax
from tvm.ir import Expr as RelaxExpr

from ...targets.cores import Core
from ..errors import CompileError
from ..ir.buffers import Buffer
from ..ir.stages import Program, Stage
from ..kernels import (
    Load,
)
from ..refusals import whole
from ..storage import Encoding, Planes
from .lowerings import LOWERINGS, Value, slice_branches
from .relax_ops import dtype_of, ints, shape_of
from .stored_forms import PLAIN, StoredForm, operator

SPLIT = "relax.split"
"""Its parts are the lowering's own: of each, the channels of what is split."""


def cut_stages(module: tvm.IRModule, name: str, core: Core) -> Program:
    """The program of `main`, its maps laid out for a core.

    Raises CompileError naming a layer that cannot be lowered.
    """
    return StageBuilder(module, name, core).run()


class StageBuilder:
    """One walk over the bindings of main."""

    def __init__(self, module: tvm.IRModule, name: str, core: Core) -> None:
        self.core = core
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
        whole: set[RelaxExpr] = set()
        self.stored = self.find_stored(whole)
        while more := self.find_cut_whole():
            whole |= more
            self.stored = self.find_stored(whole)

    def resolve(self, e: RelaxExpr) -> RelaxExpr:
        """The variable behind an alias."""
        while e in self.alias:
            e = self.alias[e]
        return e

    def name_of(self, var: RelaxExpr) -> str:
        """The ONNX value that a variable holds; for a value that a pass made, the variable's own name."""
        return self.names.get(str(var.name), str(var.name))

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

    def find_stored(self, known: set[RelaxExpr]) -> dict[RelaxExpr, set[StoredForm]]:
        """The variables that must be stored, `known` ones among them, and the forms that their readers want."""
        stored: dict[RelaxExpr, set[StoredForm]] = {var: set() for var in (*self.outputs, *known)}
        readers: dict[RelaxExpr, set[RelaxExpr]] = {output: {output} for output in self.outputs}
        for b in [*reversed(self.bindings), None]:
            var = b.var if b else self.image
            if b and var in self.alias:
                continue
            uses = [c for c in self.consumers[var] if c.var not in self.alias]
            windows = {form for c in uses if (form := stored_form(c.value)) and self.resolve(c.value.args[0]) == var}
            plain = [c for c in uses if stored_form(c.value) is None]
            by_use = [{c.var} if c.var in stored else readers[c.var] for c in plain]
            stages = set().union(*by_use)
            if b and operator(b.value) == SPLIT and self.sliceable(var):
                stages = max(by_use, key=len, default=set())  # each stage computes the channels of its own part
            computed = b is not None and not isinstance(b.value, relax.TupleGetItem)
            several = computed and operator(b.value) != SPLIT and len(stages) > 1
            extended = computed and any(operator(c.value) == "biisnet.extend" for c in uses) and not self.repeats(var)
            if windows or several or extended or var in stored:
                stored.setdefault(var, set()).update(windows | ({PLAIN} if plain else set()))
                readers[var] = {var}
            else:
                readers[var] = stages
        return stored

    def find_cut_whole(self) -> set[RelaxExpr]:
        """The arguments of splits that are no stored maps, and cannot be cut before one: a convolution in groups."""
        splits = [b for b in self.bindings if b.var not in self.alias and operator(b.value) == SPLIT]
        return {a for b in splits for a in self.arguments(b.value) if not self.sliceable(a, self.stored)}

    def sliceable(self, var: RelaxExpr, stored: Container[RelaxExpr] = ()) -> bool:
        """Whether a variable's expression can be cut into parts of its channels, as slice_channels does it, where
        what is `stored` is loaded."""
        if var == self.image or var in stored:
            return True
        value = next(b.value for b in self.bindings if b.var == var)
        lowering = LOWERINGS.get(operator(value))
        if lowering and (lowering.reads or not lowering.is_sliceable(value)):
            return lowering.is_sliceable(value)  # a window's argument is stored
        return all(self.sliceable(a, stored) for a in self.arguments(value))

    def repeats(self, var: RelaxExpr) -> bool:
        """Whether a variable's expression, past its border, repeats the border: where only loads are below it."""
        if var == self.image:
            return True
        value = next(b.value for b in self.bindings if b.var == var)
        lowering = LOWERINGS.get(operator(value))
        if isinstance(value, relax.TupleGetItem) or operator(value) == SPLIT or (lowering and lowering.repeats_border):
            return all(self.repeats(a) for a in self.arguments(value))
        return False

    def run(self) -> Program:
        """Walk the bindings in order; a stored variable closes a stage."""
        c, h, w = shape_of(self.image)[1:]
        name = self.name_of(self.image)
        image = Buffer(name, name, c, h, w, PLAIN.encoding_of(dtype_of(self.image)), external=0)
        self.program.inputs.append(image)
        self.define(self.image, Value((Load(c, image),)))
        for b in self.bindings:
            if b.var not in self.alias and operator(b.value) != SPLIT:
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
        windowed = [f for f in forms if f.signs is None and f.margin != "none" and not f.centred]
        windowed.sort(key=lambda f: f.place)
        if windowed:
            forms.discard(PLAIN)
        buffers = {}
        for n, form in enumerate(sorted(forms, key=lambda f: f.place)):
            encoding, layout = self.encoding_of(form, var, name), Planes(form.margin, self.core.lanes)
            own_name = f"{name}.{encoding.suffix}{n or ''}"
            buffers[form] = Buffer(own_name, name, channels, height, width, encoding, layout)
        if windowed:
            buffers[PLAIN] = buffers[windowed[0]]
        results = dict.fromkeys(buffers.values(), value.branches)
        for index, result in enumerate(self.outputs):
            if result == var:
                encoding = self.encoding_of(PLAIN, var, name)
                output = Buffer(self.output_names[index], name, channels, height, width, encoding, external=index)
                self.program.outputs.append(output)
                results[output] = value.branches
        stage.outputs += results.keys()
        stage.results += results.values()
        branches = (Load(channels, buffers[PLAIN]),) if PLAIN in buffers else ()
        return Value(branches, buffers)

    def encoding_of(self, form: StoredForm, var: RelaxExpr, name: str) -> Encoding:
        """The encoding of a variable's form. Raises CompileError naming the layer."""
        try:
            return form.encoding_of(dtype_of(var)).of_core(self.core)
        except CompileError as e:
            raise CompileError(f"layer '{name}': {e}") from e

    def convert(self, name: str, value: RelaxExpr) -> Value:
        """The value of one binding. Raises CompileError where its operator has no kernel."""
        if isinstance(value, relax.TupleGetItem):
            return self.part_of_split(value)
        op = operator(value)
        if not isinstance(value, relax.Call) or op not in LOWERINGS:
            raise CompileError(f"layer '{name}': no kernel for {op or type(value).__name__}", whole.NO_KERNEL)
        return LOWERINGS[op].lower(self, name, value)

    def argument(self, call: relax.Call, i: int = 0) -> Value:
        """Argument `i`, as it is known."""
        return self.values[self.resolve(call.args[i])]

    def window_argument(self, call: relax.Call) -> Buffer:
        """The buffer that a windowed operator reads."""
        form = stored_form(call)
        assert form is not None
        return self.argument(call).forms[form]

    def part_of_split(self, item: relax.TupleGetItem) -> Value:
        """One output of a split on channels."""
        split = next(b.value for b in self.bindings if b.var == self.resolve(item.tuple_value))
        source = self.argument(split)
        cuts = [0, *ints(split.attrs.indices_or_sections), source.channels]
        return Value(
            tuple(slice_branches(source.branches, cuts[item.index], cuts[item.index + 1])),
        )


def stored_form(value: RelaxExpr) -> StoredForm | None:
    """The form that a windowed operator's call reads its first argument in; None for others."""
    if not isinstance(value, relax.Call):
        return None
    lowering = LOWERINGS.get(operator(value))
    return lowering.reads(value) if lowering and lowering.reads else None
