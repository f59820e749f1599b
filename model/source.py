# SPDX-License-Identifier: Apache-2.0
"""Sources of frames: a split of a data set on disk, or synthetic scenes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..runtime.levels import Levels
from .datasets import Frame, Say, read_split
from .errors import InputError
from .scenes import scenes

OWN = (256, 256)
"""The size of scenes that are asked for none."""


@dataclass(frozen=True)
class Source:
    """`data` and `split`, or `count` scenes drawn from `seed`, for training or `unseen` ones."""

    data: Path | None
    split: str
    count: int = 0
    seed: int = 0
    unseen: bool = False
    levels: Levels | None = None  # of a data set's images

    def __str__(self) -> str:
        if self.data:
            return f"{self.data}, split {self.split}"
        return f"{'unseen ' if self.unseen else ''}synthetic scenes, seed {self.seed}"

    def read(self, size: tuple[int, int] | None, say: Say) -> list[Frame]:
        """The frames at `size` (height, width), or where it is None at their own. Raises InputError."""
        if (self.data is None) == (self.count == 0):
            raise InputError("give one of --data DIR, a data set's folder, and --synthetic, for made-up scenes")
        if self.data is None:
            if self.levels is not None:
                raise InputError("--levels is for a data set's images; made-up scenes are grey levels")
            return scenes(self.count, *(size or OWN), seed=self.seed, unseen=self.unseen)
        return read_split(self.data, self.split, size, say, self.levels)
