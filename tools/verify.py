# SPDX-License-Identifier: Apache-2.0
"""`biisnet verify`: a finished bundle against the model it carries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..compile.emit.manifest import check_plan, schedules_of, target_of
from ..compile.emit.notices import MODEL
from ..compile.frontend import load_model
from ..compile.pipeline import PLAN_STEPS, make_plan
from ..compile.progress import Progress
from ..compile.verification.check import Verified, check_bundle
from ..compile.verification.memory import check_memory
from ..model.images import read_image
from ..runtime.bundle import open_bundle
from ..runtime.levels import Levels
from ..runtime.model import fit_frame


def verify_bundle(
    bundle: Path, image: Path | None, threads: int, say: Callable[[str], None], levels: Levels | None = None
) -> Verified:
    """Check a bundle's files, make its plan anew from its model, and compare it with ONNX Runtime.

    Raises BundleError, CompileError, VerificationError.
    """
    with open_bundle(bundle) as opened:
        # first, for a wrong file is not worth a minute of passes
        grey = None if image is None else read_image(image, levels, opened.signature.channels)
        manifest = opened.manifest
        model = load_model(opened.path / MODEL, manifest["model"]["name"])
        height, width = opened.signature.size
        progress = Progress(PLAN_STEPS, say)
        plan = make_plan(model, (height, width), target_of(manifest), progress, schedules_of(manifest))
        check_plan(plan, manifest, bundle)
        check_memory(plan, "give --golden, or verify the same network compiled at a smaller --size")
        frame = None if grey is None else fit_frame(grey, opened.signature)
        failure = Path(f"{bundle.resolve().name}.failed.npz").absolute()
        verified = check_bundle(model, plan, target_of(manifest), opened.path, failure, frame, threads)
        if verified.device:
            failure.unlink(missing_ok=True)  # of an earlier run
        return verified
