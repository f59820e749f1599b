# SPDX-License-Identifier: Apache-2.0
"""plan.c as the runtime walks it, of a program with a stage that has no rows; its kernels are written by hand."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from biisnet.compile.emit.plan_source import PARAMETERS_ASSEMBLY, parameter_offsets, plan_source
from biisnet.compile.ir.buffers import Buffer, Operand
from biisnet.compile.ir.memory import Layout
from biisnet.compile.ir.plan import Plan
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.signature import signature_of
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.steps import Kernels, Step
from biisnet.compile.ir.sums import Proof
from biisnet.compile.kernels.context import SECTIONS
from biisnet.compile.passes.order_tasks import order_tasks
from biisnet.compile.passes.plan_arena import plan_arena, plan_probing
from biisnet.compile.passes.size_rings import size_rings, widen_rings
from biisnet.compile.schedules import DEFAULT
from biisnet.runtime import sources
from biisnet.targets.toolchain import find_zig

HEIGHT, WIDTH, PARTS = 6, 5, 3
ZIG = [find_zig(), "cc"]
KERNELS = """
#include <stdint.h>
enum { ROWS = HEIGHT / PARTS };
int32_t twice(const float *in, const float *f, const int16_t *w, const uint8_t *b, float *out, int32_t y);
int32_t sums(const float *map, const float *f, const int16_t *w, const uint8_t *b, float *out, int32_t part);
/* by rows: twice the image */
int32_t twice(const float *in, const float *f, const int16_t *w, const uint8_t *b, float *out, int32_t y) {
    (void)f, (void)w, (void)b, (void)y;
    for (int x = 0; x < WIDTH; x++) out[x] = 2 * in[x];
    return 0;
}
/* of the whole map: part p is the sum of rows p*ROWS .. (p+1)*ROWS-1 */
int32_t sums(const float *map, const float *f, const int16_t *w, const uint8_t *b, float *out, int32_t part) {
    (void)f, (void)w, (void)b;
    out[part] = 0;
    for (int y = part * ROWS; y < (part + 1) * ROWS; y++)
        for (int x = 0; x < WIDTH; x++) out[part] += map[y * STRIDE + x];
    return 0;
}
"""
DRIVER = """
#include <stdlib.h>
#include "biisnet_probe.h"

static int is_wrong(const float *in, const float *out) {
    for (int p = 0; p < PARTS; p++) {
        float sum = 0;
        for (int i = p * HEIGHT / PARTS * WIDTH; i < (p + 1) * HEIGHT / PARTS * WIDTH; i++) sum += 2 * in[i];
        if (out[p] != sum) return 1;
    }
    return 0;
}

int main(void) {
    static float in[HEIGHT * WIDTH], out[PARTS];
    const biisnet_input input = {.data = in, .dtype = BIISNET_FLOAT32};
    const biisnet_output output = {out, BIISNET_FLOAT32};
    for (int i = 0; i < HEIGHT * WIDTH; i++) in[i] = (float)(i * i);
    if (biisnet_model_task() != BIISNET_TASK_CLASSIFICATION) return 1;
    if (biisnet_output_meaning(0) != BIISNET_MEANING_SCORES || biisnet_arena_bytes(2) != ARENA) return 2;
    for (int threads = 1; threads <= 4; threads++) {
        biisnet_model *model;
        out[0] = out[1] = out[2] = -1;
        if (biisnet_create(&model, threads) != BIISNET_OK) return 3;
        if (biisnet_run(model, &input, &output) != BIISNET_OK) return 3;
        if (is_wrong(in, out)) return 4;
        biisnet_destroy(model);
        void *arena = NULL;
        if (posix_memalign(&arena, BIISNET_ALIGNMENT, biisnet_probing_arena_bytes()) != 0) return 5;
        if (biisnet_create_probing(&model, threads, arena, biisnet_probing_arena_bytes()) != BIISNET_OK) return 6;
        if (biisnet_bind(model, &input, &output) != BIISNET_OK) return 7;
        out[0] = out[1] = out[2] = -1;
        for (int k = 0; k < biisnet_stage_count(); k++)
            if (biisnet_run_stage(model, k, NULL) != BIISNET_OK) return 8;
        if (is_wrong(in, out)) return 9;
        biisnet_destroy(model);
        free(arena);
    }
    return 0;
}
"""


def step_of(stage: Stage, *operands: Operand) -> Step:
    """A step without constants."""
    none = dict.fromkeys((*SECTIONS, "runs"), 0)
    return Step(stage, stage.name, operands, b"", none, {**none, "end": 0}, Schedule(1))


def make_program() -> tuple[Program, Kernels]:
    """image -> twice, by rows -> sums, whole."""
    image = Buffer("image", "image", 1, HEIGHT, WIDTH, external=0)
    twice, sums = Buffer("twice", "twice", 1, HEIGHT, WIDTH), Buffer("sums", "sums", PARTS, 1, 1, external=0)
    stages = [Stage("twice", (), [twice]), Stage("sums", (), [sums], parts=PARTS)]
    program = Program("net", stages, [image], [sums])
    steps = [step_of(stages[0], Operand(image)), step_of(stages[1], Operand.whole(twice))]
    return program, Kernels({}, steps)


def test_a_stage_without_rows(tmp_path: Path) -> None:
    """On one to four threads and in both layouts; fails where a thread's part is left out, or begins too early."""
    program, kernels = make_program()
    order = order_tasks(kernels, DEFAULT)
    slots = size_rings(kernels, order)
    assert slots == {buffer: buffer.height for step in kernels.steps for buffer in step.stage.outputs}
    layouts = (
        Layout(plan_arena(kernels, slots, order), order),
        Layout(plan_arena(kernels, widen_rings(kernels, slots, order), None), order),
        Layout(plan_probing(kernels), order),
    )
    signature = signature_of(program, "classification")
    source = plan_source(program, kernels, layouts, signature)
    arena = Plan(program, kernels, *layouts, signature, None, source, Proof(0, 0)).arena_bytes(2)
    (tmp_path / "plan.c").write_text(source)
    parameters = parameter_offsets(kernels)[1]
    (tmp_path / "params.bin").write_bytes(parameters)
    (tmp_path / "weights.S").write_text(PARAMETERS_ASSEMBLY.format(size=len(parameters)))
    (tmp_path / "kernels.c").write_text(KERNELS)
    (tmp_path / "driver.c").write_text(DRIVER)
    stride = program.stages[0].outputs[0].row_bytes // 4
    sizes = {"HEIGHT": HEIGHT, "WIDTH": WIDTH, "PARTS": PARTS, "STRIDE": stride, "ARENA": arena}
    flags = [*sources.CFLAGS, "-D_POSIX_C_SOURCE=200809L", *(f"-D{name}={n}" for name, n in sizes.items())]
    flags.remove("-Werror")  # _POSIX_C_SOURCE is some files' own, too
    includes = [f"-I{path}" for path in sources.INCLUDE_DIRS]
    files = ["plan.c", "weights.S", "kernels.c", "driver.c", *map(str, sources.LIBRARY_SOURCES)]
    command = [*ZIG, *flags, *includes, *files, *sources.LIBS, "-o", "driver"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert subprocess.run([tmp_path / "driver"]).returncode == 0


@pytest.mark.parametrize("count", [1, 2, 5])
def test_all_of_a_map_is_needed(count: int) -> None:
    operand = Operand.whole(Buffer("map", "map", 1, 7, 3))
    assert [int(r) for r in operand.read_rows(0, count)] == [0, 7]
