# SPDX-License-Identifier: Apache-2.0
"""Writes a bundle: staged in a folder beside its place, moved there whole when all is well.

The same input gives the same bytes: files are written without times, the tar's members sorted and dateless.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ...model.files import swap
from ...runtime import golden
from ...runtime.bundle import HEADER, LIBRARY, MANIFEST, SUMS, sums_text
from ...targets import Target
from ..errors import CompileError
from ..frontend import OnnxModel
from ..ir.plan import Plan
from ..verification.check import Verified
from ..verification.onnx_reference import OnnxReference
from ..verification.scene import frame
from .embedding import write_embedding
from .make_manifest import make_manifest
from .notices import MODEL, components, write_notices
from .prefix import prefixed_header
from .tar import write_tar

DAY = 24 * 3600.0
"""Seconds."""


@dataclass(frozen=True)
class Summary:
    """Results of a compilation."""

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
        self.remove_left()
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

    def remove_left(self) -> None:
        """Remove the staging folders that compilations of this name have left which were killed; not those of today,
        for they may be another's that goes on."""
        for left in self.output.parent.glob(f".{glob.escape(self.output.name)}.????????"):
            with contextlib.suppress(OSError):  # another compilation removes it just now
                if (left / "build").is_dir() and left.stat().st_mtime < time.time() - DAY:
                    shutil.rmtree(left, ignore_errors=True)

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

    def finish(
        self, model: OnnxModel, plan: Plan, target: Target, verified: Verified, prefix: str | None = None
    ) -> Summary:
        """Complete the bundle, write its tar, and put both in place."""
        from ...runtime import sources

        (self.root / "include").mkdir()
        shutil.copyfile(sources.HEADER, self.root / HEADER)
        if prefix:
            (self.root / HEADER).with_name(f"{prefix}.h").write_text(prefixed_header(prefix), "utf-8")
        write_embedding(self.root, model.name, target.name, prefix)
        (self.root / MODEL).write_bytes(model.data)
        write_golden(self.root, model, plan)
        write_notices(self.root, components(model))
        manifest = make_manifest(self.root, model, plan, target, verified, prefix)
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
            plan.arena_bytes(1),
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


def write_golden(root: Path, model: OnnxModel, plan: Plan) -> None:
    """An input and ONNX Runtime's outputs for it, raw, for a smoke test on the device."""
    source = plan.signature.inputs[0]
    image = frame(*source.shape[1:]).astype(source.dtype)
    onnx = OnnxReference(model, {})
    (root / golden.FOLDER).mkdir()
    (root / golden.image_name(plan.signature)).write_bytes(golden.image_bytes(image))
    results = onnx.run(image)
    for name, output in zip(golden.result_names(plan.signature), onnx.outputs, strict=True):
        (root / name).write_bytes(results[output].tobytes())
