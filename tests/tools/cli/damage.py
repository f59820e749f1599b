# SPDX-License-Identifier: Apache-2.0
"""Bundles that are whole, and wrong."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from biisnet.runtime.bundle import SUMS, sums_text


def damaged(bundle: Path, folder: Path, name: str, content: bytes) -> Path:
    """A copy of a bundle with another file in it, and a manifest that says so."""
    copy = folder / bundle.name
    shutil.copytree(bundle, copy)
    (copy / name).write_bytes(content)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    (copy / SUMS).write_text(sums_text(copy, manifest["files"]))
    return copy
