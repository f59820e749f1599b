# SPDX-License-Identifier: Apache-2.0
"""A bundle's inference of frames where it runs: through its library, or under the emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compile.emit.manifest import target_of
from ..compile.errors import CompileError
from ..runtime import load
from ..runtime.bundle import RUNNER, Bundle
from ..runtime.model import fit_frame, result_of_frame
from ..runtime.probe import Probe
from ..targets import emulator

Infer = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]
"""Levels [H, W] or [C, H, W] -> the first output as `runtime.load` gives it."""


@contextmanager
def open_inference(bundle: Bundle, path: Path, threads: int, say: Callable[[str], None]) -> Iterator[Infer]:
    """The inference of an open bundle, which `path` names. Raises CompileError where it does not run here."""
    target = target_of(bundle.manifest)
    prefix = emulator.command(target)
    if prefix is None:
        raise CompileError(f"{path}: is for {target.name}; {emulator.why_not_here(target)}")
    if not prefix:
        with load(bundle.path, threads) as model:
            yield model.infer
        return
    say(f"{target.name} is emulated here: results are those of the board, times are not")
    with Probe([*prefix, bundle.path / RUNNER], threads) as probe:

        def emulated(image: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
            frame = fit_frame(image, bundle.signature).reshape(bundle.signature.inputs[0].shape)
            height, width = image.shape[-2:]
            return result_of_frame(probe.run(frame)[0], bundle.signature, (height, width))

        yield emulated
