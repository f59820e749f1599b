# SPDX-License-Identifier: Apache-2.0
"""Counts by vectors of channels: turns that go together, tables, and what they are on x86-64. (Counts themselves:
test_channel_dot.py.)"""

from __future__ import annotations

import platform

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.emit.codegen import generate
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import Add, ChannelLoad
from biisnet.compile.kernels.channel_counts import InBytes, Pairwise, counts_of
from biisnet.compile.kernels.channel_tables import PIXELS, differing_bits, half_bytes
from biisnet.compile.kernels.channel_tiles import span_of
from biisnet.compile.kernels.channel_turns import chunks
from biisnet.compile.kernels.row_kernel import build
from biisnet.compile.schedules import DEFAULT
from biisnet.compile.storage import Interleaved
from biisnet.targets import Target
from biisnet.targets.cores import CORES, CORTEX_A72, GENERIC, Core
from biisnet.targets.devices import X86_LEVELS, this_machine

from . import draw as d
from .conftest import Check
from .test_channel_dot import PLAIN_3X3, dot, large

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


def innermost(assembly: str, load: str) -> list[str]:
    """The lines of the loop that has most of a kind of load."""
    loops = [part[: part.find("\tjne")].splitlines() for part in assembly.split("\t.p2align")]
    return max(loops, key=lambda lines: sum(load in line for line in lines))


def names(loop: list[str]) -> list[str]:
    """The instructions of a loop; fails where it spills registers."""
    assert not [line for line in loop if "%rsp" in line]
    return [words[0] for line in loop if (words := line.split())]


def test_counting_by_avx512() -> None:
    """Fails where a comparison of 32 bytes is more than a load that spreads, an XOR, a count and an addition, or a
    pixel's signs are gathered one by one."""
    assembly = kernel_of(large(7, 7)[OF_128].stage, AVX512)
    found = names(innermost(assembly, "vpbroadcastd"))
    assert found.count("vpbroadcastd") == found.count("vpopcntb") == found.count("vpaddb") == 7
    assert sum(name.startswith("vpxor") for name in found) == 7
    assert "kmovb" in assembly


def test_counting_by_avx2() -> None:
    """Fails where a look-up of 32 counts is more than itself and an addition, or a table serves fewer than two."""
    assembly = kernel_of(large(7, 7)[OF_128].stage, AVX2)
    found = names(innermost(assembly, "vbroadcasti128"))
    assert found.count("vbroadcasti128") == 2 * PIXELS
    assert found.count("vpshufb") == found.count("vpaddb") == 4 * PIXELS
    assert "vmovmskps" in assembly


@pytest.mark.skipif(AVX2.arch != platform.machine(), reason="needs x86-64")
def test_the_program_of_avx512(on_host: Check) -> None:
    """Fails where what is compiled for AVX-512, which not every machine can run, computes something else: the same
    kernels, by this machine's instructions."""
    on_host(large(5, 9), core=AVX512.core)


def test_tables_differ() -> None:
    """Fails where a table's byte is not the bits in which its place differs from its number."""
    tables = differing_bits().view(np.uint8).reshape(16, 16)
    assert all(tables[a, w] == (a ^ w).bit_count() for a in range(16) for w in range(16))


@given(spans=st.integers(1, 2), length=st.integers(1, 5), rng=d.generators())
def test_half_bytes(spans: int, length: int, rng: np.random.Generator) -> None:
    """Fails where an output's weights are another's, or even and odd bytes are not neighbouring outputs."""
    inverted = rng.integers(0, 256, (64 * spans, length), np.uint8)
    found = half_bytes(inverted).view(np.uint8).reshape(spans, length, 2, 2, 16, 2)
    for span, byte, half, vector, lane, odd in np.ndindex(*found.shape):
        expected = inverted[64 * span + 32 * vector + 16 * odd + lane, byte] >> 4 * half & 15
        assert found[span, byte, half, vector, lane, odd] == expected


@pytest.mark.parametrize(
    ("core", "shape", "span"),
    [
        (AVX2.core, (1, 64, 64), 8),
        (AVX2.core, (2, 64, 64), 8),
        (AVX2.core, (2, 64, 32), 1),  # a table would serve two groups
        (AVX2.core, (1, 64, 96), 1),
        (AVX512.core, (1, 64, 64), 1),
        (CORTEX_A72, (1, 64, 64), 1),
    ],
)
def test_what_is_counted_by_tables(core: Core, shape: tuple[int, int, int], span: int) -> None:
    """Fails where tables are looked up for fewer outputs than share them, or by a core that counts."""
    e, _ = dot(np.random.default_rng(0), shape, (3, 9), PLAIN_3X3, 1)
    y = Buffer("y", "y", e.channels, 3, 9, layout=Interleaved(8))
    assert e.span(core) == span
    assert span_of(Stage.of("s", (), (e,), [y]), core) == span


def test_branches_that_are_no_whole_spans() -> None:
    """Fails where 64 outputs are counted of which another branch has some, or a map's bytes end between."""
    e, _ = dot(np.random.default_rng(0), (1, 64, 64), (3, 9), PLAIN_3X3, 1)
    small, _ = dot(np.random.default_rng(0), (1, 64, 32), (3, 9), PLAIN_3X3, 1)
    for branches in ((e, small), (small, e), (e, ChannelLoad(8, Buffer("x", "x", 8, 3, 9)))):
        y = Buffer("y", "y", sum(b.channels for b in branches), 3, 9, layout=Interleaved(8))
        assert span_of(Stage.of("s", (), branches, [y]), AVX2.core) == 1


def test_what_is_shared_is_counted_once() -> None:
    """Fails where a convolution that two parts of an expression have is counted for each."""
    e, _ = dot(np.random.default_rng(0), (1, 64, 64), (3, 9), PLAIN_3X3, 1)
    y = Buffer("y", "y", 64, 3, 9, layout=Interleaved(8))
    once, twice = (
        build(Stage.of("s", (), (x,), [y]), "kernel", AVX2.core, DEFAULT.of(Stage.of("s", (), (x,), [y]))).func.script()
        for x in (e, Add(64, e, e))
    )
    assert once.count("pshuf") == twice.count("pshuf") > 0
