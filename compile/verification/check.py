# SPDX-License-Identifier: Apache-2.0
"""Verifies a bundle: each stage with the reference's input, its accumulators, then the whole network."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...runtime.answers import own_threshold
from ...runtime.bundle import RUNNER
from ...runtime.probe import Probe, ProbeError
from ...targets import Target, emulator
from ...targets.cores import Core
from ..errors import VerificationError
from ..frontend import OnnxModel
from ..ir.plan import Plan
from ..quantise import is_integer, prove
from .accumulators import check_accumulators, is_binary, readable
from .agreement import compare_output, evidence
from .device import Device
from .end_to_end import run_by_stage
from .onnx_reference import OnnxReference
from .scene import scene
from .stages import check_step


@dataclass(frozen=True)
class Verified:
    """The outcome of a verification: how much was compared, and how well it agreed."""

    device: str  # where the code ran; empty where it did not
    reason: str = ""  # why it did not
    stages: int = 0
    stage_error: float = 0.0
    accumulators: int = 0
    binary_stages: int = 0
    binary_stages_read: int = 0  # those whose accumulators could be read and compared
    mask_pixels: int = 0
    mask_pixels_differing: int = 0
    probability_error: float = 0.0
    whole_values: int = 0  # whole numbers of an integer network's maps that were compared, all of them equal
    proof: str = ""  # of an integer network: that no sum can overflow

    def summary(self) -> str:
        """One line for a person."""
        if not self.device:
            return f"not verified: {self.reason}"
        pixels = f"{self.mask_pixels_differing} of {self.mask_pixels} mask pixels differ"
        ending = "" if self.whole_values else f", probability within {self.probability_error:.1e}"
        return f"verified on {self.device} against ONNX Runtime: {evidence(asdict(self))}, {pixels}{ending}"


SEVERAL = 2
"""Threads of a run beside that of one, which has rings of its own."""
NOT_ASKED = Verified("", "--no-verify was given")


def check_bundle(
    model: OnnxModel,
    plan: Plan,
    target: Target,
    root: Path,
    failure: Path,
    image: npt.NDArray[Any] | None = None,
    threads: int = 1,
) -> Verified:
    """Run the bundle in `root` here, under the emulator where it is for another machine.

    `image` [H, W] grey levels, by default a synthetic scene. Raises VerificationError naming the first layer
    that differs, its tensors left in `failure` (npz).
    """
    prefix = emulator.command(target)
    if prefix is None:
        return Verified("", emulator.why_not_here(target))
    device_name = "this machine" if not prefix else f"an emulated {target.cpu}"
    source = plan.program.inputs[0]
    if image is None:
        image = scene(source.height, source.width)
    frame = np.broadcast_to(
        image.astype(source.encoding.value_type), (source.channels, source.height, source.width)
    ).copy()
    onnx = OnnxReference(model, {b.value: b.encoding.value_type for b in plan.program.buffers()})
    reference = onnx.run(frame)
    proof = prove(model).summary() if is_integer(model) else ""
    try:
        with Probe([*prefix, root / RUNNER], SEVERAL if threads == 1 else 1) as probe:
            others = probe.run(frame[None])
        with Probe([*prefix, root / RUNNER], threads) as probe:
            return compare(probe, device_name, plan, target.core, onnx, reference, failure, proof, others)
    except ProbeError as e:
        raise VerificationError(f"the runner failed on {device_name}: {e}") from e


def compare(
    probe: Probe,
    name: str,
    plan: Plan,
    core: Core,
    onnx: OnnxReference,
    reference: dict[str, npt.NDArray[Any]],
    failure: Path,
    proof: str = "",
    others: list[npt.NDArray[Any]] | None = None,
) -> Verified:
    """All comparisons, the first that fails raised; `proof` is what was proved before, `others` are the outputs on
    another number of threads."""

    def fail(layer: str, why: str, tensors: dict[str, npt.NDArray[Any]]) -> None:
        np.savez_compressed(failure, allow_pickle=False, **tensors)
        raise VerificationError(
            f"layer '{layer}' on {name} differs from ONNX Runtime: {why}; its tensors are in {failure}"
        )

    device = Device(probe, plan.probing)
    error, accumulators, binary, read, whole = 0.0, 0, 0, 0, 0
    for k, step in enumerate(plan.kernels.steps):
        result = check_step(device, k, step, reference)
        if not result.passed:
            wrong = f"{result.wrong_bits} wrong sign bits, {result.wrong_margins} wrong margin elements"
            fail(result.name, f"relative error {result.error:.1e}, {wrong}", result.tensors)
        error, whole = max(error, result.error), whole + result.whole_values
        if is_binary(step.stage):
            binary += 1
        if is_binary(step.stage) and readable(step.stage):
            read += 1
            compared, differ, tensors = check_accumulators(device, core, k, step, reference, onnx)
            if differ:
                fail(step.stage.name, f"{differ} of {compared} integer accumulators", tensors)
            accumulators += compared
    image = reference[onnx.input]
    agreements = []
    at_once = probe.run(image[None])
    outputs = zip(onnx.outputs, at_once, others or at_once, run_by_stage(device, plan, image), strict=True)
    for output, (found,), (other,), by_stage in outputs:
        if not np.array_equal(found, other, equal_nan=True):
            tensors = {
                "device": found,
                "device on other threads": other,
                "reference": reference[output],
                "image": image,
            }
            fail(output, "another number of threads gives another result", tensors)
        if not np.array_equal(found, by_stage, equal_nan=True):
            fail(
                output,
                "the whole network at once is not what its stages one by one are",
                {"device at once": found, "device by stage": by_stage, "reference": reference[output], "image": image},
            )
        agreement = compare_output(found, reference[output], own_threshold(plan.signature))
        if agreement.wrong:
            fail(output, agreement.wrong, {"device": found, "reference": reference[output], "image": image})
        agreements.append(agreement)
    return Verified(
        name,
        "",
        len(plan.kernels.steps),
        error,
        accumulators,
        binary,
        read,
        sum(a.pixels for a in agreements),
        sum(a.differing for a in agreements),
        max(a.error for a in agreements),
        whole,
        proof,
    )
