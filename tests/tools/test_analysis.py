# SPDX-License-Identifier: Apache-2.0
"""`analyze --target`: every stage with its work and its cycles."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import reduce
from operator import add

import pytest

from biisnet.compile.frontend import OnnxModel
from biisnet.targets import resolve
from biisnet.targets.device_cost import DeviceCost
from biisnet.tools.analysis import analyze_target
from biisnet.tools.analysis_table import table_of

SIZE = (24, 20)


@pytest.mark.emulator
def test_tiny(emulated: None, llvm: None, tiny: OnnxModel) -> None:
    """Fails where a stage has no cycles, more than there are, or another's work."""
    said: list[str] = []
    found = analyze_target(tiny, SIZE, resolve("rpi4"), said.append)
    by_name = {s.name: s for s in found.stages}
    assert list(by_name) == ["normalise", "embedding", "bottleneck.0.dot.add", "probability"]
    assert by_name["bottleneck.0.dot.add"].binary_macs == 24 * 20 * 8 * 8 * 9
    assert by_name["embedding"].full_macs == 24 * 20 * 8 * 9
    assert by_name["probability"].full_macs == 24 * 20 * 8
    for stage in found.stages:
        assert 0 < stage.cost.cycles < found.cost.cycles
        assert stage.bound is not None
        assert stage.cost.cycles > stage.bound, stage.name  # nothing is faster than its arithmetic
        assert stage.cost.seconds is not None
    assert found.other.cycles > 0
    parts = reduce(add, (s.cost for s in found.stages), found.other)
    assert asdict(parts) == pytest.approx(asdict(found.cost))  # nothing is lost between the stages
    assert found.cost.l1d_misses
    assert said[-1].startswith(f"[{len(said)}/{len(said)}] measure")
    again = analyze_target(tiny, SIZE, resolve("rpi4"), said.append, cache=False)
    assert again.cost == DeviceCost(found.cost.cycles)
    document = found.document()
    assert document["seconds"] == found.cost.seconds
    assert document["memory"]["l1d_miss_cycles"] == 9.9
    assert document["memory"]["dram_bytes_per_second"] == 4e9
    assert document["other_l1d_misses"] == found.other.l1d_misses
    assert [s["dram_bytes"] for s in document["stages"]] == [s.cost.dram_bytes for s in found.stages]
    assert json.loads(json.dumps(again.document()))["seconds"] is None


@pytest.mark.emulator
def test_threads(emulated: None, llvm: None, tiny: OnnxModel) -> None:
    """Fails where a thread's part is not said, parts are not the whole, or the arena is that of one thread."""
    found = analyze_target(tiny, SIZE, resolve("rpi4"), lambda _: None, cache=False, threads=2)
    assert found.balance is not None
    assert found.balance.emulated is not None
    assert 1 < found.balance.speedup <= 2
    for shares in (found.balance.shares, found.balance.emulated):
        assert len(shares) <= 2
        assert sum(shares) == pytest.approx(1)
    assert found.arena_bytes > analyze_target(tiny, SIZE, resolve("rpi4"), lambda _: None, cache=False).arena_bytes
    document = json.loads(json.dumps(found.document()))
    assert document["balance"]["shares"] == list(found.balance.shares)
    assert [line for line in table_of(found) if line.startswith("2 threads")]
