# SPDX-License-Identifier: Apache-2.0
"""fuse_pool_into_depthwise: which pools are computed where they are read, and that nothing else becomes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from biisnet.compile.dumps import to_text
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import (
    Add,
    ChannelDepthwise,
    ChannelLoad,
    ChannelMaxPool,
    ChannelPooledDepthwise,
    Clamp,
    ScaleShift,
)
from biisnet.compile.kernels.reference import evaluate
from biisnet.compile.passes.fuse_pool_into_depthwise import fuse_pool_into_depthwise
from biisnet.compile.storage import Float32, Interleaved

N = 16
POOL, BLUR = Window((2, 2)), Window((3, 3), (2, 2), (1, 1, 1, 1))
SIZE = (8, 10)
NAME = "fuse_pool_into_depthwise"
ZERO, ONE = np.zeros(N, np.float32), np.ones(N, np.float32)


class Transition:
    """A map, a pool of it, a blur of that, and what follows in its stage."""

    def __init__(self, pool: Window = POOL, blur: Window = BLUR, encoding: Float32 = Float32()) -> None:  # noqa: B008
        rng = np.random.default_rng(0)
        self.image = map_of("image", SIZE)
        self.map, self.pooled = map_of("map", SIZE), map_of("pooled", pool.output(*SIZE))
        self.pooled.encoding = encoding
        size = blur.output(*pool.output(*SIZE))
        weight = rng.normal(0, 1, (N, 1, *blur.kernel)).astype(np.float32)
        self.blur = ChannelDepthwise(N, self.pooled, weight, rng.normal(0, 1, N).astype(np.float32), blur, N)
        self.first = Stage.of("first", ("relu",), (self.relu(),), [self.map])
        self.pool = Stage.of("pool", ("max",), (ChannelMaxPool(N, self.map, pool),), [self.pooled])
        self.last = Stage.of("last", ("conv", "bn"), (ScaleShift(N, self.blur, ONE, ONE),), [map_of("out", size)])
        self.program = Program("net", [self.first, self.pool, self.last], [self.image], [])

    def relu(self, lower: np.ndarray = ZERO, upper: float = np.inf) -> Clamp:
        """A clamp of the image."""
        return Clamp(N, ChannelLoad(N, self.image), lower, np.full(N, upper, np.float32))

    def fused(self) -> list[ChannelPooledDepthwise]:
        """What has become of it."""
        fuse_pool_into_depthwise(self.program)
        everything = [e for stage in self.program.stages for e in stage.expressions()]
        return [e for e in everything if isinstance(e, ChannelPooledDepthwise)]

    @property
    def why_not(self) -> dict[str, str]:
        """The reasons, by the pool's stage."""
        return self.program.missed[NAME]


def map_of(name: str, size: tuple[int, int]) -> Buffer:
    """An interleaved map of numbers."""
    return Buffer(name, name, N, *size, layout=Interleaved(8))


def test_a_transition() -> None:
    """Fails where the pooled map is stored, a layer is lost, or something else is computed."""
    net = Transition()
    x = np.random.default_rng(1).normal(0, 1, (N, *SIZE)).astype(np.float32)
    before = evaluate(net.last, {"pooled": evaluate(net.pool, {"map": x})[0]})[0]
    (e,) = net.fused()
    assert net.program.stages == [net.first, net.last]
    assert net.pooled not in net.program.buffers()
    assert net.last.reads() == [net.map]
    assert net.last.layers == ("max", "conv", "bn")
    assert isinstance(net.last.results[0][0], ScaleShift)
    assert e.depthwise is net.blur
    assert net.why_not == {}
    np.testing.assert_array_equal(evaluate(net.last, {"map": x})[0], before)


@pytest.mark.parametrize(
    ("lower", "upper", "is_ordered"),
    [
        (ZERO, np.inf, True),
        (ONE, np.inf, True),
        (-ZERO, np.inf, False),
        (np.where(np.arange(N) == 5, -1, ZERO).astype(np.float32), np.inf, False),
        (ZERO, 6.0, False),
    ],
)
def test_which_floats_are_ordered_as_integers(lower: np.ndarray, upper: float, is_ordered: bool) -> None:
    """Fails where one that may be negative, -0.0 too, is: a clamp with an upper bound leaves -0.0 as it is."""
    net = Transition()
    net.first.results = [(net.relu(lower, upper),)]
    (e,) = net.fused()
    assert e.is_ordered == is_ordered
    assert e.pool.buffer is net.map


def test_what_is_stored_otherwise_is_in_no_order() -> None:
    """Fails where a map that is scaled when it is stored, or nobody's ReLU, is taken for what a ReLU gives."""
    scaled, loaded = Transition(), Transition()
    scaled.map.encoding = Float32(-ONE, ZERO)
    loaded.first.results = [(ChannelLoad(N, loaded.image),)]
    of_a_sum = Transition()
    of_a_sum.first.results = [(Add(N, of_a_sum.relu(), ChannelLoad(N, of_a_sum.image)),)]
    assert [e.is_ordered for net in (scaled, loaded, of_a_sum) for e in net.fused()] == [False] * 3


@pytest.mark.parametrize(
    ("net", "why"),
    [
        (Transition(encoding=Float32(ONE, ZERO)), "its map is not stored as it is"),
        (Transition(pool=Window((3, 3), (1, 1), (1, 1, 1, 1))), "it is padded"),
        (
            Transition(blur=Window((3, 3), (1, 1), (1, 1, 1, 1))),
            "3 rows of taps, 1 apart, would compute its rows more than 2 times",
        ),
        (Transition(blur=Window((3, 9), (2, 1), (1, 4, 1, 4))), "windows of 9 columns are a loop"),
        (Transition(blur=Window((3, 1), (16, 1), (16, 0, 16, 0), (16, 1))), "last would read 34 rows"),
    ],
)
def test_what_stays(net: Transition, why: str) -> None:
    """Fails where a pool is fused that cannot be, or had better not, or --dump has no reason."""
    assert net.fused() == []
    assert net.program.stages == [net.first, net.pool, net.last]
    assert net.why_not == {"pool": why}
    assert f"{NAME} did not fire for pool: {why}" in to_text(net.program)["stages.txt"]


def test_a_map_of_the_user_s() -> None:
    """Fails where a pooled map that leaves the network is not stored."""
    net = Transition()
    net.pooled.external = 0
    assert net.fused() == []
    assert net.why_not == {"pool": "its map is not stored as it is"}


def test_a_map_that_others_read() -> None:
    """Fails where a pooled map is not stored although another stage, or another leaf, reads it."""
    beside, twice = Transition(), Transition()
    beside.program.stages.append(Stage.of("beside", (), (ChannelLoad(N, beside.pooled),), [map_of("copy", (7, 9))]))
    other: Expr = Add(N, twice.blur, replace(twice.blur, bias=ONE))
    twice.last.results = [(other,)]
    for net in (beside, twice):
        assert net.fused() == []
        assert net.pool in net.program.stages


def test_pools_beside_each_other_stay() -> None:
    """Fails where a stage that computes more than one pool is taken for a part of it."""
    net = Transition()
    half = replace(net.pool.results[0][0], channels=8)
    net.pool.results = [(half, replace(half, offset=8))]
    assert net.fused() == []
    assert net.pool in net.program.stages


def test_dump() -> None:
    """Fails where --dump does not show the constants of what is computed as one."""
    net = Transition()
    net.fused()
    text = to_text(net.program)["stages.txt"]
    assert "ChannelPooledDepthwise of 16 channels, map\n" in text
    assert "ChannelDepthwise of 16 channels, pooled\n" in text
    assert "weight float32[16, 1, 3, 3]" in text
