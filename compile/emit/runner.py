# SPDX-License-Identifier: Apache-2.0
"""A plan -> the device's runner on the golden frame, without the rest of a bundle: for measuring."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from ...targets import Target
from ..errors import CompileError
from ..ir.plan import Plan
from ..progress import Progress
from ..verification.scene import scene
from .codegen import generate
from .link import RUNNER, link_runner, write_objects
from .plan_source import parameter_offsets


def build_runner(plan: Plan, target: Target, folder: Path, progress: Progress, *, symbols: bool = False) -> list[str]:
    """Its command, all of whose files are in `folder`. Two steps of progress.

    Raises CompileError for frames of several channels, which it does not take; ToolchainError.
    """
    source = plan.program.inputs[0]
    if source.channels != 1:
        raise CompileError(f"{plan.program.name}: its frames have {source.channels} channels; {RUNNER} takes grey ones")
    folder.mkdir(exist_ok=True)
    image = folder / "image.f32"
    image.write_bytes(scene(source.height, source.width).astype(np.float32).tobytes())
    code = progress.run("generate_code", generate, plan.kernels.funcs, target)
    objects = write_objects(folder, plan.source, parameter_offsets(plan.kernels)[1], code)
    progress.run("link_runner", partial(link_runner, symbols=symbols), objects, target, folder)
    return [str(folder / RUNNER), "--raw", f"{source.height}x{source.width}", str(image)]
