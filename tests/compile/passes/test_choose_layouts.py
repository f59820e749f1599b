# SPDX-License-Identifier: Apache-2.0
"""choose_layouts: which stages are computed by vectors of channels, and how their maps are stored."""

from __future__ import annotations

import numpy as np
import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import (
    Add,
    BinaryDot,
    ChannelConvolution,
    ChannelDepthwise,
    ChannelDot,
    ChannelLoad,
    ChannelMaxPool,
    Constant,
    Convolution,
    Load,
    MaxPool,
    ScaleShiftAdd,
    Sigmoid,
    Upsample,
)
from biisnet.compile.passes.channel_stages import find_stages, why_not
from biisnet.compile.passes.choose_layouts import choose_layouts
from biisnet.compile.storage import Bits, Dense, IntegerBits, Interleaved, Planes
from biisnet.targets.cores import CORES, CORTEX_A72, GENERIC, X86_64_V3, Core

SIZE = (6, 9)
WINDOW = Window((3, 3), pads=(1, 1, 1, 1))


class Network:
    """A map, its bits, and stages that are added one by one."""

    def __init__(self, channels: int = 64, groups: int = 1, size: tuple[int, int] = SIZE) -> None:
        self.size = size
        image = Buffer("x", "x", 1, *size, external=0)
        self.program = Program("net", [], [image], [])
        self.channels, self.groups = channels, groups
        self.map, self.bits = self.pair(0)
        self.add((Load(1, image),) * channels, [self.map, self.bits])

    def pair(self, n: int) -> tuple[Buffer, Buffer]:
        """A map of numbers and its bits."""
        shape = (self.channels, *self.size)
        return (
            Buffer(f"map{n}", f"map{n}", *shape),
            Buffer(f"bits{n}", f"map{n}", *shape, Bits(self.groups), Planes("zero")),
        )

    def add(self, branches: tuple[Expr, ...], outputs: list[Buffer]) -> Stage:
        """A stage."""
        self.program.stages.append(Stage.of(f"s{len(self.program.stages)}", (), branches, outputs))
        return self.program.stages[-1]

    def dot(self, outputs: int | None = None, window: Window = WINDOW, unit: int = 2) -> BinaryDot:
        """A binary convolution of the last bits."""
        n = outputs or self.channels
        signs = np.zeros((n, self.channels // self.groups, *window.kernel), bool)
        return BinaryDot(n, self.bits, signs, window, 1, unit)

    def block(self) -> Stage:
        """x + bn(conv(sign x))."""
        n, ones = self.channels, np.ones(self.channels, np.float32)
        e = ScaleShiftAdd(n, self.dot(), Load(n, self.map), ones, ones)
        self.map, self.bits = self.pair(len(self.program.stages))
        return self.add((e,), [self.map, self.bits])

    def end(self, e: Expr) -> Stage:
        """The output."""
        out = Buffer("y", "y", e.channels, *self.size, external=0)
        self.program.outputs.append(out)
        return self.add((e,), [out])


def why_not_on_a72(stage: Stage) -> str:
    """On a core that has the instructions."""
    return why_not(stage, CORTEX_A72)


def test_blocks() -> None:
    """Fails where blocks of 64 channels keep their planes, or a map that meets other kernels has no whole vectors."""
    net = Network()
    first, second, third = net.block(), net.block(), net.block()
    net.end(Sigmoid(64, Load(64, net.map)))
    program = choose_layouts(net.program, CORTEX_A72)
    for stage in (first, second, third):
        assert [type(e) for e in stage.expressions() if isinstance(e, BinaryDot)] == [ChannelDot]
    stem = program.stages[0]
    assert [b.layout for b in stem.outputs] == [Interleaved(8, lanes=16), Interleaved(None, 1, 1, 16)]
    assert [b.layout for b in first.outputs] == [Interleaved(8), Interleaved(None, 1, 1)]
    assert third.outputs[0].layout == Interleaved(8, lanes=16)
    assert third.outputs[1].layout == Planes("zero")  # nobody reads it
    assert program.missed["choose_layouts"] == {}


def test_only_where_the_core_has_a_way_to_count() -> None:
    """Fails where another core's maps are interleaved for nothing."""
    for core in (*CORES.values(), GENERIC):
        net = Network()
        stage = net.block()
        program = choose_layouts(net.program, core)
        changed = any(isinstance(b.layout, Interleaved) for b in program.buffers())
        assert changed == any(isinstance(e, ChannelDot) for e in stage.expressions()) == (core.window_bytes is not None)


@pytest.mark.parametrize(
    ("channels", "groups", "is_chosen"),
    [(16, 1, False), (32, 1, True), (48, 1, True), (72, 1, False), (80, 1, True), (128, 4, True), (96, 6, False)],
)
def test_channels(channels: int, groups: int, is_chosen: bool) -> None:
    """Fails where a group of fewer than 32 channels is chosen, or of an odd number of bytes."""
    net = Network(channels, groups)
    assert (not why_not_on_a72(net.block())) == is_chosen


@pytest.mark.parametrize(
    ("core", "channels", "width", "is_chosen"),
    [
        *((CORTEX_A72, *case) for case in ((64, 64, False), (64, 56, True), (112, 32, False), (128, 64, True))),
        *((X86_64_V3, *case) for case in ((16, 64, False), (32, 64, True), (64, 64, True))),
    ],
)
def test_rows_that_fill_vectors_of_pixels(core: Core, channels: int, width: int, is_chosen: bool) -> None:
    """Fails where less than what a core compares at once is preferred to full vectors of pixels."""
    assert (not why_not(Network(channels, size=(2, width)).block(), core)) == is_chosen


def test_what_must_be_whole_blocks() -> None:
    """Fails where outputs that fill no byte, or an accumulator that cannot be halved, are taken by 8 channels."""
    net = Network()
    assert "no whole blocks" in why_not_on_a72(net.end(net.dot(12)))
    assert "no whole blocks" in why_not_on_a72(net.end(net.dot(unit=1)))
    assert not why_not_on_a72(net.end(net.dot(16)))
    assert "branches" in why_not_on_a72(
        net.add((net.dot(16), Load(4, net.map), Load(4, net.map)), [Buffer("o", "o", 24, *SIZE)])
    )


def test_other_kinds_keep_lanes_of_pixels() -> None:
    """Fails where a kernel would be asked for vectors of channels of what has none."""
    net = Network()
    assert why_not_on_a72(net.end(Sigmoid(64, net.dot()))) == "Sigmoid has no vectors of channels"
    assert why_not_on_a72(net.end(Constant(64, np.ones(64, np.float32)))) == "it reads no map"
    small = Buffer("small", "small", 64, 3, 9)
    assert "another size" in why_not_on_a72(net.end(Add(64, net.dot(), Load(64, small))))
    net.bits.encoding = Bits(copies=2)
    assert "twins" in why_not_on_a72(net.end(net.dot()))
    net.bits.encoding = IntegerBits()
    assert "signs" in why_not_on_a72(net.end(net.dot()))


def test_all_readers_of_bits_or_none() -> None:
    """Fails where a kernel whose lanes are pixels is left with interleaved bits."""
    net = Network()
    bits = net.bits
    net.end(Sigmoid(64, net.dot()))
    net.block()
    after = net.block()
    assert find_stages(net.program, CORTEX_A72) == [after]
    choose_layouts(net.program, CORTEX_A72)
    assert bits.layout == Planes("zero")
    assert set(net.program.missed["choose_layouts"].values()) == {
        "Sigmoid has no vectors of channels",
        "kernels whose lanes are pixels share its maps",
    }


def test_margins_are_what_windows_look_at() -> None:
    """Fails where a window of one of several readers looks past the columns of zeros."""
    net = Network()
    net.end(net.dot(8, Window((3, 3), (1, 1), (2, 2, 2, 2), (2, 2))))
    net.end(net.dot(8, Window((1, 1))))
    net.end(net.dot(8, Window((1, 5), (1, 1), (0, 1, 0, 3))))
    bits = net.bits
    choose_layouts(net.program, CORTEX_A72)
    assert bits.layout == Interleaved(None, 2, 3, 16)


def test_maps_that_other_windows_read_keep_their_planes() -> None:
    """Fails where a window by vectors of pixels, or the user, finds a map interleaved."""
    net = Network()
    stage = net.block()
    net.add((Upsample(64, net.map, "nearest"),), [Buffer("up", "up", 64, 12, 18)])
    pool = net.add((MaxPool(64, net.map, Window((2, 2), (2, 2))),), [Buffer("pool", "pool", 64, 3, 4)])
    out = net.end(net.dot(64))
    choose_layouts(net.program, CORTEX_A72)
    assert stage.outputs[0].layout == pool.outputs[0].layout == Planes()
    assert isinstance(stage.outputs[1].layout, Interleaved)
    assert isinstance(out.outputs[0].layout, Dense)


def convolution(buffer: Buffer, outputs: int, window: Window, groups: int = 1) -> Convolution:
    """A full-precision convolution."""
    weight = np.ones((outputs, buffer.channels // groups, *window.kernel), np.float32)
    return Convolution(outputs, buffer, weight, np.zeros(outputs, np.float32), window, groups)


def test_a_transition() -> None:
    """Fails where what lies between blocks of many channels, or the stem and the scores, has lanes of pixels."""
    net = Network(size=(16, 14))
    image, first = net.program.inputs[0], net.map
    stem = net.add((convolution(image, 8, Window((1, 1))),), [Buffer("stem", "stem", 8, 16, 14, layout=Planes("zero"))])
    wide = net.add((convolution(stem.outputs[0], 64, WINDOW),), [Buffer("wide", "wide", 64, 16, 14)])
    net.end(Add(64, Load(64, wide.outputs[0]), net.dot()))
    net.block()
    largest = net.add((MaxPool(64, net.map, Window((2, 2))),), [Buffer("p", "p", 64, 15, 13, layout=Planes("zero"))])
    blurred = convolution(largest.outputs[0], 64, Window((3, 3), (2, 2), (1, 1, 1, 1)), 64)
    blur = net.add((blurred,), [Buffer("blur", "blur", 64, 8, 7)])
    half = net.add((convolution(blur.outputs[0], 128, Window((1, 1))),), [Buffer("half", "half", 128, 8, 7)])
    mean = net.add((convolution(half.outputs[0], 128, Window((8, 7)), 128),), [Buffer("mean", "mean", 128, 1, 1)])
    scores = net.add((convolution(mean.outputs[0], 1000, Window((1, 1))),), [Buffer("y", "y", 1000, 1, 1, external=1)])
    choose_layouts(net.program, CORTEX_A72)
    kinds = [ChannelConvolution] * 2 + [ChannelMaxPool, ChannelDepthwise, ChannelConvolution, ChannelDepthwise]
    stages = (stem, wide, largest, blur, half, mean, scores)
    assert [type(stage.results[0][0]) for stage in stages] == [*kinds, ChannelConvolution]
    assert stem.outputs[0].layout == Interleaved(8, 1, 1)
    assert wide.outputs[0].layout == Interleaved(8)
    assert largest.outputs[0].layout == Interleaved(8, 1, 1)
    assert mean.outputs[0].layout == half.outputs[0].layout == Interleaved(8)
    assert isinstance(scores.outputs[0].layout, Dense)
    assert first.layout == Interleaved(8, lanes=16)


def test_signs_of_a_stored_map() -> None:
    """Fails where a stage that does nothing but take signs gathers them by pixels; what the user is given, it may."""
    net = Network()
    stage = net.block()
    signs = Buffer("two", "two", 128, *SIZE, Bits(), Planes("zero"))
    twice = net.add((Load(64, net.map), Load(64, net.map)), [signs])
    out = net.end(Load(64, net.map))
    choose_layouts(net.program, CORTEX_A72)
    assert [type(e) for e in twice.expressions()] == [ChannelLoad, ChannelLoad]
    assert stage.outputs[0].layout == Interleaved(8, lanes=16)
    assert [type(e) for e in out.expressions()] == [Load]


def test_a_repeated_border() -> None:
    """Fails where a maximum finds zeros beside the border."""
    net = Network()
    net.map.layout = Planes("edge")
    pool = net.add((MaxPool(64, net.map, Window((3, 3), (2, 2), (1, 1, 1, 1))),), [Buffer("p", "p", 64, 3, 5)])
    net.end(Add(64, net.dot(), Load(64, net.map)))
    choose_layouts(net.program, CORTEX_A72)
    assert isinstance(pool.results[0][0], ChannelMaxPool)
    assert net.map.layout == Interleaved(8, 1, 1, 16, True)


def test_few_weights_alone_are_no_reason() -> None:
    """Fails where a network without many channels leaves vectors of pixels, whose maps would be converted."""
    for outputs, is_chosen in ((64, False), (256, True)):
        image = Buffer("x", "x", 64, *SIZE, external=0)
        program = Program("net", [], [image], [])
        last = Buffer("m", "m", 64, *SIZE)
        program.stages.append(Stage.of("copy", (), (Load(64, image),), [last]))
        e = convolution(last, outputs, Window((1, 1)))
        program.stages.append(Stage.of("conv", (), (e,), [Buffer("y", "y", outputs, *SIZE)]))
        assert find_stages(program, CORTEX_A72) == program.stages[1:][:is_chosen]


def test_why_a_large_convolution_keeps_vectors_of_pixels() -> None:
    """Fails where --dump has no reason."""
    net = Network()
    net.add((Sigmoid(512, convolution(net.map, 512, Window((1, 1)))),), [Buffer("y", "y", 512, *SIZE)])
    net.add((convolution(net.map, 12, Window((1, 1))),), [Buffer("z", "z", 12, *SIZE)])
    choose_layouts(net.program, CORTEX_A72)
    assert net.program.missed["choose_layouts"] == {"s1": "Sigmoid has no vectors of channels"}


def test_a_leaf_of_two_stages() -> None:
    """Fails where a leaf that a stage by vectors of channels shares with one of another kind becomes such a leaf in
    both: that has no kernel."""
    net = Network()
    load = Load(64, net.map)
    ones = np.ones(64, np.float32)
    e = ScaleShiftAdd(64, net.dot(), load, ones, ones)
    by_channels = net.add((e,), list(net.pair(1)))
    by_pixels = net.end(Sigmoid(64, load))
    choose_layouts(net.program, CORTEX_A72)
    kinds = [{type(e) for e in stage.expressions()} for stage in (by_channels, by_pixels)]
    assert kinds == [{ScaleShiftAdd, ChannelDot, ChannelLoad}, {Sigmoid, Load}]


def test_a_maximum_without_a_border_leaves_another_windows_zeros() -> None:
    """Fails where a convolution finds the border repeated since a maximum, which never looks there, reads its map."""
    net = Network()
    net.map.layout = Planes("zero")
    window = Window((3, 3), (2, 2), (1, 1, 1, 1))
    net.add((MaxPool(64, net.map, Window((2, 2), (2, 2))),), [Buffer("p", "p", 64, 3, 5)])
    net.add((convolution(net.map, 64, window),), [Buffer("c", "c", 64, 3, 5)])
    net.end(Add(64, net.dot(), Load(64, net.map)))
    choose_layouts(net.program, CORTEX_A72)
    assert isinstance(net.map.layout, Interleaved)
    assert (net.map.layout.left, net.map.layout.edge) == (1, False)
