"""What the compiler decided before any machine code: the same for every target."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from . import plan_source
from .passes.build_kernels import Kernels
from .passes.plan_arena import Arena
from .program import Program


@dataclass(frozen=True)
class Plan:
    """Stages, memory and kernels of one model at one size."""

    program: Program
    kernels: Kernels
    arena: Arena  # to run fast
    by_stage: Arena  # to look at single stages
    threshold: float

    @cached_property
    def source(self) -> str:
        """plan.c, by which a bundle is told to be of this plan."""
        return plan_source.plan_source(self.program, self.kernels, (self.arena, self.by_stage), self.threshold)
