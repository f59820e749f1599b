# SPDX-License-Identifier: Apache-2.0
"""`analyze --target`: every stage with its work and its cycles."""

from __future__ import annotations

import pytest

from biisnet.compile.frontend import Model
from biisnet.targets import resolve
from biisnet.tools.analysis import analyze_target

SIZE = (24, 20)


@pytest.mark.emulator
def test_tiny(emulated: None, llvm: None, tiny: Model) -> None:
    """Fails where a stage has no cycles, more than there are, or another's work."""
    said: list[str] = []
    found = analyze_target(tiny, SIZE, resolve("rpi4"), said.append, cache=True)
    by_name = {s.name: s for s in found.stages}
    assert list(by_name) == ["normalise", "embedding", "bottleneck.0.dot.add", "probability"]
    assert by_name["bottleneck.0.dot.add"].binary_macs == 24 * 20 * 8 * 8 * 9
    assert by_name["embedding"].full_macs == 24 * 20 * 8 * 9
    assert by_name["probability"].full_macs == 24 * 20 * 8
    for stage in found.stages:
        assert 0 < stage.cycles < found.cycles
        assert stage.bound is not None
        assert stage.cycles > stage.bound, stage.name  # nothing is faster than its arithmetic
    assert found.other_cycles > 0
    assert found.dram_bytes is not None
    assert said[-1].startswith(f"[{len(said)}/{len(said)}] measure")
    again = analyze_target(tiny, SIZE, resolve("rpi4"), said.append)
    assert again.cycles == found.cycles
    assert again.dram_bytes is None
