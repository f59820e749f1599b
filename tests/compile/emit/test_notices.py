# SPDX-License-Identifier: Apache-2.0
"""The notices in a bundle: those of what is linked in, and of the weights where they are the package's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from biisnet.compile.emit.notices import LINKED, TEXTS, WEIGHTS, components
from biisnet.compile.frontend.loader import load_model
from biisnet.compile.frontend.prepare import prepare
from biisnet.model import shipped_onnx


def test_a_bundle_carries_its_notices(
    tiny_bundle: Callable[[str], Path], manifest_of: Callable[[Path], dict[str, list[dict]]]
) -> None:
    """Fails where a notice is missing, is not in the sums, or belongs to a file that is not there."""
    bundle = tiny_bundle("host")
    manifest = manifest_of(bundle)
    assert [entry["name"] for entry in manifest["licenses"]] == [c.name for c in LINKED]
    for entry, component in zip(manifest["licenses"], LINKED, strict=True):
        assert (bundle / entry["notice"]).read_bytes() == (TEXTS / component.notice).read_bytes()
        assert entry["notice"] in manifest["files"]
        assert entry["license"] == component.license
        assert set(entry["files"]) <= set(manifest["files"])
        assert entry["tool"] in manifest["tools"]
    programs = {name for name in manifest["files"] if name.startswith(("bin/", "lib/lib"))}
    assert programs == {name for entry in manifest["licenses"] for name in entry["files"]} - {"include/biisnet.h"}
    assert not (bundle / "licenses" / WEIGHTS.notice).exists()


def test_shipped_weights_say_what_they_are_under() -> None:
    for preset in ("biisnet", "biisnet-lite"):
        path = shipped_onnx(preset)
        assert path is not None
        model = load_model(path)
        assert components(model)[-1] == WEIGHTS
        assert components(prepare(model, threshold=0.25))[-1] == WEIGHTS
        assert WEIGHTS not in components(replace(model, sha256="0" * 64))
