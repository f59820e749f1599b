# SPDX-License-Identifier: Apache-2.0
"""`biisnet train --precision int8`: the compiler's calibration of the network that is trained. Needs torch and TVM."""

from __future__ import annotations

import copy

import torch

from ..compile.errors import CompileError
from ..compile.frontend.loader import from_proto
from ..compile.quantise import Calibration, calibrate
from ..model.datasets import Frame, Say
from ..model.export import export
from ..model.integer import MapConstants
from ..model.network import BiisNet
from ..model.training.arithmetic import Calibrate
from ..runtime.levels import whole_levels
from .integer import FRAMES, evenly_spread


def calibrator(frames: list[Frame], say: Say) -> Calibrate:
    """The calibration of a network as `biisnet export` writes it, on some of the frames that are trained on, evenly
    spread; how many is said."""
    images = [whole_levels(frames[i].image) for i in evenly_spread(FRAMES, len(frames))]
    say(f"int8     calibrated before each epoch, on {len(images)} of the frames to train on")

    def constants(network: BiisNet) -> list[MapConstants]:
        own = copy.deepcopy(network).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        try:
            file = export(own.eval())
        except ValueError as e:
            raise CompileError(str(e)) from e
        return constants_of(calibrate(from_proto(file, network.name), images))

    return constants


def constants_of(calibration: Calibration) -> list[MapConstants]:
    """The constants of a calibration's stored maps, in their order."""
    return [
        MapConstants(stored.name, stored.bits, fitted.shift, fitted.sigma, fitted.b, fitted.constants)
        for stored, fitted in calibration.fitted.items()
    ]
