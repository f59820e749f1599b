# SPDX-License-Identifier: Apache-2.0
"""Sources of frames: a split of a data set on disk, or synthetic scenes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .datasets import Frame, Say, read_split
from .errors import InputError
from .scenes import scenes


@dataclass(frozen=True)
class Source:
    """`data` and `split`, or `count` scenes drawn from `seed`, for training or `unseen` ones."""

    data: Path | None
    split: str
    count: int = 0
    seed: int = 0
    unseen: bool = False

    def __str__(self) -> str:
        if self.data:
            return f"{self.data}, split {self.split}"
        return f"{'unseen ' if self.unseen else ''}synthetic scenes, seed {self.seed}"

    def read(self, size: tuple[int, int], say: Say) -> list[Frame]:
        """The frames at `size` (height, width). Raises InputError."""
        if (self.data is None) == (self.count == 0):
            raise InputError("give one of --data DIR, a data set's folder, and --synthetic, for made-up scenes")
        if self.data is None:
            return scenes(self.count, *size, seed=self.seed, unseen=self.unseen)
        return read_split(self.data, self.split, size, say)
