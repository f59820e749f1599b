# SPDX-License-Identifier: Apache-2.0
"""store_twins_once: signs of a map beside itself are stored once, and mean the same."""

from __future__ import annotations

import numpy as np
import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.kernels import BinaryDot, PoolSum, TwoSlope
from biisnet.compile.passes.drop_sign_preserving_two_slope import drop_sign_preserving_two_slope
from biisnet.compile.passes.store_twins_once import store_twins_once
from biisnet.compile.storage import Bits, Planes

from .graphs import assert_same_stages, picture, shipped_program, stored_maps

PASS = "store_twins_once"


def down(
    channels: int = 8, low: float = 0.5, bits: Bits | None = None, further: Bits | None = None
) -> tuple[Program, Buffer]:
    """A DownSample's stage: two two_slopes of one pool side by side, the second's lower slope `low`; stored as a map
    and packed."""
    x = Buffer("x", "x", channels, 6, 10, external=0)
    pool = PoolSum(channels, x)
    ones = np.ones(channels, np.float32)
    branches: tuple[Expr, ...] = (TwoSlope(channels, pool, ones, ones), TwoSlope(channels, pool, ones, low * ones))
    packed = [
        Buffer(f"m.bits{n}", "m", 2 * channels, 3, 5, b, Planes("zero")) for n, b in enumerate((bits, further)) if b
    ]
    outputs = [*packed, Buffer("m", "m", 2 * channels, 3, 5)]
    program = Program("net", [Stage.of("m", (), branches, outputs)], [x], [])
    drop_sign_preserving_two_slope(program)
    return program, outputs[0]


def test_twins() -> None:
    """Fails where the halves of a DownSample's signs are stored both, or the stored map loses one."""
    given = picture((8, 6, 10))
    before, after = (down(bits=Bits())[0] for _ in range(2))
    store_twins_once(after)
    packed, plain = after.stages[0].outputs
    assert (packed.planes, plain.planes, after.stages[0].copies, after.missed[PASS]) == (1, 16, 2, {})
    old, new = stored_maps(before, given), stored_maps(after, given)
    for name in old:
        np.testing.assert_array_equal(new[name], old[name])
    np.testing.assert_array_equal(packed.from_memory(packed.to_memory(old[packed.name])), old[packed.name])


def halves(first: float, second: float, channels: int = 8) -> np.ndarray:
    """Thresholds of two copies."""
    return np.repeat(np.array([first, second], np.float32), channels)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"bits": Bits(), "low": -0.5}, None),
        ({"bits": Bits(2)}, "different groups"),
        ({"bits": Bits(), "channels": 4}, "no whole number of planes"),
        ({"bits": Bits(), "further": Bits(threshold=halves(1, 2))}, "halves differ"),
    ],
)
def test_others(given: dict, why: str | None) -> None:
    """Fails where signs that differ, or that no kernel counts at once, are stored once; or where it is not said why."""
    program, packed = down(**given)
    store_twins_once(program)
    assert packed.encoding.copies == 1
    said = program.missed[PASS]
    assert (said == {}) if why is None else (why in said["m"])


def test_thresholds() -> None:
    """Fails where copies with different thresholds are stored once."""
    for second, copies in ((1.0, 2), (2.0, 1)):
        program, packed = down(bits=Bits(threshold=halves(1, second)))
        stage = program.stages[0]
        stage.results[0] = (stage.results[0][0], stage.results[0][0])
        store_twins_once(program)
        assert packed.encoding.copies == copies


def test_shipped() -> None:
    """Fails where the network's two DownSamples are not found, or a stored value changes."""
    before, after = (shipped_program((16, 24), until) for until in ("drop_sign_preserving_two_slope", PASS))
    twins = [b for s in after.stages for b in s.outputs if b.encoding.copies == 2]
    assert [b.value for b in twins] == ["downsample.0.concat", "downsample.1.concat"]
    counted = [e for s in after.stages for e in s.expressions() if isinstance(e, BinaryDot) and e.is_twin]
    assert [e.planes for e in counted] == [2, 4]
    assert_same_stages(before, after, np.random.default_rng(0).integers(0, 256, (1, 16, 24)))
