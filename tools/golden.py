# SPDX-License-Identifier: Apache-2.0
"""A bundle's golden frame, and ONNX Runtime's results for it, which the compiler left in the bundle.

A check by them needs neither compiler nor ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compile.emit.manifest import target_of
from ..compile.errors import CompileError, VerificationError
from ..compile.verification.agreement import PROBABILITY_TOLERANCE, Agreement, compare_output, outcome
from ..runtime.answers import Answer, own_threshold
from ..runtime.bundle import RUNNER, Bundle, open_bundle
from ..runtime.golden import image_name, image_of, result_names
from ..runtime.probe import Probe, ProbeError
from ..runtime.signature import CLASSIFICATION, DETECTION
from ..targets import emulator


@dataclass(frozen=True)
class GoldenCheck:
    """A bundle's runner on the golden frame, beside ONNX Runtime."""

    device: str
    mask_pixels: int
    mask_pixels_differing: int
    probability_error: float
    reference: str = "golden files"
    ties: int = 0
    task: str = DETECTION

    def summary(self) -> str:
        """One line for a person."""
        return (
            f"checked on {self.device} by the bundle's golden files: {outcome(asdict(self))}; stages and accumulators "
            "were not compared"
        )


def compare_golden(bundle: Bundle, found: Sequence[bytes]) -> Agreement:
    """A device's results for the golden frame, the bytes of each output, beside ONNX Runtime's.

    Raises VerificationError where one does not agree.
    """
    threshold = own_threshold(bundle.signature)
    return together(
        [
            agree(bundle, n, data, read_result(bundle, n), bundle.signature.outputs[n].dtype, threshold)
            for n, data in zip(compared(bundle), found, strict=True)
        ]
    )


def compare_probabilities(bundle: Bundle, found: bytes) -> Agreement:
    """The same of float32 probabilities, which a detection's runner writes whatever its output is: of integers they are
    the same bits."""
    answer = Answer(bundle.signature.outputs[0])
    expected = answer.probability(read_result(bundle, 0))
    return agree(bundle, 0, found, expected, "float32", bundle.signature.threshold, exact=not answer.is_float)


def compare_values(bundle: Bundle, found: Sequence[bytes]) -> Agreement:
    """The same of each output's values in float32, which the runner writes of other tasks."""
    expected = [read_result(bundle, n) for n in compared(bundle)]
    return together(
        [
            agree(bundle, n, data, e.astype(np.float32), "float32", None, exact=e.dtype.kind in "iu")
            for n, (data, e) in enumerate(zip(found, expected, strict=True))
        ]
    )


def compared(bundle: Bundle) -> range:
    """The outputs that the bundle has golden files of, from the first: older ones have that alone."""
    names = result_names(bundle.signature)
    return range(next((n for n, name in enumerate(names) if n and name not in bundle.manifest["files"]), len(names)))


def together(agreements: Sequence[Agreement]) -> Agreement:
    """All outputs' agreement as one."""
    pixels, differing, ties = (sum(getattr(a, name) for a in agreements) for name in ("pixels", "differing", "ties"))
    return Agreement(pixels, differing, max(a.error for a in agreements), "", ties)


def read_result(bundle: Bundle, output: int) -> npt.NDArray[Any]:
    """ONNX Runtime's output for the golden frame, flat."""
    return np.fromfile(bundle.path / result_names(bundle.signature)[output], bundle.signature.outputs[output].dtype)


def agree(
    bundle: Bundle,
    output: int,
    found: bytes,
    expected: npt.NDArray[Any],
    dtype: str,
    threshold: float | None,
    exact: bool = False,
) -> Agreement:
    """The agreement of a result's bytes with what is expected. Raises VerificationError where there is none."""
    entry = bundle.manifest.get("verification") or {}
    is_verified = bundle.signature.task != DETECTION and bool(entry.get("device"))
    has_ties = bool(entry.get("ties"))
    is_certain = is_verified and not has_ties
    scores = bundle.signature.task == CLASSIFICATION and is_certain
    is_one = len(bundle.signature.outputs) == 1
    which = "the golden frame" if is_one else f"the golden frame's output '{bundle.signature.outputs[output].name}'"
    if len(found) != expected.nbytes:
        raise VerificationError(f"{which} gave {len(found)} bytes instead of {expected.nbytes}")
    agreement = compare_output(
        np.frombuffer(found, dtype), expected, threshold, exact, scores=scores, may_flip=not is_certain
    )
    result = f"{which}'s result is wrong" if is_one else f"{which} is wrong"
    if is_verified and has_ties:  # the reference is no further off than it was then
        allowed = entry["tied_error"] + PROBABILITY_TOLERANCE * max(1.0, float(np.abs(expected).max(initial=0)))
        if not agreement.error <= allowed:
            why = f"differs by {agreement.error:.1e}, and by {entry['tied_error']:.1e} when it was verified"
            raise VerificationError(f"{result}: {why}")
    elif agreement.wrong:
        raise VerificationError(f"{result}: {agreement.wrong}")
    return agreement


def check_golden(path: Path, threads: int) -> GoldenCheck:
    """Run a bundle's golden frame here, under the emulator where it is for another machine.

    Raises BundleError, CompileError (no emulator), VerificationError.
    """
    with open_bundle(path) as bundle:
        target = target_of(bundle.manifest)
        prefix = emulator.command(target)
        if prefix is None:
            raise CompileError(f"{path}: is for {target.name}; {emulator.why_not_here(target)}")
        device = f"an emulated {target.cpu}" if prefix else "this machine"
        image = image_of((bundle.path / image_name(bundle.signature)).read_bytes(), bundle.signature)
        try:
            with Probe([*prefix, bundle.path / RUNNER], threads) as probe:
                found = [result.tobytes() for result in probe.run(image)[: len(compared(bundle))]]
        except ProbeError as e:
            raise VerificationError(f"{path}: the runner failed on {device}: {e}") from e
        try:
            agreement = compare_golden(bundle, found)
        except VerificationError as e:
            raise VerificationError(f"{path}: {e}") from e
    return GoldenCheck(
        device,
        agreement.pixels,
        agreement.differing,
        agreement.error,
        ties=agreement.ties,
        task=bundle.signature.task,
    )
