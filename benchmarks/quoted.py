# SPDX-License-Identifier: Apache-2.0
"""Figures that others have published and nobody has measured here: of a board and a day, where ours are a model's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quoted:
    """Milliseconds of a frame, by the number of threads; `network` is ours of the same architecture."""

    network: str
    engine: str
    board: str
    day: str
    milliseconds: dict[int, float]
    source: str


def larq(network: str, one: float, four: float) -> Quoted:
    """A line of both tables of its README, column `RPi 4B 1.5GHz`."""
    return Quoted(
        network,
        "Larq Compute Engine",
        "Raspberry Pi 4 B, 1.5 GHz",
        "2022-04-20",
        {1: one, 4: four},
        "README.md of github.com/larq/compute-engine, Performance",
    )


QUOTED = (
    larq("quicknet-small", 27.7, 12.1),
    larq("quicknet", 45.0, 20.8),
    larq("quicknet-large", 77.0, 31.7),
)
