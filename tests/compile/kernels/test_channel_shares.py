# SPDX-License-Identifier: Apache-2.0
"""Convolutions whose inputs are cut: the same bits as of all inputs at once, and cut only where it pays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Add, ChannelConvolution, Clamp, Load, ScaleShiftAdd
from biisnet.compile.kernels.channel_bands import NEAR, WAY, Fetches
from biisnet.compile.kernels.channel_shares import shares_of
from biisnet.compile.schedules import DEFAULT, Schedules
from biisnet.compile.storage import Bits, Interleaved, Layout, Planes
from biisnet.targets import resolve
from biisnet.targets.cores import GENERIC

from . import draw as d
from .check import agree
from .conftest import Check
from .device import Case, run
from .test_channel_convolution import dense, margins
from .test_channel_dot import PLAIN_3X3, dot

POINT = Window((1, 1))
WINDOWS = (POINT, POINT, Window((1, 1), (2, 2)), Window((1, 3), pads=(0, 1, 0, 1)))
"""Of one row, whose sums are added up input by input."""
Folders = Callable[[], Path]


def forms(n: int, height: int, width: int, **sides: int) -> list[Buffer]:
    """Signs, and numbers in whose place sums wait."""
    shape = ("value", n, height, width)
    return [Buffer("bits", *shape, Bits(), Interleaved(**sides)), Buffer("map", *shape, layout=Interleaved(8, **sides))]


def whole_of(rng: np.random.Generator, e: Expr, kind: str, size: tuple[int, int], maps: dict[str, d.Array]) -> Expr:
    """An epilogue; of "dot", with a binary convolution beside."""
    n, (height, width) = e.channels, size
    if kind == "clamp":
        return Clamp(n, e, -np.abs(d.constants(rng, n)), np.abs(d.constants(rng, n)))
    if kind == "add":
        maps["residual"] = d.real_map(rng, (n, height, width))
        return Add(n, e, Load(n, Buffer("residual", "residual", n, height, width, layout=Interleaved(8))))
    if kind == "dot":
        counted, maps["bits in"] = dot(rng, (1, 32, n), size, PLAIN_3X3, 1)
        named = replace(counted, buffer=replace(counted.buffer, name="bits in"))
        return ScaleShiftAdd(n, named, e, d.constants(rng, n), d.constants(rng, n))
    return e


@st.composite
def cases(
    draw: st.DrawFn, kinds: tuple[str, ...] = ("none", "clamp", "add", "dot"), outputs: int | None = None
) -> Case:
    """Any size whose sums are in one part, of an interleaved map or of planes."""
    rng, window = draw(d.generators()), draw(st.sampled_from(WINDOWS))
    height, width = draw(st.sampled_from(((1, 4), (2, 7), (5, 8), (3, 17))))
    inputs, n = draw(st.sampled_from((16, 40))), outputs or draw(st.sampled_from((8, 24)))
    size = d.input_size(window, height, width)
    height, width = window.output(*size)
    layout: Layout = draw(st.sampled_from((Interleaved(8, **margins(window, size[1], width)), Planes("zero"))))
    maps = {"in": d.real_map(rng, (inputs, *size))}
    e = dense(rng, (1, inputs, n), size, window, layout)
    stored = forms(n, height, width, left=draw(st.integers(0, 1)), right=draw(st.integers(0, 2)))
    if draw(st.booleans()):
        stored.reverse()  # sums wait in a map that is stored before the signs of the same value
    result = whole_of(rng, e, draw(st.sampled_from(kinds)), (height, width), maps)
    return Case(Stage.of("case", ("case",), (result,), stored), maps)


class Fixed(Schedules):
    """One band and one tile for all."""

    def __init__(self, band: int, pixels: int) -> None:
        super().__init__()
        object.__setattr__(self, "fixed", (band, pixels))

    def of(self, stage: Stage) -> Schedule:
        band, pixels = self.fixed  # type: ignore[attr-defined]
        return replace(DEFAULT.of(stage), band=band, pixels=pixels)


def cut(monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    """Make shares of so many turns, wherever they may be made."""
    monkeypatch.setattr(Fetches, "share", lambda f, band: f.turns if f.sums is None else min(turns, f.turns))


@d.BATCH
@given(some=d.batches(cases(), 8), turns=st.integers(1, 4), band=st.sampled_from((1, 2, 8)), pixels=st.integers(4, 8))
def test_the_same_bits(folders: Folders, some: list[Case], turns: int, band: int, pixels: int) -> None:
    """Fails where a bit of the result tells how inputs are cut, or what else is computed is not after all of them."""
    whole = run(some, resolve("host"), folders())
    with pytest.MonkeyPatch.context() as patch:
        cut(patch, turns)
        assert any(shares_of(case.stage, Schedule(band=band)) for case in some)
        agree(run(some, resolve("host"), folders(), Fixed(band, pixels)), whole)


@d.BATCH
@given(some=d.batches(cases(("dot",), 64), 2), turns=st.integers(1, 3))
def test_blocks_that_are_begun_together(on_host: Check, folders: Folders, some: list[Case], turns: int) -> None:
    """Fails where a core that looks counts up for 64 outputs at once, or one without elements, has other sums."""
    for core in (None, replace(GENERIC, takes_elements=False)):
        whole = run(some, resolve("host"), folders(), core=core)
        with pytest.MonkeyPatch.context() as patch:
            cut(patch, turns)
            agree(run(some, resolve("host"), folders(), core=core), whole)


@pytest.mark.emulator
def test_emulated(on_both: Check) -> None:
    """Fails where the board's kernel, cut as it is by default, gives something else than its meaning."""
    rng, some = np.random.default_rng(0), []
    for kind in ("none", "dot"):
        e, maps = dense(rng, (1, 256, 128), (7, 7), POINT, Interleaved(8)), {}
        maps["in"] = d.plain_map(rng, (256, 7, 7))
        stage = Stage.of("case", (), (whole_of(rng, e, kind, (7, 7), maps),), forms(128, 7, 7, left=1, right=1))
        assert shares_of(stage, Schedule(band=8)), kind
        some.append(Case(stage, maps))
    on_both(some)


def transition(inputs: int, n: int, size: int, window: Window = POINT, groups: int = 1) -> Stage:
    """A convolution that is stored as signs and as numbers."""
    shape, rng = (groups, inputs // groups, n // groups), np.random.default_rng(0)
    e = dense(rng, shape, d.input_size(window, size, size), window, Interleaved(8, **margins(window, size, size)))
    return Stage.of("s", (), (e,), forms(n, size, size))


@pytest.mark.parametrize(
    ("inputs", "n", "size", "band", "turns"),
    [
        (448, 160, 28, 2, 8),  # of not even one row do all inputs stay near
        (544, 192, 14, 2, 14),
        (576, 256, 7, 2, 18),
        (256, 512, 7, 8, 8),  # all rows, of a quarter of the inputs
        (128, 256, 14, 2, 16),  # half as many weights for twice the sums are no gain
        (64, 256, 14, 4, 8),
        (32, 64, 28, 4, 4),
        (8, 32, 56, 1, 1),
    ],
)
def test_what_is_cut(inputs: int, n: int, size: int, band: int, turns: int) -> None:
    """Fails where weights are fetched again and again although a share of the inputs would stay near, or sums wait
    although nothing is gained by it."""
    stage = transition(inputs, n, size)
    (e,) = stage.expressions()
    assert isinstance(e, ChannelConvolution)
    schedule, fetches = DEFAULT.of(stage), e.fetches(stage)
    assert (schedule.band, fetches.share(band)) == (band, turns)
    found = shares_of(stage, schedule)
    assert (found is None) == (turns == inputs // 8)
    if found:
        assert found.count * turns + found.left == inputs // 8
        assert 0 < found.left <= turns
        assert turns * (fetches.read(band) + 8 * e.weight[0].nbytes) <= WAY * e.turns
        assert fetches.total(band, turns) < min(fetches.total(n, e.turns) for n in fetches.bands)
    else:
        assert fetches.read(band) + 8 * e.weight[0].nbytes <= NEAR


@pytest.mark.parametrize(("band", "turns"), [(1, 32), (2, 32), (4, 11), (8, 8)])
def test_what_is_cut_in_another_band(band: int, turns: int) -> None:
    """Fails where a tuner's longer band reads all inputs again for each block."""
    stage = transition(256, 512, 7)
    found = shares_of(stage, Schedule(band=band))
    assert (found.turns if found else 32) == turns


def test_what_is_not_cut() -> None:
    """Fails where sums wait that are in parts, are added up row by row, have no map of numbers, or one that is read in
    its place; or where groups are cut as if each read all inputs."""
    wide = transition(256, 64, 7)
    assert shares_of(wide, Schedule(band=8))
    signs = Stage.of("s", (), wide.results[0], forms(64, 7, 7)[:1])
    planes = Stage.of("s", (), wide.results[0], [Buffer("map", "value", 64, 7, 7)])
    in_place = Stage.of("s", (), wide.results[0], [replace(b, replaces=b) for b in wide.outputs])
    pair = Stage.of("s", (), wide.results[0] * 2, forms(128, 7, 7))
    few = [transition(512, 64, 3), transition(256, 64, 7, PLAIN_3X3), transition(256, 64, 7, POINT, 2)]
    for stage in (signs, planes, in_place, pair, *few):
        assert shares_of(stage, Schedule(band=8)) is None


def test_rows_that_share_sets() -> None:
    """Fails where rows a way apart count as if each had a place of its own in the cache."""
    fetches = [transition(inputs, 512, 7).results[0][0].fetches(transition(inputs, 512, 7)) for inputs in (512, 576)]
    assert [f.apart(2) for f in fetches] == [WAY, WAY]
    # rows of 14336 and of 16128 bytes, seven of them: 2048 bytes less than a way apart, and 256
    assert [f.apart(8) for f in fetches] == [2 * 2048, 2 * 256]
