# SPDX-License-Identifier: Apache-2.0
"""build_kernels: stages of one structure share one kernel, each with constants of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.schedule import Record, Schedule
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Add, BinaryDot, Load, ScaleShift, TwoSlope
from biisnet.compile.kernels.row_kernel import key_of
from biisnet.compile.passes.build_kernels import build_kernels
from biisnet.compile.schedules import DEFAULT, Schedules
from biisnet.compile.storage import Bits, Planes
from biisnet.targets.cores import GENERIC

from .graphs import shipped_program, vector


def stage(seed: int, width: int = 20, *, residual: bool = False) -> Stage:
    """scale_shift over a map, perhaps plus that map."""
    buffer = Buffer(f"in{seed}", "in", 4, 3, width)
    load: Expr = Load(4, buffer)
    e: Expr = ScaleShift(4, load, vector(seed), vector(seed + 1))
    output = Buffer(f"out{seed}", "out", 4, 3, width)
    return Stage.of(f"stage{seed}", (), (Add(4, e, load) if residual else e,), [output])


def test_equal_structures_share_a_kernel() -> None:
    """Fails where constants are part of a kernel, or a kernel is made again."""
    kernels = build_kernels(Program("net", [stage(1), stage(5), stage(9)], [], []), GENERIC, DEFAULT)
    assert list(kernels.funcs) == ["bn_load_c4_w20"]
    assert {s.kernel for s in kernels.steps} == {"bn_load_c4_w20"}
    assert len({s.parameters for s in kernels.steps}) == 3


def test_other_structures_do_not() -> None:
    """Fails where a kernel is used for another width or another expression."""
    two_slope = stage(13)
    ((e,),) = two_slope.results
    two_slope.results = [(TwoSlope(4, e, vector(1), vector(2)),)]
    kernels = build_kernels(
        Program("net", [stage(1), stage(1, 50), stage(1, residual=True), two_slope], [], []), GENERIC, DEFAULT
    )
    assert list(kernels.funcs) == ["bn_load_c4_w20", "bn_load_c4_w50", "bn_load_c4_w20_2", "bn_load_c4_w20_3"]
    assert [s.kernel for s in kernels.steps] == list(kernels.funcs)
    assert all(str(f.attrs["global_symbol"]) == n for n, f in kernels.funcs.items())


def test_constants_are_the_steps_own() -> None:
    """Fails where a step's block does not start with its own scales."""
    kernels = build_kernels(Program("net", [stage(1), stage(5)], [], []), GENERIC, DEFAULT)
    for step, seed in zip(kernels.steps, (1, 5), strict=True):
        copies = 4  # of an addend
        found = np.frombuffer(step.parameters, np.float32, 4 + 4 * copies, step.sections["float32"])
        np.testing.assert_array_equal(found, [*vector(seed), *np.repeat(vector(seed + 1), copies)])


def recorded(kernel_of: Stage, schedule: Schedule) -> Schedules:
    """Schedules with a record of a stage's kernel."""
    record = Record(key_of(kernel_of, GENERIC, DEFAULT.of(kernel_of)), schedule, 1e-3, "user's")
    return replace(DEFAULT, records={record.key: record})


def test_a_record_is_taken() -> None:
    """Fails where a record is not found, or is taken for another kernel's."""
    program = Program("net", [stage(1), stage(1, 50)], [], [])
    schedules = recorded(stage(3), Schedule(8))  # other constants
    kernels = build_kernels(program, GENERIC, schedules)
    assert [s.schedule.channels for s in kernels.steps] == [8, DEFAULT.of(stage(1, 50)).channels]
    assert [s.record for s in kernels.steps] == [*schedules.records.values(), None]
    assert kernels.summary() == "2: 1 as user's records have them, 1 by the default schedule, not tuned"
    assert build_kernels(program, GENERIC, DEFAULT).summary() == "2: 2 by the default schedule, not tuned"


@pytest.mark.parametrize("schedule", [Schedule(3), Schedule(10**9), Schedule(2, counted=4), Schedule("2")])  # type: ignore[arg-type]
def test_a_record_of_no_schedule(schedule: Schedule) -> None:
    """Fails where a damaged record reaches an emitter."""
    with pytest.raises(
        CompileError, match=r"^layer 'stage1': a user's record has (channels|counted) .*, which is not to"
    ):
        build_kernels(Program("net", [stage(1)], [], []), GENERIC, recorded(stage(1), schedule))


def test_shipped() -> None:
    """Fails where the shipped network's 21 stages need more machine code than they have structures."""
    kernels = build_kernels(shipped_program((256, 256), None), GENERIC, DEFAULT)
    assert len(kernels.steps) == 21
    assert len(kernels.funcs) <= 16


def test_constants_that_lie_elsewhere() -> None:
    """Fails where maps of one and of two rows share a kernel by the same code, whose tables of borders are of other
    lengths: one of the stages would read its constants from the other's places."""

    def binary(side: int) -> Stage:
        bits = Buffer(f"bits{side}", "bits", 8, side, side, Bits(), Planes("zero"))
        dot = BinaryDot(8, bits, np.ones((8, 8, 3, 3), bool), Window((3, 3), pads=(1, 1, 1, 1)), 1, 2)
        return Stage.of(f"s{side}", (), (ScaleShift(8, dot, vector(1, 8), vector(2, 8)),),
                        [Buffer(f"out{side}", "out", 8, side, side)])  # fmt: skip

    kernels = build_kernels(Program("net", [binary(2), binary(1)], [], []), GENERIC, DEFAULT)
    first, second = kernels.steps
    assert first.sections != second.sections
    assert first.kernel != second.kernel
