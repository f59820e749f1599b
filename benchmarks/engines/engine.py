# SPDX-License-Identifier: Apache-2.0
"""An engine as data: how it is prepared, opened and, where that is possible, priced on the emulated board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..case import F32, Case
from ..emulated import Cost, Emulation

Infer = Callable[[F32], F32]
"""Grey levels [H, W] -> probability of a target [H, W]."""


@dataclass(frozen=True)
class Engine:
    """`build` leaves in a folder what `open(case, folder, threads)` reads; `price` is None where there is no way."""

    name: str
    title: str
    build: Callable[[Case, Path], None]
    open: Callable[[Case, Path, int], Infer]
    price: Callable[[Emulation], Cost] | None = None
