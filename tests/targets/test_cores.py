# SPDX-License-Identifier: Apache-2.0
"""Cores: every target has one; of unknown ones nothing is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from biisnet.targets import TARGETS, resolve
from biisnet.targets.cores import (
    CORES,
    CORTEX_A53,
    CORTEX_A72,
    CORTEX_A76,
    GENERIC,
    X86_64_V3,
    X86_64_V4,
    Core,
    core_of,
)
from biisnet.targets.devices import X86_LEVELS, this_machine

AVX512, AVX2 = (this_machine(frozenset(flags), "x86_64") for _, flags in X86_LEVELS)
OWN = {"rpi3": CORTEX_A53, "rpi-zero2w": CORTEX_A53, "rpi4": CORTEX_A72, "rpi5": CORTEX_A76}


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_a_core(name: str) -> None:
    """Fails where a new target is left without one, or a device gets another one's."""
    target = resolve(name)
    assert target.core is (OWN.get(name) or core_of(target.cpu))
    assert target.core.name in {target.cpu, GENERIC.name}
    assert target.core is not GENERIC or name not in OWN


def test_every_core_is_some_targets() -> None:
    """Fails where a core is kept that nothing is compiled for."""
    assert {resolve(name).core.name for name in OWN} | {AVX2.core.name, AVX512.core.name} == set(CORES)
    assert set(OWN) <= set(TARGETS)


@pytest.mark.parametrize("name", CORES)
def test_cores_by_name(name: str) -> None:
    assert CORES[name].name == name
    assert core_of(name) is CORES[name]


def test_x86_by_its_flags() -> None:
    """Fails where a machine with AVX2 gets a core without its instructions, or one with AVX-512 the core of AVX2."""
    assert AVX2.core is X86_64_V3
    assert AVX512.core is X86_64_V4


@pytest.mark.parametrize("core", [*CORES.values(), GENERIC], ids=lambda core: core.name)
def test_instructions_that_belong_together(core: Core) -> None:
    """Fails where sums come out in an order that nothing puts right, or vectors of bytes are looked up in parts."""
    assert (core.multiply_pairs is None) == (core.pack is None)
    assert core.register_bytes in {16, 32}
    assert core.look_up is None or core.register_bytes == 32
    assert (core.add_pairs is None) == (core.add_pairs_wide is None)
    assert (core.window_bytes == 16) == (core.add_pairs is not None)


@pytest.mark.parametrize("cpu", ["cortex-a710", "znver4", "generic", "", "Cortex-A72"])
def test_unknown_cores(cpu: str) -> None:
    """Fails where a core that nobody has described is taken for one that somebody has."""
    assert core_of(cpu) is GENERIC
    assert replace(resolve("rpi4"), cpu=cpu).core is GENERIC
    assert (GENERIC.issue, GENERIC.caches, GENERIC.memory) == (None, None, None)


@pytest.mark.parametrize("core", [*CORES.values(), GENERIC], ids=lambda core: core.name)
def test_figures_are_possible(core: Core) -> None:
    """Fails where a cache is no whole number of sets of 64-byte lines, or a group of stages does not fit the caches."""
    assert core.lanes == 16
    assert core.group_bytes > 0
    if core.caches:
        for size, ways in ((core.caches.l1_bytes, core.caches.l1_ways), (core.caches.l2_bytes, core.caches.l2_ways)):
            sets, rest = divmod(size, 64 * ways)
            assert rest == 0
            assert sets & (sets - 1) == 0
        assert core.caches.l1_bytes < core.caches.l2_bytes
        for size, ways in ((core.caches.l1_bytes, core.caches.l1_ways), (core.caches.l2_bytes, core.caches.l2_ways)):
            assert core.caches.period % (size // ways) == 0
    if core.memory:
        assert core.caches, "a charge for what nobody counts"
        assert core.memory.l1d_miss_cycles > 0
        assert core.memory.dram_bytes_per_second > 1e8
        assert core.memory.source
    if core.issue:
        assert min(core.issue.per_cycle, core.issue.integer, core.issue.float, core.issue.interleave) >= 1
        assert core.issue.words * 4 == core.lanes


@pytest.mark.parametrize(("core", "share"), [(CORTEX_A72, 0.75), (CORTEX_A53, 0.75)], ids=["a72", "a53"])
def test_a_group_leaves_room_in_the_cache(core: Core, share: float) -> None:
    """Fails where a group of stages fills more of the last cache than they should."""
    assert core.caches
    assert core.group_bytes == share * core.caches.l2_bytes


def test_cores_are_told_apart() -> None:
    """Fails where two cores are one by mistake: a schedule's and a record's worth rests on which it is."""
    assert len({CORTEX_A53, CORTEX_A72, CORTEX_A76, X86_64_V3, X86_64_V4, GENERIC}) == 6
