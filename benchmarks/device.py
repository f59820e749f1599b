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
    case: Case, engine: Engine, target: Target, root: Arm64Root, *, dram: bool, say: Callable[[str], None]
) -> DeviceRow:
    """Its cycles, and the DRAM traffic where asked; an engine that fails has its reason."""
    assert engine.price
    say(f"{case.network} {case.size}: {engine.title} on an emulated {target.cpu}")
    try:
        with tempfile.TemporaryDirectory(prefix="biisnet-") as folder:
            cost = engine.price(Emulation(case, target, Path(folder), root, dram))
    except Exception as e:  # whatever an engine raises is its reason
        return DeviceRow(case.network, case.size, engine.name, reason=f"{type(e).__name__}: {one_line(e)}"[:300])
    equal = None
    if cost.probability is not None:
        equal = equal_pixels(cost.probability, reference_map(case), case.model().threshold)
    return DeviceRow(case.network, case.size, engine.name, round(cost.cycles), cost.dram_bytes, equal)
