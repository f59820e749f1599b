# SPDX-License-Identifier: Apache-2.0
"""Counts by vectors of channels: turns that go together, and what they are on x86-64. (Counts themselves:
test_channel_dot.py.)"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.emit.codegen import generate
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels.channel_counts import InBytes, Pairwise, counts_of
from biisnet.compile.kernels.channel_turns import chunks
from biisnet.compile.kernels.row_kernel import build, key_of
from biisnet.compile.schedules import DEFAULT
from biisnet.targets import Target
from biisnet.targets.cores import CORES, GENERIC
from biisnet.targets.devices import X86_LEVELS, this_machine

from .test_channel_dot import large

AVX512, AVX2 = (
    this_machine(frozenset(X86_LEVELS[0][1]) | {"avx512_bitalg"}, "x86_64"),
    this_machine(frozenset(X86_LEVELS[1][1]), "x86_64"),
)
OF_128 = 3
"""The case of `large` with 128 channels."""


def test_every_core_has_its_way() -> None:
    """Fails where a core's pieces are of a size that nothing counts."""
    found = {name: counts_of(core) for name, core in CORES.items()}
    assert {name for name, form in found.items() if form is InBytes} == {"x86-64-v3", "x86-64-v4"}
    assert counts_of(GENERIC) is Pairwise


@given(count=st.integers(1, 2000), most=st.one_of(st.none(), st.integers(1, 40)))
def test_chunks(count: int, most: int | None) -> None:
    """Fails where a turn is left out, or so many go together that a byte is too small for their counts."""
    found = list(chunks(count, most))
    assert [first + n for first, turns, length in found for n in range(turns * length)] == list(range(count))
    assert all(length <= (most or count) for _, _, length in found)
    assert len(found) <= 2


def test_a_byte_holds_what_goes_together() -> None:
    """Fails where 8 bits of each vector may be more than a byte can be."""
    assert InBytes.together * 8 < 1 << 8


def kernel_of(stage: Stage, target: Target) -> str:
    """The assembly of a stage's kernel."""
    func = build(stage, "kernel", target.core, DEFAULT.of(stage)).func
    return generate({"kernel": func}, target).assembly()


def test_avx512_has_the_program_of_avx2() -> None:
    """Fails where kernels for AVX-512, which not every machine can run, compute something else than those that are
    run."""
    for case in large(7, 7):
        assert len({key_of(case.stage, t.core, DEFAULT.of(case.stage)) for t in (AVX2, AVX512)}) == 1


@pytest.mark.parametrize(
    ("target", "count", "times", "signs"), [(AVX512, "vpopcntb", 1, "kmovb"), (AVX2, "vpshufb", 2, "vmovmskps")]
)
def test_instructions_of_x86(target: Target, count: str, times: int, signs: str) -> None:
    """Fails where a comparison of 32 bytes is more than a load that spreads, an XOR, its count and an addition, where
    registers spill, or a pixel's signs are gathered one by one."""
    assembly = kernel_of(large(7, 7)[OF_128].stage, target)
    loops = [part[: part.find("\tjne")].splitlines() for part in assembly.split("\t.p2align")]
    (loop, *_) = sorted(loops, key=lambda lines: -sum("vpbroadcastd" in line for line in lines))
    found = [words[0] for line in loop if (words := line.split())]
    pixels = found.count("vpbroadcastd")
    assert pixels >= 4
    assert sum(name.startswith("vpxor") for name in found) == pixels
    assert found.count(count) == found.count("vpaddb") == times * pixels
    assert not [line for line in loop if "%rsp" in line]
    assert signs in assembly
