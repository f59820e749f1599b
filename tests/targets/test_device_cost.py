# SPDX-License-Identifier: Apache-2.0
"""A device's cost: the time of its three figures, and that nothing is said of what nobody has measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from biisnet.targets import resolve
from biisnet.targets.cores import CORTEX_A72
from biisnet.targets.device_cost import DeviceCost

RPI4 = resolve("rpi4")


def test_the_time_of_all_three() -> None:
    """Fails where a figure is not charged, or charged at another rate: 1.5 GHz, 9.9 cycles a miss, 4 GB/s."""
    assert DeviceCost.of(RPI4, 1.5e9, 0, 0).seconds == pytest.approx(1)
    assert DeviceCost.of(RPI4, 0, 1.5e9 / 9.9, 0).seconds == pytest.approx(1)
    assert DeviceCost.of(RPI4, 0, 0, 4e9).seconds == pytest.approx(1)
    assert DeviceCost.of(RPI4, 3e6, 1000, 8000).seconds == pytest.approx(2e-3 + 6.6e-6 + 2e-6)


def test_the_figures_that_the_charge_was_fitted_to() -> None:
    """Sixteen residual blocks of QuickNet: 18.8 ms of cycles, 7.3 ms of DRAM traffic, 884 000 misses, 32.0 ms."""
    seconds = DeviceCost.of(RPI4, 18.8e-3 * 1.5e9, 884e3, 7.3e-3 * 4e9).seconds
    assert seconds == pytest.approx(32.0e-3, rel=5e-3)


@pytest.mark.parametrize(
    ("target", "misses", "dram"),
    [
        (RPI4, None, None),
        (replace(RPI4, hertz=None), 1, 64),
        (resolve("rpi3"), 1, 64),
        (resolve("rpi5"), 1, 64),
        (replace(RPI4, cpu="generic"), 1, 64),
    ],
    ids=["not counted", "no clock", "cortex-a53", "cortex-a76", "generic"],
)
def test_of_what_nobody_measured_no_time_is_said(target: object, misses: int | None, dram: int | None) -> None:
    cost = DeviceCost.of(target, 100, misses, dram)  # type: ignore[arg-type]
    assert cost == DeviceCost(100, misses, dram, None)


def test_arithmetic() -> None:
    """Fails where an unknown figure becomes a nought."""
    one = DeviceCost.of(RPI4, 100, 4, 64)
    assert (one + one) == one * 2 == DeviceCost.of(RPI4, 200, 8, 128)
    assert (one + DeviceCost(1)) == DeviceCost(101)
    assert DeviceCost(3) * 0.5 == DeviceCost(1.5)


def test_the_charge_says_where_it_comes_from() -> None:
    assert CORTEX_A72.memory is not None
    assert "Raspberry Pi 4" in CORTEX_A72.memory.source
