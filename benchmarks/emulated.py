# SPDX-License-Identifier: Apache-2.0
"""An engine on the emulated board: one warm inference on one thread, priced by the cost model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from biisnet.targets import Target, cycles
from biisnet.targets.device_cost import DeviceCost
from biisnet.tools.thread_times import ThreadTime

from .arm64_root import PYTHON, SITE, Arm64Root
from .case import F32, Case

GUEST = Path(__file__).resolve().parent / "guest"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TVM_NUM_THREADS"), "1")


@dataclass(frozen=True)
class EmulatedCost:
    """One inference and its first output; of ours also the bytes of an instance, and what several threads would do."""

    cost: DeviceCost
    output: F32
    arena_bytes: int | None = None
    threads: tuple[ThreadTime, ...] = ()


@dataclass(frozen=True)
class Emulation:
    """Needs of pricing: the board, a folder to work in, the arm64 userland, and whether caches are modelled."""

    case: Case
    target: Target
    folder: Path
    root: Arm64Root
    cache: bool


def price_guest(job: Emulation, script: str, model: Path) -> EmulatedCost:
    """Run a script of guest/ on the model, in the arm64 userland. Raises Arm64Error, ToolchainError."""
    root = job.root.prepare()
    image, output = job.folder / "image.npy", job.folder / "output.npy"
    np.save(image, job.case.frame())
    command = [root / PYTHON, GUEST / script, model, image, output]
    environment = {**ONE_THREAD, "PYTHONPATH": str(root / SITE), "PYTHONDONTWRITEBYTECODE": "1"}
    profile = cycles.measure(command, job.target, cache=job.cache, sysroot=root, env=environment)
    return EmulatedCost(profile.cost, np.load(output))
