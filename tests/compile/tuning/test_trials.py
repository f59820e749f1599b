# SPDX-License-Identifier: Apache-2.0
"""A trial's line: there and back, read by anyone, and nothing else counts as one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.schedules import space_of
from biisnet.compile.tuning.trials import Trial, fastest, read_line, to_line

TIMED = Trial("ab" * 32, "bn_load_c1_w256", Schedule(4, 2, 4), 1.5e-3)
REJECTED = Trial("0c" * 32, "bn_load_c1_w256", Schedule(1), None, "it crashed (“why”)\n")


COUNTED = replace(TIMED, cycles=1.5e6, l1d_misses=2000, dram_bytes=0)
FINE = [replace(TIMED, seconds=0.1 + 0.2), replace(TIMED, seconds=1e-12), replace(TIMED, cycles=3.5)]


@pytest.mark.parametrize("trial", [TIMED, REJECTED, COUNTED, *FINE])
def test_there_and_back(trial: Trial) -> None:
    line = to_line(trial)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert read_line(line[:-1]) == trial


@pytest.mark.parametrize("kind", ["BinaryDot", "Load"])
def test_every_schedule(kind: str) -> None:
    for schedule in space_of(kind):
        assert read_line(to_line(replace(TIMED, schedule=schedule))).schedule == schedule


def test_anyone_reads_it() -> None:
    assert json.loads(to_line(TIMED)) == {
        "kernel": "bn_load_c1_w256",
        "schedule": {
            "channels": 4,
            "counted": 2,
            "unrolled": 4,
            "vectors": 1,
            "outer": "columns",
            "band": 1,
            "within": "columns",
            "pixels": 8,
        },
        "seconds": 1.5e-3,
        "key": "ab" * 32,
    }


def changed(**fields: Any) -> bytes:
    """A trial's line with other fields; None takes one out."""
    entry = json.loads(to_line(TIMED)) | fields
    return json.dumps({name: value for name, value in entry.items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"", "Expecting value"),
        (b"hello", "Expecting value"),
        (b"<<<<<<< ours", "Expecting value"),
        (b"\xff\xfe", "can't decode"),
        (b"[1, 2]", "no JSON object"),
        (b"null", "no JSON object"),
        (b"{}", "a trial has kernel, schedule and key, and either seconds or rejected"),
        (changed(key=None), "a trial has kernel, schedule and key"),
        (changed(rejected="why"), "either seconds or rejected"),
        (changed(seconds=None), "either seconds or rejected"),
        (changed(more=1), "a trial has kernel"),
        (changed(key="ab"), "'key' is not 64 hexadecimal digits: 'ab'"),
        (changed(key=["ab" * 32]), "'key' is not"),
        (changed(key="ab" * 32 + "\n"), "'key' is not"),
        (changed(kernel="a\x1b[2Jb"), "'kernel' is not a name"),
        (changed(kernel=""), "'kernel' is not a name"),
        (changed(seconds=0), "'seconds' is not a time: 0"),
        (changed(seconds=-1.0), "'seconds' is not a time"),
        (changed(seconds=True), "'seconds' is not a time"),
        (changed(seconds="1"), "'seconds' is not a time"),
        (changed(seconds=float("nan")), "'seconds' is not a time"),
        (changed(seconds=float("inf")), "'seconds' is not a time"),
        (changed(seconds=10**400), "'seconds' is not a time"),
        (changed(cycles=-1), "'cycles' is not a count: -1"),
        (changed(l1d_misses=True), "'l1d_misses' is not a count"),
        (changed(dram_bytes=float("nan")), "'dram_bytes' is not a count"),
        (changed(dram_bytes=10**400), "'dram_bytes' is not a count"),
        (changed(seconds=None, rejected="why", cycles=1), "either seconds or rejected"),
        (changed(seconds=None, rejected=""), "'rejected' is not a reason"),
        (changed(seconds=None, rejected=1), "'rejected' is not a reason"),
        (changed(schedule=[2, 8, 1]), "'schedule' is no JSON object"),
        (changed(schedule={"channels": 10**9}), "'channels' is 1000000000, not one of 1, 2, 4, 8"),
        (changed(schedule={"threads": 2}), "'schedule' has a field 'threads'"),
    ],
    ids=str,
)
def test_no_trials(line: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_line(line)


def test_brackets_without_end() -> None:
    with pytest.raises(RecursionError):
        read_line(b"[" * 100_000)


def test_the_fastest() -> None:
    """Of equals the first by their schedules, whatever order they were measured in; a rejected one never."""
    slow, one, two = (replace(TIMED, schedule=Schedule(n), seconds=s) for n, s in ((1, 2.0), (2, 1.0), (4, 1.0)))
    other = replace(REJECTED, key="12" * 32)
    for trials in ([slow, one, two, other], [other, two, one, slow]):
        assert fastest(trials) == {TIMED.key: one}
