# SPDX-License-Identifier: Apache-2.0
"""A database's lines: MetaSchedule reads what is written; what was not written so never reaches it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.meta_schedule.tune_context import _normalize_mod

from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.schedules import SPACE
from biisnet.compile.tuning.lines import MALFORMED, Trial, read_key, read_trial, to_line, trial_json, workload_json
from biisnet.compile.tuning.records import Records, llvm_target
from biisnet.compile.tuning.space import schedule_of, workload
from biisnet.targets import resolve

RPI4 = resolve("rpi4")
TARGET = llvm_target(RPI4)
KEYS = ["ab" * 32, "0c" * 32]
TRIALS = [
    (Trial(KEYS[0], Schedule(4, 2, 4), 1.5e-3), "BinaryDot"),
    (Trial(KEYS[0], Schedule(1, 8, 1), None), "BinaryDot"),
    (Trial(KEYS[1], Schedule(8), 2.5e-6), "Load"),
]


def lines() -> list[Any]:
    return [json.loads(to_line(trial_json(t, kind, KEYS.index(t.key), TARGET))) for t, kind in TRIALS]


@pytest.mark.parametrize("n", range(len(TRIALS)))
def test_there_and_back(n: int) -> None:
    trial, kind = read_trial(lines()[n], KEYS, TARGET)
    assert trial == TRIALS[n][0]
    assert SPACE[kind] == SPACE[TRIALS[n][1]]


def test_metaschedule_reads_it(tmp_path: Path) -> None:
    """Fails where the files are no database of MetaSchedule's any more."""
    with Records(tmp_path, RPI4, "clock") as records:
        for trial, kind in TRIALS:
            records.add(trial, kind)
    database = ms.database.JSONDatabase(work_dir=str(tmp_path))
    assert len(database) == len(TRIALS)
    for key in KEYS:
        module = _normalize_mod(workload(key))
        best = database.query_tuning_record(module, TARGET, "main")
        assert schedule_of(best.as_measure_candidate().sch) == next(t.schedule for t, _ in TRIALS if t.key == key)


def spoiled() -> list[Any]:
    """Lines that are not what is written, each in another way."""
    found: list[Any] = [None, 1, "x", [], {}, [0], [0, []], [0, [[[], []], [1.0], {}, []]]]
    for change in (
        lambda x: x.__setitem__(0, -1),
        lambda x: x.__setitem__(0, 2),
        lambda x: x.__setitem__(0, "0"),
        lambda x: x.__setitem__(0, False),
        lambda x: x[1][0][0][1][2].__setitem__(0, [1.0, 2.0, 4.0, 8.0]),
        lambda x: x[1].__setitem__(1, [float("nan")]),
        lambda x: x[1].__setitem__(1, [float("inf")]),
        lambda x: x[1].__setitem__(1, [-1.0]),
        lambda x: x[1].__setitem__(1, []),
        lambda x: x[1].__setitem__(1, ["1"]),
        lambda x: x[1].__setitem__(2, {"kind": "nothing"}),
        lambda x: x[1].__setitem__(3, [1]),
        lambda x: x[1][0][0].pop(),
        lambda x: x[1][0][0].append(["Unroll", ["b0"], [], []]),
        lambda x: x[1][0][1].pop(),
        lambda x: x[1][0][1][0].__setitem__(1, 99),
        lambda x: x[1][0][1][0].__setitem__(1, -1),
        lambda x: x[1][0][0][1][2].__setitem__(0, [1, 2, 4, 10**9]),
        lambda x: x[1][0][0][1][2].__setitem__(0, [[], [], [], []]),
        lambda x: x[1][0][0][2][2].__setitem__(0, "biisnet.threads"),
    ):
        line = lines()[0]
        change(line)
        found.append(line)
    return found


@pytest.mark.parametrize("line", spoiled(), ids=str)
def test_a_trial_that_is_none(line: Any) -> None:
    with pytest.raises(MALFORMED):
        read_trial(line, KEYS, TARGET)


def test_a_workload_that_is_none() -> None:
    """Fails where code other than a kernel's stand-in is read: TVM's reader is not made for damaged code."""
    index, code = workload_json(KEYS[0])
    text = base64.b64decode(code)
    assert read_key([index, code]) == KEYS[0]
    for line in (
        None,
        [],
        [index],
        [index, 1],
        [index, "*"],
        [index, ""],
        ["1", code],
        [index, code, code],
        [index, base64.b64encode(text.replace(b'"int32"', b'"int3"')).decode()],
        [index, base64.b64encode(text.replace(KEYS[0].encode(), KEYS[1].encode())).decode()],
        [index, base64.b64encode(text.replace(KEYS[0].encode(), b"ab")).decode()],
    ):
        with pytest.raises(MALFORMED):
            read_key(line)
