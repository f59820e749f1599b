# SPDX-License-Identifier: Apache-2.0
"""`biisnet sbom`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biisnet.runtime.bundle import MANIFEST, SUMS, sums_text

pytest.importorskip("cyclonedx")


def test_folder_and_tar_give_the_same(cli: Callable[..., Any], here: Path, tiny_bundle: Callable[[str], Path]) -> None:
    bundle = tiny_bundle("host")
    printed = cli("sbom", bundle)
    assert (printed.code, json.loads(printed.out)["bomFormat"]) == (0, "CycloneDX")
    written = cli("sbom", bundle.with_name(f"{bundle.name}.tar"), "-o", "bundle.cdx.json")
    assert written.code == 0, written.err
    assert written.out.startswith("bundle.cdx.json: ")
    assert (here / "bundle.cdx.json").read_text() == printed.out


@pytest.mark.parametrize("field", ["licenses", "tools", "plan_sha256"])
def test_an_older_bundle_is_refused(
    field: str, cli: Callable[..., Any], here: Path, tiny_bundle: Callable[[str], Path]
) -> None:
    shutil.copytree(tiny_bundle("host"), here / "old")
    path = here / "old" / MANIFEST
    manifest = json.loads(path.read_text())
    del manifest[field]
    path.write_text(json.dumps(manifest))
    (here / "old" / SUMS).write_text(sums_text(here / "old", manifest["files"]))
    said = cli("sbom", "old", "-o", "bundle.cdx.json").message
    assert said.startswith("old: its manifest is not as biisnet-compile writes it")
    assert not (here / "bundle.cdx.json").exists()


def test_no_folder_to_write_to(cli: Callable[..., Any], tiny_bundle: Callable[[str], Path]) -> None:
    assert "nowhere" in cli("sbom", tiny_bundle("host"), "-o", "nowhere/file.json").message
