# SPDX-License-Identifier: Apache-2.0
"""ChannelLoad: Load by vectors of channels, also in a stage that does nothing but load, as one that stores signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..ir.expressions import kind
from .load import Load


@kind
@dataclass(frozen=True, eq=False)
class ChannelLoad(Load):
    """Load of a map of the stage's size, from a whole block of channels on."""

    leads: ClassVar[int | None] = 41
    has_channel_lanes: ClassVar[bool] = True
