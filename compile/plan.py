"""What the compiler decided before any machine code: the same for every target."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from . import plan_source
from .errors import CompileError
from .passes.build_kernels import Kernels
from .passes.plan_arena import Arena
from .program import Program
from .receptive_field import ReceptiveField, receptive_field


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
        layouts = (self.arena, self.by_stage)
        return plan_source.plan_source(self.program, self.kernels, layouts, self.threshold, self.field)

    @cached_property
    def sha256(self) -> str:
        """Of that, which a bundle's manifest has."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    @cached_property
    def field(self) -> ReceptiveField | None:
        """What tiles of larger frames overlap by."""
        return receptive_field(self.program)


def check_plan(plan: Plan, manifest: dict[str, Any], bundle: Path) -> None:
    """Raise CompileError where a bundle was compiled by another plan than the one that is made of its model today."""
    if plan.sha256 != manifest.get("plan_sha256"):
        raise CompileError(f"{bundle}: compiled by another version of biisnet; compile it again")
