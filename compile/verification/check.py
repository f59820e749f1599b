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
from ...runtime.signature import CLASSIFICATION, DETECTION
from ...targets import Target, emulator
from ...targets.cores import Core
from ..errors import VerificationError
from ..frontend import OnnxModel
from ..ir.buffers import Buffer
from ..ir.plan import Plan
from . import scene
from .accumulators import check_accumulators, is_binary, readable
from .agreement import Agreement, compare_output, evidence, outcome
from .device import Device
from .end_to_end import run_by_stage
from .onnx_reference import OnnxReference
from .stages import check_step
from .ties import with_ties_decided


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
    ties: int = (
        0  # signs, pixels of the mask and classes that lay within rounding of their threshold, and fell elsewhere
    )
    tied_error: float = 0.0  # where there are ties, the largest difference from ONNX Runtime's own run
    task: str = DETECTION

    def summary(self) -> str:
        """One line for a person."""
        if not self.device:
            return f"not verified: {self.reason}"
        return f"verified on {self.device} against ONNX Runtime: {evidence(asdict(self))}, {outcome(asdict(self))}"

    def as_entry(self) -> dict[str, Any]:
        """The manifest's entry: what is of a detection alone, and ties, where there are any."""
        entry = asdict(self)
        del entry["task"]
        if not self.ties:
            del entry["ties"], entry["tied_error"]
        return entry


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

    `image` [H, W] or [C, H, W] levels, by default a synthetic scene. Raises VerificationError naming the first layer
    that differs, its tensors left in `failure` (npz).
    """
    prefix = emulator.command(target)
    if prefix is None:
        return Verified("", emulator.why_not_here(target))
    device_name = "this machine" if not prefix else f"an emulated {target.cpu}"
    source = plan.program.inputs[0]
    if image is None:
        image = scene.frame(source.channels, source.height, source.width)
    frame = image.reshape(source.channels, source.height, source.width).astype(source.encoding.value_type)
    onnx = OnnxReference(model, {b.value: b.encoding.value_type for b in plan.program.buffers()})
    reference = onnx.run(frame)
    proof = plan.proof.summary() if plan.proof.sums else ""
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

    device = Device(probe, plan.probing.arena)
    error, accumulators, binary, read, whole = 0.0, 0, 0, 0, 0
    image = reference[onnx.input]
    magnitudes: dict[str, npt.NDArray[Any]] = {}
    for k, step in enumerate(plan.kernels.steps):
        result = check_step(device, k, step, reference)
        if not result.passed:  # or ONNX Runtime has rewritten the file, and rounds where nothing is to be rounded
            result = check_step(device, k, step, onnx.run_as_written(image))
        if not result.passed:
            wrong = f"{result.wrong_bits} wrong sign bits, {result.wrong_margins} wrong margin elements"
            fail(result.name, f"relative error {result.error:.1e}, {wrong}", result.tensors)
        error, whole = max(error, result.error), whole + result.whole_values
        magnitudes |= result.magnitudes
        if is_binary(step.stage):
            binary += 1
        if is_binary(step.stage) and readable(step.stage):
            compared, differ, tensors = check_accumulators(device, core, k, step, reference, onnx)
            read += compared > 0
            if differ:
                fail(step.stage.name, f"{differ} of {compared} integer accumulators", tensors)
            accumulators += compared
    signs: dict[Buffer, npt.NDArray[Any]] = {}
    at_once = probe.run(image[None])
    outputs = list(zip(onnx.outputs, at_once, others or at_once, run_by_stage(device, plan, image, signs), strict=True))
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

    def agree(values: dict[str, npt.NDArray[Any]]) -> dict[str, Agreement]:
        threshold, scores = own_threshold(plan.signature), plan.signature.task == CLASSIFICATION
        return {
            output: compare_output(
                found, values[output], threshold, scores=scores, may_flip=False, magnitude=magnitudes.get(output)
            )
            for output, (found,), _, _ in outputs
        }

    agreements, ties = agree(reference), 0
    tied_error = max(a.error for a in agreements.values())
    if any(a.wrong or not a.is_close for a in agreements.values()):  # signs that are ties may have fallen elsewhere
        try:
            reference, ties = with_ties_decided(onnx, reference, image, signs)
        except VerificationError as e:
            if any(a.wrong for a in agreements.values()):
                fail(onnx.outputs[0], str(e), {"device": outputs[0][3], "reference": reference[onnx.outputs[0]]})
        agreements = agree(reference)
    for output, (found,), _, _ in outputs:
        if wrong := agreements[output].wrong:
            fail(output, wrong, {"device": found, "reference": reference[output], "image": image})
    ties += sum(a.ties for a in agreements.values())
    return Verified(
        name,
        "",
        len(plan.kernels.steps),
        error,
        accumulators,
        binary,
        read,
        sum(a.pixels for a in agreements.values()),
        sum(a.differing for a in agreements.values()),
        max(a.error for a in agreements.values()),
        whole,
        proof,
        ties,
        tied_error if ties else 0.0,
        plan.signature.task,
    )
