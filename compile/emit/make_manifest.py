# SPDX-License-Identifier: Apache-2.0
"""A compiled model -> its bundle's manifest."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tvm.target.codegen import llvm_version_major

from ...runtime.bundle import ABI, SCHEMA
from ...runtime.signature import Signature
from ...targets import Target
from ..frontend import OnnxModel
from ..frontend.loader import PREPARED_FROM, RECOGNISED_FROM, SIGN_OF_ZERO
from ..frontend.prepare import MEAN, STD
from ..ir.plan import Plan
from ..verification.check import Verified
from .manifest import kernel_entry
from .notices import components, license_entries

NORMALISATION = "normalisation is part of the network"
TOOLS = ("biisnet", "apache-tvm", "onnx", "onnxruntime", "ziglang", "numpy")


def origin(model: OnnxModel) -> dict[str, str]:
    """Entries of a model that was rewritten from other operators, or of which its user said more: its file's SHA-256,
    the user's word on Sign(0) and on the normalisation."""
    keys = (RECOGNISED_FROM, SIGN_OF_ZERO, PREPARED_FROM, MEAN, STD)
    return {key: model.metadata[key] for key in keys if key in model.metadata}


def preprocessing(signature: Signature) -> str:
    """What a frame is, for a person."""
    source = signature.inputs[0]
    if source.is_plane:
        return f"grey levels 0..255 as {source.dtype}; {NORMALISATION}"
    channels = "red, green and blue" if source.shape[1] == 3 else f"{source.shape[1]} channels"
    return f"levels 0..255 of {channels} as {source.dtype}; {NORMALISATION}"


def make_manifest(
    root: Path, model: OnnxModel, plan: Plan, target: Target, verified: Verified, prefix: str | None = None
) -> dict[str, Any]:
    """The manifest of the files in `root`, as docs/bundle.md specifies it."""
    weights: dict[str, Any] = {"weights": model.weights}
    if model.seed is not None:
        weights["seed"] = model.seed
    return {
        "schema": SCHEMA,
        "abi": ABI,
        "model": {"name": model.name, "sha256": model.sha256, **weights, **origin(model)},
        **plan.signature.as_fields(),
        "preprocessing": preprocessing(plan.signature),
        "receptive_field": asdict(plan.field) if plan.field else None,
        "target": {
            "name": target.name,
            "triple": target.triple,
            "cpu": target.cpu,
            "arch": target.arch,
            "features": list(target.features),
            "llvm_features": list(target.llvm_features),
        },
        "glibc": target.glibc,
        "prefix": prefix,
        "arena_bytes": plan.arena_bytes(1),
        "arena_bytes_of_threads": plan.arena_bytes(2),
        "plan_sha256": plan.sha256,
        "stages": [
            {
                "name": s.stage.name,
                "kernel": s.kernel,
                "layers": list(s.stage.layers),
                "shape": [s.stage.outputs[0].channels, s.stage.height, s.stage.width],
            }
            for s in plan.kernels.steps
        ],
        "kernels": {s.kernel: kernel_entry(s.schedule, s.record) for s in plan.kernels.steps},
        "verification": verified.as_entry(),
        "tools": {**{tool: version(tool) for tool in TOOLS}, "llvm": str(llvm_version_major())},
        "licenses": license_entries(components(model)),
        "files": {
            str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(root.rglob("*"))
            if p.is_file()
        },
    }
