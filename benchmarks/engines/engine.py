# SPDX-License-Identifier: Apache-2.0
"""An engine as data: how it is prepared, opened and, where that is possible, priced on the emulated board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..case import F32, Case
from ..emulated import EmulatedCost, Emulation

Infer = Callable[[F32], F32]
"""Levels [1, C, H, W] -> the network's first output, of any shape."""


@dataclass(frozen=True)
class Engine:
    """`build` leaves in a folder what `open(case, folder, threads)` reads; `price` is None where there is no way."""

    name: str
    title: str
    build: Callable[[Case, Path], None]
    open: Callable[[Case, Path, int], Infer]
    price: Callable[[Emulation], EmulatedCost] | None = None
    shipped_alone: bool = False
    """Whether it has the shipped networks in another form than an ONNX file, and no others."""

    def runs(self, case: Case) -> bool:
        """Whether it can have a row of the case."""
        return case.is_shipped or not self.shipped_alone
