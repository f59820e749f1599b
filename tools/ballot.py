# SPDX-License-Identifier: Apache-2.0
"""Voting in `biisnet run`: each stream of frames by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..compile.errors import CompileError
from ..runtime.detections import Component
from ..runtime.voting import Vote, Voter
from .frames import Picture


@dataclass
class Ballot:
    """The vote on frames that come stream by stream."""

    vote: Vote
    _voter: Voter = field(init=False)
    _last: Picture | None = field(init=False, default=None)

    def see(self, frame: Picture, found: Sequence[Component]) -> list[bool]:
        """For each target of the next frame whether it is kept. Raises CompileError where the frame has another size
        than those before it in its stream."""
        last = self._last
        if last is None or last.stream != frame.stream:
            self._voter = Voter(self.vote)
        elif last.image.shape != frame.image.shape:
            one, other = (f"{p.image.shape[-2]}x{p.image.shape[-1]}" for p in (frame, last))
            raise CompileError(
                f"{frame.name}: is {one}, the frame before it {other}; --vote compares places, give frames of one size"
            )
        self._last = frame
        return self._voter.see([component.detection for component in found])
