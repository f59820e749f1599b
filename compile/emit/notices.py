# SPDX-License-Identifier: Apache-2.0
"""The licence notices that go with a bundle: who has a part in which of its files, as data, and their texts.

LICENSES/README.md says where the texts are copied from.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...model.shipped import DATA
from ...runtime.bundle import HEADER, LIBRARY, RUNNER
from ..frontend.loader import PREPARED_FROM, OnnxModel
from .link import ARCHIVE

MODEL = "model.onnx"
FOLDER = "licenses"
TEXTS = Path(__file__).resolve().parents[2] / "LICENSES"  # the same in a clone and where pip has installed it


@dataclass(frozen=True)
class Component:
    """Somebody's work in a bundle: `license` as SPDX expression, `notice` below LICENSES, `files` of the bundle."""

    name: str
    license: str
    notice: str
    files: tuple[str, ...]
    tool: str  # the package that brings it, whose version the manifest has in `tools`


LINKED = (
    Component("biisnet-runtime", "Apache-2.0", "Apache-2.0.txt", (LIBRARY, ARCHIVE, RUNNER, HEADER), "biisnet"),
    Component("musl", "MIT", "musl.txt", (RUNNER,), "ziglang"),
    Component("zig-compiler-rt", "MIT", "zig.txt", (LIBRARY, RUNNER), "ziglang"),
    Component("llvm-compiler-rt", "Apache-2.0 WITH LLVM-exception", "llvm.txt", (LIBRARY, RUNNER), "ziglang"),
    Component("glibc-start-files", "LGPL-2.1-or-later WITH GCC-exception-2.0-note", "glibc.txt", (LIBRARY,), "ziglang"),
)
"""In every bundle."""
WEIGHTS = Component("biisnet-weights", "Apache-2.0", "weights.md", (MODEL, LIBRARY, ARCHIVE, RUNNER), "biisnet")
"""In a bundle of a network that is shipped."""


@cache
def shipped_models() -> frozenset[str]:
    """The sha256 of each ONNX file that comes with the package."""
    return frozenset(hashlib.sha256(path.read_bytes()).hexdigest() for path in DATA.glob("*.onnx"))


def components(model: OnnxModel) -> tuple[Component, ...]:
    """Who has a part in the bundle of a model; of one that its user said more of, as of its file before."""
    files = {model.sha256, model.metadata.get(PREPARED_FROM)}
    return (*LINKED, WEIGHTS) if files & shipped_models() else LINKED


def write_notices(root: Path, found: tuple[Component, ...]) -> None:
    """Put the components' notices into the bundle's folder for them."""
    (root / FOLDER).mkdir()
    for notice in sorted({c.notice for c in found}):
        shutil.copyfile(TEXTS / notice, root / FOLDER / notice)


def license_entries(found: tuple[Component, ...]) -> list[dict[str, Any]]:
    """Entries of the manifest for `found`: the notice by its path in the bundle."""
    return [{**asdict(c), "notice": f"{FOLDER}/{c.notice}", "files": list(c.files)} for c in found]
