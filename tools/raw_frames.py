# SPDX-License-Identifier: Apache-2.0
"""Raw frames, one after the other, in a file, a pipe or standard input: what `biisnet-run --raw` reads, too."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..compile.errors import CompileError
from ..runtime.levels import Samples

STDIN = "-"
TYPES = {"u8": "u1", "u16le": "<u2", "u16be": ">u2", "f32": "<f4"}
"""Names of samples, and numpy's; image.h has the same."""
MAX_SIDE = 1 << 16


@dataclass(frozen=True)
class Raw:
    """Layout of raw frames: rows of samples, without anything between or before."""

    height: int
    width: int
    kind: str = "f32"
    channels: int = 1  # samples of a pixel, one after the other

    def __str__(self) -> str:
        return f"{self.height}x{self.width}:{self.kind}"

    @classmethod
    def parse(cls, text: str) -> Raw:
        """'480x640:u16le', or '480x640' for f32. Raises CompileError."""
        match = re.fullmatch(r"([0-9]{1,6})x([0-9]{1,6})(?::(\w+))?", text)
        raw = cls(int(match[1]), int(match[2]), match[3] or "f32") if match else cls(0, 0)
        sides = (raw.height, raw.width)
        if raw.kind not in TYPES or not all(1 <= side <= MAX_SIDE for side in sides):
            *others, last = TYPES
            raise CompileError(
                f"--raw {text}: give the height and width, and {', '.join(others)} or {last}, for example 480x640:u16le"
            )
        return raw

    @property
    def bytes(self) -> int:
        """Size of a frame."""
        return self.height * self.width * self.channels * np.dtype(TYPES[self.kind]).itemsize

    def is_series(self, source: str) -> bool:
        """Whether a source may have more than one frame."""
        path = Path(source)
        return source == STDIN or not path.is_file() or path.stat().st_size != self.bytes

    def read(self, source: str) -> Iterator[Samples]:
        """The frames of a source, [H, W] or of several channels [C, H, W], until it ends. Raises CompileError, also
        where it ends amid a frame."""
        path = Path(source)
        if source != STDIN and path.is_dir():
            raise CompileError(f"{source}: is a folder, and --raw is for files and standard input")
        try:
            with nullcontext(sys.stdin.buffer) if source == STDIN else path.open("rb") as stream:
                number = 0
                while data := stream.read(self.bytes):
                    number += 1
                    if len(data) < self.bytes:
                        raise CompileError(
                            f"{source}: ends after {len(data)} of the {self.bytes} bytes of frame {number}; correct "
                            f"--raw {self}, or what writes them"
                        )
                    pixels = np.frombuffer(data, TYPES[self.kind]).reshape(self.height, self.width, self.channels)
                    yield Samples.of_array(pixels[..., 0] if self.channels == 1 else pixels.transpose(2, 0, 1))
        except OSError as e:
            raise CompileError(f"{source}: cannot be read: {e.strerror}") from e
        if not number:
            raise CompileError(f"{source}: ended before the first frame; check what writes them")
