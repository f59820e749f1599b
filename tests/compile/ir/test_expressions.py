# SPDX-License-Identifier: Apache-2.0
"""Kinds of expressions: none lacks an arm, and the arms of each agree with each other."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.compile import kernels
from biisnet.compile.errors import CompileError
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import KINDS, Expr, Leaf, Pointwise, kind, slice_channels
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import (
    Add,
    BinaryDot,
    ChannelConvolution,
    ChannelDepthwise,
    ChannelDot,
    ChannelLoad,
    ChannelMaxPool,
    ChannelPooledDepthwise,
    ChannelPoolSum,
    Clamp,
    Constant,
    Convolution,
    DepthToSpace,
    Divide,
    Exp,
    HingeAdd,
    IntegerAdd,
    IntegerConvolution,
    IntegerDot,
    IntegerHinge,
    IntegerMix,
    IntegerPool,
    IntegerTwoSlope,
    IntegerUpsample,
    Interpolate,
    Load,
    Log,
    MaxPool,
    Multiply,
    PoolSum,
    ReduceChannels,
    RepeatChannels,
    Requantize,
    Round,
    ScaleShift,
    ScaleShiftAdd,
    ShuffleChannels,
    Sigmoid,
    Spread,
    SquareRoot,
    TileChannels,
    TwoSlope,
    TwoSlopeAdd,
    Upsample,
    Zero,
)
from biisnet.compile.kernels.error_bounds import error_bounds
from biisnet.compile.kernels.reference import evaluate
from biisnet.compile.passes.fold_prelu_into_accumulator import centre
from biisnet.compile.storage import Bits, Integer, IntegerBits, Interleaved
from biisnet.targets.cores import CORTEX_A72

Array = np.ndarray
Rng = np.random.Generator
ARMS = sorted(Expr.__abstractmethods__)
PADDED = Window((3, 3), pads=(1, 1, 1, 1))


@dataclass
class Sample:
    """A node of some kind, what its maps hold, and the size of its stage."""

    node: Expr
    stored: dict[str, Array]
    height: int
    width: int

    def stage(self, *results: Expr) -> Stage:
        """A stage that stores the node, or others in its place, side by side."""
        branches = results or (self.node,)
        out = Buffer("out", "out", sum(e.channels for e in branches), self.height, self.width)
        return Stage.of("case", (), branches, [out])

    def values(self, *results: Expr) -> Array:
        """What such a stage computes."""
        return evaluate(self.stage(*results), self.stored)[0]


def vector(rng: Rng, n: int) -> Array:
    """Constants, a value a channel, of either sign."""
    return rng.normal(0, 2, n).astype(np.float32)


def load(name: str, c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Load:
    """A map of c channels, whole."""
    stored[name] = rng.normal(0, 4, (c, *size)).astype(np.float32)
    return Load(c, Buffer(name, name, c, *size))


def dot(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> BinaryDot:
    """A binary convolution of 5 channels."""
    stored["bits"] = rng.random((5, *size)) < 0.5
    return BinaryDot(c, Buffer("bits", "bits", 5, *size, Bits()), rng.random((c, 5, 3, 3)) < 0.5, PADDED, 1, 1)


Make = Callable[[int, tuple[int, int], Rng, dict[str, Array]], Expr]


def binary_dot(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    return dot(c, size, rng, stored)


def channel_dot(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    stored["bits"] = rng.random((16, *size)) < 0.5
    buffer = Buffer("bits", "bits", 16, *size, Bits(), Interleaved(left=1, right=1))
    return ChannelDot(c, buffer, rng.random((c, 16, 3, 3)) < 0.5, PADDED, 1, 2)


def convolution(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    read = load("x", 3, size, rng, stored).buffer
    weight = rng.normal(0, 1, (c, 3, 3, 3)).astype(np.float32)
    return Convolution(c, read, weight, vector(rng, c), PADDED)


def channel_convolution(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    dense = convolution(c, size, rng, stored)
    return ChannelConvolution(**{f.name: getattr(dense, f.name) for f in fields(dense)})


def channel_depthwise(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    read = load("x", c, size, rng, stored).buffer
    return ChannelDepthwise(c, read, rng.normal(0, 1, (c, 1, 3, 3)).astype(np.float32), vector(rng, c), PADDED, c)


def part_of_map(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    return Load(c, load("x", c + 2, size, rng, stored).buffer, 1)


def pool_sum(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    return PoolSum(c, load("x", c + 2, (2 * size[0], 2 * size[1] + 1), rng, stored).buffer, 2)


def channel_load(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    return ChannelLoad(c, load("x", c + 8, size, rng, stored).buffer, 8)


def channel_pool_sum(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    return ChannelPoolSum(c, load("x", c + 8, (2 * size[0], 2 * size[1] + 1), rng, stored).buffer, 8)


def max_pool(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    read = load("x", c + 2, (2 * size[0], 2 * size[1] - 1), rng, stored).buffer
    return MaxPool(c, read, Window((3, 3), (2, 2), (1, 1, 1, 1)), 2)


def channel_max_pool(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    read = load("x", c + 8, (2 * size[0], 2 * size[1] - 1), rng, stored).buffer
    return ChannelMaxPool(c, read, Window((3, 3), (2, 2), (1, 1, 1, 1)), 8)


def channel_pooled_depthwise(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    read = load("x", c + 8, (2 * size[0], 2 * size[1]), rng, stored).buffer
    pool = ChannelMaxPool(c, read, Window((2, 2)), 8)
    pooled = Buffer("pooled", "pooled", c, 2 * size[0] - 1, 2 * size[1] - 1)
    weight, blur = rng.normal(0, 1, (c, 1, 3, 3)).astype(np.float32), Window((3, 3), (2, 2), (1, 1, 1, 1))
    return ChannelPooledDepthwise(c, pool, ChannelDepthwise(c, pooled, weight, vector(rng, c), blur, c))


def upsample(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    small = (-(-size[0] // 2), -(-size[1] // 2))
    mode = "linear" if rng.random() < 0.5 else "nearest"
    return Upsample(c, load("x", c + 1, small, rng, stored).buffer, mode, 1)  # type: ignore[arg-type]


def hinge_add(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    x = centre(dot(c, size, rng, stored), {})
    knee = np.float32(x.centre) + vector(rng, c)
    return HingeAdd(c, x, load("y", c, size, rng, stored), vector(rng, c), vector(rng, c), knee)


def clamp(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    lower, upper = np.sort([vector(rng, c), vector(rng, c)], axis=0)
    return Clamp(c, load("x", c, size, rng, stored), lower, upper)


def over_maps(cls: type[Pointwise], constants: int, *names: str) -> Make:
    """A kind of these maps and so many constants a channel."""

    def make(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
        parts = [load(n, c, size, rng, stored) for n in names]
        return cls(c, *parts, *(vector(rng, c) for _ in range(constants)))

    return make


def repeat_channels(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    return RepeatChannels(3 * c, load("x", c, size, rng, stored))


def steps(rng: Rng, n: int) -> Array:
    """int8 constants, a value a channel."""
    return rng.integers(-128, 128, n).astype(np.int8)


def bytes_of(name: str, c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Buffer:
    """An int8 map of c channels."""
    stored[name] = rng.integers(-128, 128, (c, *size)).astype(np.int8)
    return Buffer(name, name, c, *size, Integer())


def slopes(name: str, c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> IntegerTwoSlope:
    read = Load(c, bytes_of(name, c, size, rng, stored))
    return IntegerTwoSlope(c, read, steps(rng, c), steps(rng, c))


def integer_two_slope(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    return slopes("x", c, size, rng, stored)


def integer_add(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    return IntegerAdd(c, slopes("x", c, size, rng, stored), slopes("y", c, size, rng, stored))


def integer_hinge(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    return IntegerHinge(c, Load(c, bytes_of("x", c, size, rng, stored)), *(steps(rng, c) for _ in range(3)))


def integer_dot(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    stored["bits"] = rng.random((6, *size)) < 0.5
    return IntegerDot(c, Buffer("bits", "bits", 6, *size, IntegerBits()), rng.random((c, 6, 3, 3)) < 0.5, PADDED)


def integer_convolution(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    weight = rng.integers(-128, 128, (c, 2, 3, 3)).astype(np.int8)
    return IntegerConvolution(c, bytes_of("x", 2, size, rng, stored), weight, PADDED, -27)


def integer_pool(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    read = bytes_of("x", c + 2, (2 * size[0], 2 * size[1] + 1), rng, stored)
    return IntegerPool(c, read, steps(rng, c), steps(rng, c), 2)


def integer_upsample(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    return IntegerUpsample(c, bytes_of("x", c + 1, (-(-size[0] // 2), -(-size[1] // 2)), rng, stored), 1)


def integer_mix(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    read = bytes_of("x", c, size, rng, stored)
    return IntegerMix(1, read, steps(rng, c), steps(rng, c), np.array([300], np.int16))


def requantize(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    bias = rng.integers(-(1 << 14), 1 << 14, c).astype(np.int16)
    return Requantize(c, slopes("x", c, size, rng, stored), bias, 6)


def tile_channels(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    return TileChannels(2 * c, Load(c, bytes_of("x", c, size, rng, stored)))


def interpolate(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    factor = 4 if rng.random() < 0.5 else 8
    small = -(-size[0] // factor), -(-size[1] // factor)
    return Interpolate(c, load("x", c + 1, small, rng, stored).buffer, factor, 1)


def spread(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    sides = [1 if rng.random() < 0.5 else n + int(n > 1 and rng.random() < 0.5) for n in size]
    read = load("x", 1 if rng.random() < 0.5 else c + 2, (sides[0], sides[1]), rng, stored).buffer
    return Spread(c, read, 0 if read.channels == 1 else 2)


def depth_to_space(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    block, mode = (2, "CRD") if rng.random() < 0.5 else (4, "DCR")
    small = -(-size[0] // block), -(-size[1] // block)
    read = load("x", (c + 1) * block**2, small, rng, stored).buffer
    return DepthToSpace(c, read, block, mode, 1)  # type: ignore[arg-type]


def shuffle_channels(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    return ShuffleChannels(c, load("x", 3 * c, size, rng, stored).buffer, 3, c)


def away_from_zero(cls: type[Pointwise], *names: str) -> Make:
    """A kind of these maps, all of whose numbers are above 0."""

    def make(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
        parts = [load(n, c, size, rng, stored) for n in names]
        for name in names:
            stored[name] = np.abs(stored[name]) + np.float32(0.01)
        return cls(c, *parts)

    return make


def reduce_channels(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    of = "sum" if rng.random() < 0.5 else "max"
    return ReduceChannels(1, load("x", c, size, rng, stored).buffer, of)  # type: ignore[arg-type]


def zero(c: int, size: tuple[int, int], rng: Rng, stored: dict[str, Array]) -> Expr:
    return Zero(c, "int8")


SAMPLES: dict[str, Make] = {
    "Add": over_maps(Add, 0, "x", "y"),
    "BinaryDot": binary_dot,
    "ChannelConvolution": channel_convolution,
    "ChannelDepthwise": channel_depthwise,
    "ChannelDot": channel_dot,
    "ChannelLoad": channel_load,
    "ChannelMaxPool": channel_max_pool,
    "ChannelPooledDepthwise": channel_pooled_depthwise,
    "ChannelPoolSum": channel_pool_sum,
    "Clamp": clamp,
    "Constant": over_maps(Constant, 1),
    "Convolution": convolution,
    "DepthToSpace": depth_to_space,
    "Divide": away_from_zero(Divide, "x", "y"),
    "Exp": over_maps(Exp, 0, "x"),
    "HingeAdd": hinge_add,
    "IntegerAdd": integer_add,
    "IntegerConvolution": integer_convolution,
    "IntegerDot": integer_dot,
    "IntegerHinge": integer_hinge,
    "IntegerMix": integer_mix,
    "IntegerPool": integer_pool,
    "IntegerTwoSlope": integer_two_slope,
    "IntegerUpsample": integer_upsample,
    "Interpolate": interpolate,
    "Load": part_of_map,
    "Log": away_from_zero(Log, "x"),
    "MaxPool": max_pool,
    "Multiply": over_maps(Multiply, 0, "x", "y"),
    "PoolSum": pool_sum,
    "ReduceChannels": reduce_channels,
    "RepeatChannels": repeat_channels,
    "Requantize": requantize,
    "Round": over_maps(Round, 0, "x"),
    "ScaleShift": over_maps(ScaleShift, 2, "x"),
    "ScaleShiftAdd": over_maps(ScaleShiftAdd, 2, "x", "y"),
    "ShuffleChannels": shuffle_channels,
    "Sigmoid": over_maps(Sigmoid, 0, "x"),
    "Spread": spread,
    "SquareRoot": away_from_zero(SquareRoot, "x"),
    "TileChannels": tile_channels,
    "TwoSlope": over_maps(TwoSlope, 2, "x"),
    "TwoSlopeAdd": over_maps(TwoSlopeAdd, 2, "x", "y"),
    "Upsample": upsample,
    "Zero": zero,
}
CANNOT_BE_CUT = {"ChannelDepthwise", "ChannelPooledDepthwise", "IntegerMix", "RepeatChannels"}
IDENTITY_OF = {
    "Add",
    "BinaryDot",
    "ChannelConvolution",
    "ChannelDepthwise",
    "ChannelDot",
    "ChannelLoad",
    "ChannelMaxPool",
    "ChannelPoolSum",
    "ChannelPooledDepthwise",
    "Clamp",
    "Constant",
    "Convolution",
    "DepthToSpace",
    "HingeAdd",
    "Interpolate",
    "Load",
    "MaxPool",
    "Multiply",
    "PoolSum",
    "ReduceChannels",
    "RepeatChannels",
    "ScaleShift",
    "ScaleShiftAdd",
    "ShuffleChannels",
    "Spread",
    "TwoSlope",
    "TwoSlopeAdd",
}
"""Kinds that accumulators can be read through."""


@st.composite
def samples(draw: st.DrawFn, name: str) -> Sample:
    """A node of a kind, of any size."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    stored: dict[str, Array] = {}
    return Sample(SAMPLES[name](draw(st.integers(1, 9)), size, rng, stored), stored, *size)


LAW = settings(max_examples=25, deadline=None)
every_kind = pytest.mark.parametrize("name", sorted(KINDS))


# ---- completeness ----


def test_every_kind_is_sampled() -> None:
    """Fails where a new kind is not held to the laws below."""
    assert SAMPLES.keys() == KINDS.keys() == set(kernels.__all__)


@every_kind
def test_every_kind_has_every_arm(name: str) -> None:
    cls = KINDS[name]
    assert cls.__name__ == name
    assert issubclass(cls, Leaf) or issubclass(cls, Pointwise)
    assert not inspect.isabstract(cls)
    assert not [arm for arm in ARMS if getattr(getattr(cls, arm), "__isabstractmethod__", False)]
    assert cls.leads is None or isinstance(cls.leads, int)


def complete(base: type[Expr], name: str) -> dict[str, object]:
    """The body of a class with every arm that `base` leaves open."""
    body: dict[str, object] = {"__module__": __name__, "leads": None}
    return body | {arm: lambda *_: None for arm in base.__abstractmethods__}


@pytest.mark.parametrize("base", [Leaf, Pointwise])
@pytest.mark.parametrize("arm", ARMS)
def test_a_class_without_an_arm_is_no_kind(base: type[Expr], arm: str) -> None:
    """Fails where a kind is registered that lacks an arm, whether its base leaves that open or the class does."""
    body = complete(base, "Lacking")
    inherited = getattr(base, arm)
    body[arm] = abstract(inherited)
    with pytest.raises(TypeError, match=rf"^Lacking lacks {arm}: a kind of expression has every arm$"):
        kind(type("Lacking", (base,), body))
    assert "Lacking" not in KINDS


def abstract(arm: object) -> object:
    """An arm that is still open."""

    @abstractmethod
    def still_open(self: Expr) -> None: ...

    return property(still_open) if isinstance(arm, property) else still_open


@pytest.mark.parametrize("base", [Leaf, Pointwise])
def test_a_class_that_leaves_an_arm_out_is_no_kind(base: type[Expr]) -> None:
    """As a forgotten one is: not written at all."""
    for arm in base.__abstractmethods__:
        body = complete(base, "Lacking")
        del body[arm]
        with pytest.raises(TypeError, match=rf"^Lacking lacks {arm}:"):
            kind(type("Lacking", (base,), body))


def test_a_class_without_a_place_is_no_kind() -> None:
    """Fails where a leaf is registered that says nothing of whether it leads a stage's kernel."""
    body = complete(Leaf, "Lacking")
    del body["leads"]
    with pytest.raises(TypeError, match=r"^Lacking lacks leads: a kind"):
        kind(type("Lacking", (Leaf,), body))
    assert "Lacking" not in KINDS


def test_a_name_is_registered_once() -> None:
    """Fails where a second class of one name takes the first one's place."""
    with pytest.raises(TypeError, match=r"^Add is registered already$"):
        kind(type("Add", (Pointwise,), complete(Pointwise, "Add")))
    assert KINDS["Add"] is Add


def test_a_complete_class_is_a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where the tests above refuse classes for another reason."""
    for base in (Leaf, Pointwise):
        monkeypatch.setattr("biisnet.compile.ir.expressions.KINDS", known := {})
        cls = kind(type("Whole", (base,), complete(base, "Whole")))
        assert known == {"Whole": cls}


@pytest.mark.parametrize("cls", [Expr, Leaf, Pointwise])
def test_nothing_without_a_meaning_is_made(cls: type[Expr]) -> None:
    """Fails where an expression without a meaning gets into a stage."""
    with pytest.raises(TypeError, match="abstract"):
        cls(1)


# ---- laws ----


@every_kind
@LAW
@given(data=st.data())
def test_parts_side_by_side_are_the_whole(name: str, data: st.DataObject) -> None:
    """Fails where a part of the channels has another channel's constants, or reads another's values."""
    sample = data.draw(samples(name))
    c = sample.node.channels
    cut = data.draw(st.integers(1, c))
    assert slice_channels(sample.node, 0, c) is sample.node
    if cut == c:
        return
    if name in CANNOT_BE_CUT:
        with pytest.raises(CompileError, match=f"a split of channels after {name} is not supported"):
            slice_channels(sample.node, 0, cut)
        return
    parts = [slice_channels(sample.node, 0, cut), slice_channels(sample.node, cut, c)]
    assert [p.channels for p in parts] == [cut, c - cut]
    assert {type(p) for p in parts} == {type(sample.node)}
    np.testing.assert_allclose(sample.values(*parts), sample.values(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("cls", [BinaryDot, Convolution])
def test_a_grouped_convolution_is_not_cut(cls: type[Expr]) -> None:
    """Fails where a part of the outputs would read another group's inputs."""
    if cls is BinaryDot:
        bits = Buffer("x", "x", 4, 3, 3, Bits(2))
        node: Expr = BinaryDot(4, bits, np.ones((4, 2, 3, 3), bool), PADDED)
    else:
        node = Convolution(4, Buffer("x", "x", 4, 3, 3), np.ones((4, 2, 3, 3), np.float32), np.ones(4), PADDED, 2)
    assert slice_channels(node, 0, 4) is node
    with pytest.raises(CompileError, match=f"a split of channels after {cls.__name__} is not supported"):
        slice_channels(node, 0, 2)


@every_kind
@LAW
@given(data=st.data())
def test_values_have_the_stages_shape(name: str, data: st.DataObject) -> None:
    """Fails where a reference gives fewer pixels or channels than are stored, or anything but finite numbers."""
    sample = data.draw(samples(name))
    values = sample.values()
    assert values.shape == (sample.node.channels, sample.height, sample.width)
    assert np.isfinite(values).all()


@every_kind
@LAW
@given(data=st.data())
def test_the_error_bound_is_no_less_than_the_value(name: str, data: st.DataObject) -> None:
    """Fails where what was summed is said to be less than the sum."""
    sample = data.draw(samples(name))
    (bound,) = error_bounds(sample.stage(), sample.stored)
    values = sample.values()
    assert bound.shape == values.shape
    assert (bound >= np.abs(values) * (1 - 1e-5)).all()


@every_kind
@LAW
@given(data=st.data())
def test_values_pass_through_an_identity(name: str, data: st.DataObject) -> None:
    """Fails where accumulators are changed on their way through an element-wise node: its first part's values must
    come out, whatever is added to them being zero, and what they are multiplied by one."""
    sample = data.draw(samples(name))
    same = sample.node.identity()
    assert (same is not None) == (name in IDENTITY_OF)
    if same is None:
        return
    assert type(same) is type(sample.node)
    assert same.channels == sample.node.channels
    assert [type(p) for p in same.children()] == [type(p) for p in sample.node.children()]
    if isinstance(same, Leaf):
        if isinstance(
            same, Convolution | ChannelPooledDepthwise
        ):  # what is read cannot be made zero for it, but its weights can
            assert not evaluate(replace(sample, node=same).stage(), sample.stored)[0].any()
        else:
            assert same is sample.node
        return
    first, *others = same.children() or (None,)
    for part in others:
        assert isinstance(part, Load)
        sample.stored[part.buffer.name][:] = name == "Multiply"
    expected = np.zeros_like(sample.values(same)) if first is None else sample.values(first)
    np.testing.assert_array_equal(sample.values(same), np.repeat(expected, same.channels // len(expected), axis=0))


@every_kind
@LAW
@given(data=st.data())
def test_costs(name: str, data: st.DataObject) -> None:
    """Fails where a kind's bound or its work is negative or grows with channels; or changes with its constants."""
    node = data.draw(samples(name)).node
    assert CORTEX_A72.issue is not None
    assert isinstance(node.slots(CORTEX_A72.issue), int)
    assert node.slots(CORTEX_A72.issue) >= 0
    assert min(node.work.binary, node.work.full) >= 0
    if name not in CANNOT_BE_CUT:
        one = slice_channels(node, 0, 1)
        assert one.slots(CORTEX_A72.issue) == node.slots(CORTEX_A72.issue)
        assert (node.work.binary, node.work.full) == tuple(node.channels * n for n in (one.work.binary, one.work.full))
    if isinstance(node, Pointwise):
        assert node.work == type(node.work)()


def own_buffers(node: Expr) -> Iterator[Buffer]:
    """The maps among its own fields; of a pool and what reads it, the pool's."""
    if isinstance(node, ChannelPooledDepthwise):
        node = node.pool
    yield from (value for f in fields(node) if isinstance(value := getattr(node, f.name), Buffer))


class Watched(dict[str, Array]):
    """Maps that know which of them were looked at."""

    def __init__(self, maps: dict[str, Array]) -> None:
        super().__init__(maps)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Array:
        self.read.add(name)
        return super().__getitem__(name)


@every_kind
@LAW
@given(data=st.data())
def test_operands_are_the_maps_that_are_read(name: str, data: st.DataObject) -> None:
    """Fails where a kernel would not be handed a map that its meaning reads, or is handed one that it does not."""
    sample = data.draw(samples(name))
    operands = sample.node.operands()
    assert {op.buffer for op in operands} == set(own_buffers(sample.node))
    watched = Watched(sample.stored)
    evaluate(sample.stage(), watched)
    assert {b.name for b in sample.stage().reads()} == watched.read
    assert bool(operands) == isinstance(sample.node, Leaf)


@every_kind
@LAW
@given(data=st.data())
def test_rows_that_are_read(name: str, data: st.DataObject) -> None:
    """Fails where a row of the result follows from a row of a map that no operand names."""
    sample = data.draw(samples(name))
    y = data.draw(st.integers(0, sample.height - 1))
    before = sample.values()[:, y]
    for b in sample.stage().reads():
        needed = np.zeros(b.height, bool)
        for op in (op for op in sample.stage().operands() if op.buffer is b):
            start = (y * op.mul + op.add) // op.div + op.odd * (y % 2)
            for row in (start + i * op.step for i in range(op.count)):
                if op.edge == "clamp":
                    needed[min(max(row, 0), b.height - 1)] = True
                elif 0 <= row < b.height:
                    needed[row] = True
        changed = sample.stored[b.name].copy()
        rest = changed[:, ~needed]
        changed[:, ~needed] = rest + 1000 if changed.dtype == np.float32 else ~rest
        other = replace(sample, stored={**sample.stored, b.name: changed})
        np.testing.assert_allclose(other.values()[:, y], before, rtol=1e-6)


@every_kind
@LAW
@given(data=st.data())
def test_never_negative_zero(name: str, data: st.DataObject) -> None:
    """Fails where a kind that promises it gives -0.0, from zeros of any sign and constants that are not -0.0."""
    sample = data.draw(samples(name))
    rng = np.random.default_rng(0)
    for key, x in sample.stored.items():
        if x.dtype != bool:
            sample.stored[key] = rng.choice(np.float32([0.0, -0.0]), x.shape)
    if sample.node.is_never_negative_zero:
        values = sample.values()
        assert not (np.signbit(values) & (values == 0)).any()


@pytest.mark.parametrize("cls", [Convolution, ScaleShift])
def test_a_negative_zero_among_constants_may_show(cls: type[Expr]) -> None:
    """Fails where the sign of a sum is taken by its bits although a shift of -0.0 lets -0.0 through."""
    sample = Sample(SAMPLES[cls.__name__](3, (2, 2), np.random.default_rng(0), stored := {}), stored, 2, 2)
    assert sample.node.is_never_negative_zero
    field = "bias" if cls is Convolution else "shift"
    negative = replace(sample.node, **{field: np.array([1, -0.0, 2], np.float32)})
    assert not negative.is_never_negative_zero
    positive = replace(sample.node, **{field: np.array([1, 0.0, 2], np.float32)})
    assert positive.is_never_negative_zero
