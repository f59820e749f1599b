# SPDX-License-Identifier: Apache-2.0
"""Bills of materials: valid CycloneDX, complete, and the same bytes each time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biisnet.compile.emit.notices import LINKED, WEIGHTS, license_entries
from biisnet.compile.errors import CompileError

sbom = pytest.importorskip("biisnet.tools.sbom")
Manifest = dict[str, Any]


@pytest.fixture(scope="session")
def manifest(tiny_bundle: Callable[[str], Path], manifest_of: Callable[[Path], Manifest]) -> Manifest:
    return manifest_of(tiny_bundle("host"))


@pytest.fixture(autouse=True)
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def components(document: str) -> dict[str, Any]:
    """A document's components by their references."""
    return {component["bom-ref"]: component for component in json.loads(document)["components"]}


def test_valid_and_reproducible(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    document = sbom.bill_of_materials(manifest)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None
    assert document == sbom.bill_of_materials(json.loads(json.dumps(manifest)))
    assert "timestamp" not in document
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    dated = json.loads(sbom.bill_of_materials(manifest))
    assert dated["metadata"].pop("timestamp") == "1970-01-02T00:00:00+00:00"
    assert dated == json.loads(document)
    other = {**manifest, "plan_sha256": "0"}
    assert json.loads(sbom.bill_of_materials(other))["serialNumber"] != dated["serialNumber"]


def test_all_is_in_it(manifest: Manifest) -> None:
    document = sbom.bill_of_materials(manifest)
    found = components(document)
    files = {name: found[f"file:{name}"]["hashes"] for name in manifest["files"]}
    assert files == {name: [{"alg": "SHA-256", "content": sha}] for name, sha in manifest["files"].items()}
    for component in LINKED:
        entry = found[component.name]
        assert entry["licenses"] == [{"expression": component.license}]
        assert entry["version"] == f"{component.tool} {manifest['tools'][component.tool]}"
        linked = [p["value"] for p in entry["properties"] if p["name"] == "biisnet:linked_into"]
        assert sorted(linked) == sorted(component.files)
    assert found["model"]["hashes"][0]["content"] == manifest["model"]["sha256"]
    assert "licenses" not in found["model"]  # somebody's own weights
    for tool in ("apache-tvm", "llvm", "ziglang"):
        assert (found[f"tool:{tool}"]["scope"], found[f"tool:{tool}"]["version"]) == (
            "excluded",
            manifest["tools"][tool],
        )
    depends = {d["ref"]: d.get("dependsOn") for d in json.loads(document)["dependencies"]}
    assert depends["bundle"] == sorted(["model", *(c.name for c in LINKED)])


def test_shipped_weights_have_their_licence(manifest: Manifest) -> None:
    shipped = {**manifest, "licenses": license_entries((*LINKED, WEIGHTS))}
    found = components(sbom.bill_of_materials(shipped))
    assert found["model"]["licenses"] == [{"expression": WEIGHTS.license}]
    assert WEIGHTS.name not in found


@pytest.mark.parametrize("epoch", ["", "yesterday", "1e3", "9" * 30])
def test_a_time_that_is_none(epoch: str, manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with pytest.raises(CompileError, match=f"SOURCE_DATE_EPOCH={epoch}: is no time"):
        sbom.bill_of_materials(manifest)
