# SPDX-License-Identifier: Apache-2.0
"""Writes a bundle: staged in a folder beside its place, moved there whole when all is well.

The same input gives the same bytes: files are written without times, the tar's members sorted and dateless.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ...model.files import swap
from ...runtime.bundle import ABI, HEADER, LIBRARY, MANIFEST, SCHEMA, SUMS, sums_text
from ...targets import Target
from ..errors import CompileError
from ..frontend import Model
from ..ir.plan import Plan
from ..verification import Verified
from ..verification.onnx_reference import OnnxReference
from ..verification.scene import scene
from .embedding import write_embedding
from .manifest import kernel_entry
from .tar import write_tar

MODEL = "model.onnx"
TOOLS = ("biisnet", "apache-tvm", "onnx", "onnxruntime", "ziglang", "numpy")


@dataclass(frozen=True)
class Summary:
    """What a compilation produced."""

    bundle: Path
    sha256: str  # of the tar
    library_bytes: int
    tar_bytes: int
    arena_bytes: int
    verified: Verified


class BundleWriter:
    """A folder that becomes `output` when `finish` is called, and vanishes otherwise."""

    def __init__(self, output: Path) -> None:
        """Raises CompileError where `output` cannot be written, or is something else than a bundle."""
        self.given = output  # as errors name it
        self.output = output.absolute()
        self.failure = self.output.parent / f"{self.output.name}.failed.npz"
        self.tar = self.output.parent / f"{self.output.name}.tar"
        if self.output.exists() and not (self.output / MANIFEST).is_file():
            empty = self.output.is_dir() and not any(self.output.iterdir())
            if not empty:
                raise CompileError(f"{output}: exists and is no bundle; give another -o")
        if self.tar.is_dir():
            raise CompileError(f"{self.tar}: is a folder, where the bundle's tar belongs; give another -o")
        self.staging: Path | None = None
        self.made: list[Path] = []  # folders above the bundle that were not there, innermost first

    def __enter__(self) -> BundleWriter:
        try:
            self.made = [folder for folder in self.output.parents if not folder.exists()]
            self.output.parent.mkdir(parents=True, exist_ok=True)
            self.staging = Path(tempfile.mkdtemp(prefix=f".{self.output.name}.", dir=self.output.parent))
        except OSError as e:
            self.remove_made()
            raise CompileError(f"{self.given}: cannot be written: {e.strerror}; give another -o") from e
        self.root.mkdir(mode=0o755)
        self.build.mkdir()
        return self

    def make_folder(self, name: str) -> Path:
        """A folder for other intermediate files."""
        assert self.staging is not None
        (self.staging / name).mkdir()
        return self.staging / name

    @property
    def root(self) -> Path:
        """The bundle while it is being made."""
        assert self.staging is not None
        return self.staging / "bundle"

    @property
    def build(self) -> Path:
        """Intermediate files."""
        assert self.staging is not None
        return self.staging / "build"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.staging:
            shutil.rmtree(self.staging, ignore_errors=True)
        if kind:
            self.remove_made()
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CompileError(f"{self.given}: cannot be written: {error.strerror}") from error

    def remove_made(self) -> None:
        """Remove the folders that were made for nothing; one that holds something (failure) stays."""
        for folder in self.made:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def finish(self, model: Model, plan: Plan, target: Target, verified: Verified) -> Summary:
        """Complete the bundle, write its tar, and put both in place."""
        from ...runtime import sources

        (self.root / "include").mkdir()
        shutil.copyfile(sources.HEADER, self.root / HEADER)
        write_embedding(self.root, model.name, target.name)
        (self.root / MODEL).write_bytes(model.proto.SerializeToString(deterministic=True))
        write_golden(self.root / "golden", model, plan)
        manifest = make_manifest(self.root, model, plan, target, verified)
        (self.root / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        (self.root / SUMS).write_text(sums_text(self.root, manifest["files"]))
        tar = write_tar(self.root, self.output.name)
        staged_tar = self.build / "bundle.tar"
        staged_tar.write_bytes(tar)
        self.replace_output()
        os.replace(staged_tar, self.tar)
        return Summary(
            self.output,
            hashlib.sha256(tar).hexdigest(),
            (self.output / LIBRARY).stat().st_size,
            len(tar),
            plan.streaming.bytes(1),
            verified,
        )

    def replace_output(self) -> None:
        """Move the bundle to its place; an older bundle there is whole until the moment it is replaced."""
        if self.output.exists():
            swap(self.root, self.output)  # the old one goes with the staging folder
        else:
            os.replace(self.root, self.output)
        if self.failure.exists():
            self.failure.unlink()


def write_golden(folder: Path, model: Model, plan: Plan) -> None:
    """An input and ONNX Runtime's output for it, raw float32, for a smoke test on the device."""
    source = plan.program.inputs[0]
    image = np.broadcast_to(
        scene(source.height, source.width).astype(np.float32), (source.channels, source.height, source.width)
    ).copy()
    onnx = OnnxReference(model, [])
    folder.mkdir()
    (folder / "image.f32").write_bytes(image.tobytes())
    (folder / "probability.f32").write_bytes(onnx.run(image)[onnx.outputs[0]].tobytes())


def make_manifest(root: Path, model: Model, plan: Plan, target: Target, verified: Verified) -> dict[str, Any]:
    """What docs/bundle.md specifies."""

    def tensors(buffers: list) -> list[dict[str, Any]]:
        return [{"name": b.name, "dtype": "float32", "shape": [1, b.channels, b.height, b.width]} for b in buffers]

    weights: dict[str, Any] = {"weights": model.weights}
    if model.seed is not None:
        weights["seed"] = model.seed
    return {
        "schema": SCHEMA,
        "abi": ABI,
        "model": {"name": model.name, "sha256": model.sha256, **weights},
        "inputs": tensors(plan.program.inputs),
        "outputs": tensors(plan.program.outputs),
        "preprocessing": "grey levels 0..255 as float32; normalisation is part of the network",
        "threshold": plan.threshold,
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
        "arena_bytes": plan.streaming.bytes(1),
        "arena_bytes_per_further_thread": plan.streaming.private_bytes,
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
        "verification": asdict(verified),
        "tools": {tool: version(tool) for tool in TOOLS},
        "files": {
            str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(root.rglob("*"))
            if p.is_file()
        },
    }
