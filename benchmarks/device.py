# SPDX-License-Identifier: Apache-2.0
"""One engine on the emulated board."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from biisnet.targets import Target
from biisnet.tools.cli.errors import one_line

from .arm64_root import Arm64Root
from .case import Case
from .emulated import Emulation
from .engines import Engine
from .host import equal_pixels, reference_map
from .results import DeviceRow


def measure_device(
    case: Case, engine: Engine, target: Target, root: Arm64Root, *, cache: bool, say: Callable[[str], None]
) -> DeviceRow:
    """Its cycles, and with `cache` its misses, its DRAM traffic and its time; an engine that fails has its reason."""
    assert engine.price
    say(f"{case.network} {case.size}: {engine.title} on an emulated {target.cpu}")
    try:
        with tempfile.TemporaryDirectory(prefix="biisnet-") as folder:
            found = engine.price(Emulation(case, target, Path(folder), root, cache))
    except Exception as e:  # whatever an engine raises is its reason
        return DeviceRow(case.network, case.size, engine.name, reason=f"{type(e).__name__}: {one_line(e)}"[:300])
    equal = None
    if found.probability is not None:
        equal = equal_pixels(found.probability, reference_map(case), case.model().threshold)
    cost = found.cost
    return DeviceRow(
        case.network,
        case.size,
        engine.name,
        cycles=round(cost.cycles),
        l1d_misses=None if cost.l1d_misses is None else round(cost.l1d_misses),
        dram_bytes=None if cost.dram_bytes is None else round(cost.dram_bytes),
        microseconds=None if cost.seconds is None else round(1e6 * cost.seconds, 1),
        equal_pixels=equal,
    )
