# SPDX-License-Identifier: Apache-2.0
"""Steps and memory plan -> plan.c, the generated half of the contract in runtime/src/plan.h."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from ...runtime.answers import own_threshold
from ...runtime.signature import Signature, Tensor
from ..ir.buffers import Buffer, Operand
from ..ir.memory import ALIGNMENT, Arena, Layout, Order
from ..ir.plan import ReceptiveField
from ..ir.signature import signature_of
from ..ir.stages import Program
from ..ir.steps import Kernels, Step
from ..kernels.context import SECTIONS
from ..kernels.row_kernel import sections_of, takes_addresses

C_TYPES = {"float32": "float", "int16": "int16_t", "uint8": "uint8_t", "int8": "int8_t", "uint16": "uint16_t"}
EDGES = {"zero": "BN_EDGE_ZERO", "clamp": "BN_EDGE_CLAMP"}

PARAMETERS_ASSEMBLY = """\
.section .rodata
.balign 64
.globl biisnet_params
.hidden biisnet_params
.type biisnet_params, %object
.size biisnet_params, {size}
biisnet_params:
.incbin "params.bin"
.section .note.GNU-stack,"",%progbits
"""


def parameter_offsets(kernels: Kernels) -> tuple[list[int], bytes]:
    """The offset of each step's constants, and the block of all of them."""
    offsets, block = [], bytearray()
    for step in kernels.steps:
        offsets.append(len(block))
        block += step.parameters + bytes(-len(step.parameters) % ALIGNMENT)
    return offsets, bytes(block) or bytes(ALIGNMENT)


def element_type(buffer: Buffer) -> str:
    """C type of a buffer's elements."""
    return C_TYPES[buffer.encoding.element]


def shim(step: Step) -> str:
    """The C function that unpacks a plan's call for a kernel, and the kernel's prototype. A kernel that is
    given addresses takes the arrays of pointers as they are; of what is read in an output's place it is given that."""
    banded, sections = takes_addresses(step.stage, step.schedule), sections_of(step.stage)
    pointers = [op for op in step.operands for _ in range(1 if step.stage.parts else op.count)]
    own = [(n, op) for n, op in enumerate(pointers) if op not in step.stage.in_place()]
    inputs = [(f"const {element_type(op.buffer)} *", f"in[{n}]") for n, op in own]
    outputs = [(f"{element_type(b)} *", f"out[{n}]") for n, b in enumerate(step.stage.outputs)]
    if banded:
        inputs, outputs = [("const void *const *", "in")], [("void *const *", "out")]
    constants = [
        (f"const {C_TYPES[s]} *", f"(const {C_TYPES[s]} *)(const void *)(constants + {step.sections[s]})")
        for s in sections
    ]
    counts = [("int32_t", "y"), ("int32_t", "rows")][: 2 if banded else 1]
    parameters, arguments = zip(*inputs, *constants, *outputs, *counts, strict=True)
    unused = [*([] if inputs else ["in"]), *([] if banded else ["rows"])]
    return (
        f"extern int32_t {step.kernel}({', '.join(parameters)});\n"
        f"static void run_{step.kernel}(const void *const *in, const uint8_t *constants, void *const *out,\n"
        f"    int32_t y, int32_t rows) {{\n"
        f"{''.join(f'    (void){name};{chr(10)}' for name in unused)}"
        f"    {step.kernel}({', '.join(arguments)});\n}}\n"
    )


def word(text: str) -> str:
    """A name that comes from a model, fit for a comment."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", text)


def quoted(text: str) -> str:
    """A C string literal."""
    return '"' + "".join(c if c.isascii() and (c.isalnum() or c in "._- /") else "_" for c in text) + '"'


def order_table(name: str, order: Order) -> Iterator[str]:
    """The list of tasks, some a line, and the rows of each step's."""
    seen: Counter[int] = Counter()
    tasks = []
    for k in order.steps:
        tasks.append(f"{{{k}, {seen[k]}}}")
        seen[k] += 1
    yield f"static const bn_task {name}_tasks[] = {{"
    for n in range(0, len(tasks), 12):
        yield f"    {', '.join(tasks[n : n + 12])},"
    yield "};"
    yield f"static const uint8_t {name}_rows[] = {{{', '.join(map(str, order.rows))}}};"
    yield f"static const bn_order {name}_order = {{{len(tasks)}, {name}_tasks, {name}_rows}};"
    yield ""


def plan_source(
    program: Program,
    kernels: Kernels,
    layouts: tuple[Layout, Layout, Layout],
    signature: Signature | None = None,
    sha256: str = 64 * "0",
    field: ReceptiveField | None = None,
) -> str:
    """The whole of plan.c: without `signature` of maps whatever they mean, without `sha256` of no ONNX file, without
    `field` of a model that cannot work in tiles."""
    signature = signature or signature_of(program)
    buffers = program.buffers()
    index = {b: i for i, b in enumerate(buffers)}
    offsets, parameters = parameter_offsets(kernels)
    names = ("streaming", "sharing", "probing")
    orders: list[tuple[str, Order]] = []  # each once
    for name, layout in zip(names, layouts, strict=True):
        if not any(layout.order is order for _, order in orders):
            orders.append((name, layout.order))

    def buffer_row(b: Buffer, arena: Arena) -> str:
        p = arena.placements.get(b)
        if p is None:
            return f"    {{{b.external}, 0, {b.row_bytes}, {b.height}, {b.height}, 0}}, /* {word(b.name)} */"
        successor = index[p.successor] if p.successor else 0
        return f"    {{BN_ARENA, {p.offset}, {b.row_bytes}, {b.height}, {p.slots}, {successor}}}, /* {word(b.name)} */"

    def buffer_table(name: str, arena: Arena) -> list[str]:
        return [f"static const bn_buffer {name}_buffers[] = {{", *(buffer_row(b, arena) for b in buffers), "};", ""]

    def layout_row(name: str, layout: Layout) -> str:
        of = next(name for name, order in orders if order is layout.order)
        return f"        {{{layout.arena.bytes}, {name}_buffers, &{of}_order}},"

    def operand_row(op: Operand) -> str:
        rows = f"{op.mul}, {op.add}, {op.div}, {op.step}, {op.count}, {EDGES[op.edge]}, {op.odd}"
        return f"{{{index[op.buffer]}, {rows}}}"

    def map_row(op: Operand) -> str:
        return f"{{{index[op.buffer]}}}"

    def stage_row(step: Step, offset: int, constants: int) -> str:
        stage = step.stage
        kind, rows, row = ("BN_WHOLE", stage.parts, map_row) if stage.parts else ("BN_ROWS", stage.height, operand_row)
        counts = ", ".join(str(step.counts[s]) for s in (*SECTIONS, "runs"))
        return (
            f"    {{{quoted(stage.name)}, {kind}, run_{step.kernel}, {offset}, {len(step.parameters)}, {counts}, "
            f"{constants}, {rows}, {step.schedule.band}, {len(step.operands)}, {len(stage.outputs)},\n"
            f"     {{{', '.join(map(row, step.operands))}}},\n"
            f"     {{{', '.join(str(index[b]) for b in stage.outputs)}}}}},"
        )

    def tensor_rows(tensors: tuple[Tensor, ...]) -> str:
        def row(t: Tensor) -> str:
            kinds = f"BIISNET_{t.dtype.upper()}, BIISNET_MEANING_{t.meaning.upper()}"
            scale = repr(1.0 if t.scale is None else t.scale)
            return f"    {{{quoted(t.name)}, {kinds}, {scale}, {len(t.shape)}, {{{', '.join(map(str, t.shape))}}}}},"

        return "\n".join(map(row, tensors))

    shims = {step.kernel: shim(step) for step in kernels.steps}
    return "\n".join(
        [
            "/* Generated by biisnet-compile; the contract is plan.h. */",
            '#include "plan.h"',
            "",
            "extern const uint8_t biisnet_params[];",
            "",
            *shims.values(),
            *(line for name, layout in zip(names, layouts, strict=True) for line in buffer_table(name, layout.arena)),
            "static const bn_stage stages[] = {",
            *map(stage_row, kernels.steps, offsets, layouts[0].arena.constants),
            "};",
            "",
            *(line for name, order in orders for line in order_table(name, order)),
            "",
            "static const bn_tensor inputs[] = {",
            tensor_rows(signature.inputs),
            "};",
            "static const bn_tensor outputs[] = {",
            tensor_rows(signature.outputs),
            "};",
            "",
            "const bn_plan biisnet_plan = {",
            f"    BN_PLAN_VERSION, 0, {layouts[0].arena.zero_bytes}, biisnet_params, {len(parameters)},",
            f"    {len(program.inputs)}, {len(program.outputs)}, {len(buffers)},",
            f"    {len(kernels.steps)},",
            "    inputs, outputs, stages,",
            "    {",
            *map(layout_row, names, layouts),
            "    },",
            f"    {quoted(program.name)}, {quoted(sha256)},",
            f"    BIISNET_TASK_{signature.task.upper()}, {own_threshold(signature) or 0.0!r}f,",
            f"    {signature.scores.slope!r}, {signature.scores.offset!r},",
            f"    {field.radius}, {field.stride}," if field else "    0, 0,",
            "};",
            "",
        ]
    )
