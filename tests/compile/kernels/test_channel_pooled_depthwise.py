# SPDX-License-Identifier: Apache-2.0
"""A depthwise convolution of a pool: any two windows, borders, orders of floats, blockings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Inputs
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import ChannelDepthwise, ChannelMaxPool, ChannelPooledDepthwise
from biisnet.compile.kernels.channel_bands import NEAR
from biisnet.compile.storage import Interleaved
from biisnet.targets import Target, resolve
from biisnet.targets.cores import GENERIC

from . import draw as d
from .check import agree
from .conftest import Check
from .device import Case, Fixed, run

BLUR = Window((3, 3), (2, 2), (1, 1, 1, 1))
POOLS = (Window((2, 2)), Window((2, 2)), Window((3, 3)), Window((1, 1)), Window((3, 2), (2, 1)), Window((1, 3), (1, 2)))
BLURS = (
    BLUR,
    BLUR,
    Window((3, 3), (2, 2), (0, 0, 1, 1)),
    Window((3, 3), (1, 1), (1, 1, 1, 1)),
    Window((3, 3), (1, 1), (2, 2, 2, 2), (2, 2)),
    Window((4, 5), (3, 2), (3, 4, 2, 3)),
    Window((1, 2), (1, 2)),
    Window((2, 2), (2, 2), (-1, -2, 0, 0)),
)


def ordered_map(rng: np.random.Generator, shape: tuple[int, ...]) -> d.Array:
    """What a ReLU stores: numbers without a sign bit, infinities, and NaN of either sign."""
    x = np.abs(d.special_map(rng, shape))
    return np.where(np.isnan(x), rng.choice(np.array([0x7FC00000, 0xFFC00001], np.uint32).view(np.float32), shape), x)


def pooled_depthwise(
    rng: np.random.Generator,
    windows: tuple[Window, Window],
    size: tuple[int, int],
    channels: int = 8,
    offset: int = 0,
    layout: Interleaved = Interleaved(8),  # noqa: B008 (it is frozen)
) -> ChannelPooledDepthwise:
    """Of random weights, over a map of a size."""
    pool, blur = windows
    pooled = Buffer("pooled", "pooled", channels, *pool.output(*size), layout=Interleaved(8, *sides(blur, pool, size)))
    weight, bias = d.dyadic(rng, (channels, 1, *blur.kernel)), d.constants(rng, channels)
    return ChannelPooledDepthwise(
        channels,
        ChannelMaxPool(channels, Buffer("in", "in", channels + offset, *size, layout=layout), pool, offset),
        ChannelDepthwise(channels, pooled, weight, bias, blur, channels),
    )


def sides(blur: Window, pool: Window, size: tuple[int, int]) -> tuple[int, int]:
    """Columns left and right of a pooled map that a window looks at."""
    columns = pool.output(*size)[1]
    reach = (blur.output(1 << 10, columns)[1] - 1) * blur.strides[1] + (blur.kernel[1] - 1) * blur.dilations[1]
    return max(blur.pads[1], 0), max(reach - blur.pads[1] - (columns - 1), 0)


def bare(e: ChannelPooledDepthwise, x: d.Array) -> Case:
    """It and nothing else."""
    size = e.depthwise.window.output(e.depthwise.buffer.height, e.depthwise.buffer.width)
    return Case(
        Stage.of("case", (), (e,), [Buffer("y", "y", e.channels, *size, layout=Interleaved(8, 1, 2))]), {"in": x}
    )


@st.composite
def cases(draw: st.DrawFn, fill: d.Maps = d.special_map) -> Case:
    """Any windows, a part of a map's channels, and either order."""
    rng, windows = draw(d.generators()), (draw(st.sampled_from(POOLS)), draw(st.sampled_from(BLURS)))
    size = d.input_size(windows[0], *d.input_size(windows[1], *draw(st.sampled_from(d.CHANNEL_SIZES))))
    layout = Interleaved(8, draw(st.integers(0, 2)), draw(st.integers(0, 2)), draw(st.sampled_from((1, 16))))
    e = pooled_depthwise(rng, windows, size, draw(st.sampled_from((8, 24))), draw(st.sampled_from((0, 8))), layout)
    is_ordered = fill is d.special_map and draw(st.booleans())
    x = (ordered_map if is_ordered else fill)(rng, (e.buffer.channels, *size))
    return bare(replace(e, is_ordered=is_ordered), x)


@d.BATCH
@given(some=d.batches(cases(), 16), core=st.sampled_from((None, GENERIC)))
def test_host(on_host: Check, some: list[Case], core: None) -> None:
    """Fails where a tap reads another pixel, a pooled pixel outside of its map is not zero, or a NaN is lost."""
    on_host(some, core=core)


@pytest.mark.emulator
@d.BATCH
@given(some=d.batches(cases(), 12))
def test_emulated(on_both: Check, some: list[Case]) -> None:
    """Fails where the board's instructions give something else than their meaning."""
    on_both(some)


def as_two(case: Case, folders: Callable[[], Path], target: Target) -> dict[Buffer, d.Array]:
    """What the pool's stage and the convolution's give one after the other, by the case's output."""
    ((e,),), (out,) = case.stage.results, case.stage.outputs
    assert isinstance(e, ChannelPooledDepthwise)
    pooled = e.depthwise.buffer
    (first,) = run([Case(Stage.of("pool", (), (e.pool,), [pooled]), case.maps)], target, folders())
    maps = {pooled.name: first[pooled]}
    (second,) = run([Case(Stage.of("case", (), (e.depthwise,), [out]), maps)], target, folders())
    return second


def agrees_with_two(target: Target, folders: Callable[[], Path]) -> None:
    """Whether a stage gives, bit for bit, what two give that store the pooled map, of any numbers."""
    rng, some = np.random.default_rng(0), []
    for size, is_ordered in (((12, 31), True), ((8, 16), False), ((4, 4), True)):
        x = d.real_map(rng, (16, *size))
        e = replace(pooled_depthwise(rng, (Window((2, 2)), BLUR), size, 16), is_ordered=is_ordered)
        e = replace(e, depthwise=replace(e.depthwise, weight=d.real_map(rng, e.depthwise.weight.shape)))
        some.append(bare(e, np.maximum(x, 0) if is_ordered else x))
    agree(run(some, target, folders()), [as_two(case, folders, target) for case in some])


def test_as_two_stages(folders: Callable[[], Path]) -> None:
    """Fails where products are added up in another order than those of a stored map."""
    agrees_with_two(resolve("host"), folders)


@pytest.mark.emulator
def test_as_two_emulated_stages(emulated: Target, folders: Callable[[], Path]) -> None:
    agrees_with_two(emulated, folders)


@pytest.mark.parametrize("band", [1, 2, 8])
@pytest.mark.parametrize("pixels", [4, 8])
def test_schedules(on_host: Check, band: int, pixels: int) -> None:
    """Fails where what is computed depends on how it is blocked: a border may be in a tile of any size."""

    rng, size = np.random.default_rng(0), (12, 20)
    some = [
        bare(pooled_depthwise(rng, (pool, blur), size, 16), d.special_map(rng, (16, *size)))
        for pool in POOLS[1:4]
        for blur in BLURS[1:6]
    ]
    on_host(some, schedules=Fixed(band=band, pixels=pixels))


def test_negative_maxima_at_the_border(on_host: Check) -> None:
    """Fails where a zero outside of the map is compared with a pixel inside, or a pixel repeated beside it."""
    e, size = pooled_depthwise(np.random.default_rng(0), (Window((2, 2)), BLUR), (6, 8)), (6, 8)
    ones = replace(e.depthwise, weight=np.ones_like(e.depthwise.weight), bias=np.zeros_like(e.depthwise.bias))
    case = bare(replace(e, depthwise=ones), np.full((8, *size), -1, np.float32))
    ((only,),) = case.stage.results
    corner = only.reference(inputs_of(case))[0]
    assert corner[0].tolist() == [-4, -6, -6, -4]
    on_host([case])


def inputs_of(case: Case) -> Inputs:
    """What a case's expression is given."""
    return Inputs((), case.maps, case.stage.height, case.stage.width)


@pytest.mark.parametrize(("channels", "size", "band"), [(64, 56, 4), (128, 28, 8), (256, 14, 8), (64, 8, 4), (8, 2, 1)])
def test_band(channels: int, size: int, band: int) -> None:
    """Fails where rows that two rows of windows have in common are fetched twice although they would stay near."""
    e = pooled_depthwise(np.random.default_rng(0), (Window((2, 2)), BLUR), (size, size), channels)
    stage = bare(e, np.zeros(0, np.float32)).stage
    assert e.suits_band(stage) == band
    per_row = e.buffer.row_bytes * 8 // channels
    assert (2 * band + 2) * per_row <= NEAR
    assert (4 * band + 2) * per_row > NEAR or 2 * band >= 2 * stage.height or band == 8


def test_a_padded_pool_is_refused() -> None:
    """Fails where rows beside a pool's border, which are the nearest ones, would be taken for zero."""
    with pytest.raises(ValueError, match="a padded pool is a stage of its own"):
        pooled_depthwise(np.random.default_rng(0), (Window((3, 3), (1, 1), (1, 1, 1, 1)), BLUR), (9, 9))
