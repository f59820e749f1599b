# SPDX-License-Identifier: Apache-2.0
"""Dumps: constants are shown, and so is why a rewrite did not fire."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from biisnet.compile.dumps import shown, to_text
from biisnet.compile.frontend import Model, import_onnx
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.kernels import Load, ScaleShift, TwoSlope
from biisnet.compile.passes.distribute_scale import distribute_scale
from biisnet.compile.passes.drop_sign_preserving_two_slope import drop_sign_preserving_two_slope
from biisnet.compile.passes.fold_scale_into_two_slope import fold_scale_into_two_slope
from biisnet.compile.passes.lower_layers import lower_layers
from biisnet.compile.passes.prescale_stored_maps import prescale_stored_maps
from biisnet.compile.passes.rewrite import misses
from biisnet.compile.storage import Bits, Planes

ONES = np.ones(4, np.float32)


def image() -> Buffer:
    """A model's input."""
    return Buffer("x", "x", 4, 3, 5, external=0)


def program(*stages: Stage) -> Program:
    """A program of these stages."""
    return Program("net", list(stages), [image()], [])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "float32[0]: empty: "),
        ([0.5], "float32[1]: 0.5 to 0.5: 0.5"),
        ([3, 1, 2, 4, 5], "float32[5]: 1 to 5: 3, 1, 2, 4, ..."),
    ],
)
def test_an_array(values: list[float], text: str) -> None:
    """Fails where a constant's shape, range or first values are not shown."""
    assert shown(np.array(values, np.float32)) == text


def test_a_stage_shows_its_constants() -> None:
    """Fails where a dump has a node without its constants, or without the map that it reads."""
    e = ScaleShift(4, Load(4, image()), 2 * ONES, -ONES)
    text = to_text(program(Stage.of("y", ("y",), (e,), [Buffer("y", "y", 4, 3, 5)])))["stages.txt"]
    assert "Load of 4 channels, x" in text
    assert "scale float32[4]: 2 to 2: 2, 2, 2, 2" in text
    assert "shift float32[4]: -1 to -1" in text


def test_a_module_shows_its_constants(tiny: Model) -> None:
    """Fails where a Relax module is dumped without the values that its text names by number."""
    module = import_onnx(tiny, (24, 20))
    text = to_text(module)["relax.py"]
    assert text.count("\n# [") > 10
    assert "# [0] float32[1]: 1 to 1: 1" in text


def test_a_relax_rewrite_that_does_not_fire(tiny: Model) -> None:
    """Fails where nobody says why a scale stays before a two_slope, of which layer."""
    module = fold_scale_into_two_slope(lower_layers(import_onnx(tiny, (24, 20))))
    why = "its argument is shifted, not only scaled"
    layers = ("bottleneck.0.binary.rprelu", "bottleneck.0.dot.maxout")
    assert misses(module)["fold_scale_into_two_slope"] == dict.fromkeys(layers, why)
    assert f"did not fire for bottleneck.0.dot.maxout: {why}" in to_text(module)["relax.py"]


@pytest.mark.parametrize(
    ("bits", "slope", "why"),
    [
        (Bits(threshold=ONES), ONES, "a threshold is not 0"),
        (Bits(), -ONES, "a slope is not positive"),
    ],
)
def test_a_two_slope_that_stays_before_its_signs(bits: Bits, slope: np.ndarray, why: str) -> None:
    """Fails where a two_slope is computed for its signs and nobody says why."""
    e = TwoSlope(4, Load(4, image()), ONES, slope)
    after = drop_sign_preserving_two_slope(
        program(Stage.of("y", ("y",), (e,), [Buffer("y", "y", 4, 3, 5, bits, Planes("zero"))]))
    )
    assert after.missed == {"drop_sign_preserving_two_slope": {"y": f"its bits are those of a two_slope: {why}"}}
    assert f"did not fire for y: its bits are those of a two_slope: {why}" in to_text(after)["stages.txt"]


def test_a_scale_that_stays() -> None:
    """Fails where a scale of a shifted two_slope stays, and nobody says why."""
    e = ScaleShift(4, TwoSlope(4, Load(4, image()), ONES, ONES), ONES, ONES)
    after = distribute_scale(program(Stage.of("y", ("y",), (e,), [Buffer("y", "y", 4, 3, 5)])))
    assert after.missed["distribute_scale"] == {"y": "its two_slope is shifted, too, which a slope cannot take"}


@pytest.mark.parametrize(
    ("layout", "offset", "readers", "why"),
    [
        (Planes("zero"), 0, 1, "its map has a margin, whose values would be others"),
        (Planes(), 1, 1, "its reader takes a part of the channels"),
        (Planes(), 0, 2, "its map has 2 readers"),
    ],
)
def test_a_map_that_is_not_scaled(layout: Planes, offset: int, readers: int, why: str) -> None:
    """Fails where a reader scales a map itself, and nobody says why its stage does not."""
    m, channels = Buffer("m", "m", 4, 3, 5, layout=layout), 4 - offset
    part = ONES[:channels]
    read = [ScaleShift(channels, Load(channels, m, offset), part, part) for _ in range(readers)]
    outputs = [Buffer(f"y{n}", f"y{n}", channels, 3, 5, external=n) for n in range(readers)]
    stages = [Stage.of("m", ("m",), (Load(4, image()),), [m])]
    stages += [Stage.of(o.name, (o.name,), (e,), [o]) for o, e in zip(outputs, read, strict=True)]
    after = prescale_stored_maps(replace(program(*stages), outputs=outputs))
    assert after.missed["prescale_stored_maps"] == {"m": why}
