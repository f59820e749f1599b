# SPDX-License-Identifier: Apache-2.0
"""A plan -> the device's runner on the golden frame, without the rest of a bundle: for measuring."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ...runtime.bundle import RUNNER
from ...runtime.golden import image_bytes, raw_layout
from ...targets import Target
from ..errors import CompileError
from ..ir.plan import Plan
from ..verification.scene import frame
from .codegen import generate
from .link import link_runner, write_objects
from .plan_source import parameter_offsets

Result = TypeVar("Result")
STEPS = ("generate_code", "link_runner")
"""The steps of build_runner."""


class Steps(Protocol):
    """Whoever runs the steps and says so, `compile.progress.Progress` for one."""

    def run(self, name: str, step: Callable[..., Result], *arguments: Any) -> Result:
        """The step's result."""


def build_runner(plan: Plan, target: Target, folder: Path, progress: Steps, *, symbols: bool = False) -> list[str]:
    """Its command, all of whose files are in `folder`; `progress` is at STEPS.

    Raises CompileError for other inputs than frames, which it does not take; ToolchainError.
    """
    if why := plan.signature.why_no_frames():
        raise CompileError(f"{plan.program.name}: {why}; {RUNNER} takes them one by one")
    folder.mkdir(exist_ok=True)
    image = folder / "image.raw"
    source = plan.signature.inputs[0]
    image.write_bytes(image_bytes(frame(*source.shape[1:]).astype(source.dtype)))
    code = progress.run("generate_code", generate, plan.kernels.funcs, target)
    objects = write_objects(folder, plan.source, parameter_offsets(plan.kernels)[1], code)
    progress.run("link_runner", partial(link_runner, symbols=symbols), objects, target, folder)
    return [str(folder / RUNNER), "--raw", raw_layout(plan.signature), str(image)]
