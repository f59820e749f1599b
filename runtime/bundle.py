# SPDX-License-Identifier: Apache-2.0
"""A bundle on disk (a directory, or its tar) -> a checked `Bundle`. docs/runtime.md lists the fields."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from .archive import extract
from .errors import BundleError
from .machine import Machine, this_machine, version_tuple
from .signature import Signature

SCHEMA = 3
ABI = 3
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
LIBRARY = "lib/libbiisnet_model.so"
RUNNER = "bin/biisnet-run"
HEADER = "include/biisnet.h"

# Path of a field in the manifest -> its type: what a loader relies on.
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "abi": int,
    "model.name": str,
    "model.sha256": str,
    "target.name": str,
    "target.arch": str,
    "target.features": list,
    "glibc": str,
    "arena_bytes": int,
    "files": dict,
}


# Path of a list in the manifest -> what each of its elements must be.
_ELEMENTS: dict[str, Callable[[Any], bool]] = {
    "target.features": lambda value: isinstance(value, str),
}


@dataclass(frozen=True)
class Bundle:
    """A bundle whose manifest is complete and whose files are the ones it was made with."""

    path: Path
    manifest: dict[str, Any]

    @cached_property
    def signature(self) -> Signature:
        """Task, inputs and outputs of its model."""
        return Signature.parse(self.manifest, self.path / MANIFEST)

    @property
    def library(self) -> Path:
        return self.path / LIBRARY

    @property
    def runner(self) -> Path:
        return self.path / RUNNER

    def check_machine(self, machine: Machine | None = None) -> None:
        """Raises BundleError if the bundle is for another architecture, instruction set or C library."""
        machine = machine or this_machine()
        target, manifest = self.manifest["target"], self.path / MANIFEST
        other = "run it there, or compile for --target host"
        if target["arch"] != machine.arch:
            raise BundleError(
                f"{manifest}: built for {target['name']} ({target['arch']}), this is {machine.arch}; {other}"
            )
        if missing := machine.lacks(target["features"]):
            raise BundleError(f"{manifest}: built for {target['name']}, this CPU lacks {', '.join(missing)}; {other}")
        if machine.glibc is not None and machine.glibc < version_tuple(self.manifest["glibc"]):
            here = ".".join(map(str, machine.glibc))
            raise BundleError(
                f"{manifest}: needs glibc {self.manifest['glibc']}, this machine has {here}; "
                f"use {RUNNER}, which needs none"
            )


def _field(manifest: dict[str, Any], name: str) -> Any:
    value: Any = manifest
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest in a file, its fields checked. Raises BundleError."""
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BundleError(f"{path}: is missing; give a bundle that biisnet-compile wrote") from None
    except (OSError, RecursionError, ValueError) as error:
        raise BundleError(f"{path}: cannot be read ({error}); copy the bundle again") from error
    schema = _field(manifest, "schema")
    if schema != SCHEMA:
        raise BundleError(
            f"{path}: schema {schema!r} is not the {SCHEMA} that this biisnet reads; compile the model again"
        )
    for name, kind in _FIELDS.items():
        value = _field(manifest, name)
        fits = isinstance(value, kind) and not isinstance(value, bool)
        if not fits or (name in _ELEMENTS and not all(map(_ELEMENTS[name], value))):
            raise BundleError(f"{path}: field {name} is missing or mistyped; compile the model again")
    Signature.parse(manifest, path)
    if manifest["abi"] != ABI:
        raise BundleError(f"{path}: ABI {manifest['abi']}, this biisnet has {ABI}; compile the model again")
    try:
        version_tuple(manifest["glibc"])
    except ValueError:
        raise BundleError(f"{path}: field glibc is no version; compile the model again") from None
    return manifest


def _check_files(root: Path, files: dict[str, str]) -> None:
    for name in (LIBRARY, *files):
        path = root / name
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise BundleError(f"{root / MANIFEST}: file {name!r} leaves the bundle; do not use it")
        if name not in files:
            raise BundleError(f"{root / MANIFEST}: lists no sha256 of {name}; compile the model again")
        if not path.is_file():
            raise BundleError(f"{path}: is missing; copy the bundle again")
        if hashlib.sha256(path.read_bytes()).hexdigest() != files[name]:
            raise BundleError(f"{path}: differs from its sha256 in {MANIFEST}; copy the bundle again")


def sums_text(root: Path, files: dict[str, str]) -> str:
    """The manifest's files and the manifest itself, as `sha256sum` lists them. Raises OSError."""
    manifest = hashlib.sha256((root / MANIFEST).read_bytes()).hexdigest()
    return "".join(f"{digest}  {name}\n" for name, digest in sorted({**files, MANIFEST: manifest}.items()))


def _check_sums(root: Path, files: dict[str, str]) -> None:
    path = root / SUMS
    if not path.exists():
        raise BundleError(f"{path}: is missing; copy the bundle again, or compile the model again")
    try:
        fits = path.read_bytes() == sums_text(root, files).encode()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); copy the bundle again") from error
    if not fits:
        raise BundleError(f"{root / MANIFEST}: differs from what {SUMS} has of it; copy the bundle again")


def read_bundle(directory: str | Path) -> Bundle:
    """The bundle in a directory, manifest and files checked. Raises BundleError."""
    root = Path(directory)
    if not root.is_dir():
        raise BundleError(f"{root}: does not exist; give a bundle's directory or its .tar")
    manifest = read_manifest(root / MANIFEST)
    _check_files(root, manifest["files"])
    _check_sums(root, manifest["files"])
    return Bundle(root, manifest)


@contextmanager
def open_bundle(path: str | Path) -> Iterator[Bundle]:
    """The bundle in a directory or tar, for as long as the context lasts (a tar is unpacked to a temporary
    folder). Does not ask whether this machine can run it: Bundle.check_machine does. Raises BundleError."""
    path = Path(path)
    if not path.is_file():
        yield read_bundle(path)
        return
    with tempfile.TemporaryDirectory(prefix="biisnet-") as folder:
        root = extract(path, Path(folder))
        try:
            yield read_bundle(root)
        except Exception as error:  # the user's too: whatever names a file by the temporary folder names the tar
            if error.args and isinstance(error.args[0], str):
                error.args = (error.args[0].replace(str(root), str(path)), *error.args[1:])
            raise
