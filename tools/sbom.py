# SPDX-License-Identifier: Apache-2.0
"""A bundle's manifest -> its bill of materials, CycloneDX 1.6 in JSON: the same bytes for the same bundle."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6

from ..compile.errors import CompileError

BUILD_TOOLS = {"apache-tvm": "Apache-2.0", "llvm": "Apache-2.0 WITH LLVM-exception", "ziglang": "MIT"}
"""Generate and link what is in a bundle, and leave nothing else of themselves there; with their licences."""


def bill_of_materials(manifest: dict[str, Any]) -> str:
    """A CycloneDX document. Raises KeyError or TypeError for a manifest that biisnet-compile has not written, and
    CompileError where SOURCE_DATE_EPOCH is no time."""
    bundle = bundle_component(manifest)
    parts = list(linked_components(manifest))
    metadata = BomMetaData(component=bundle)
    metadata.timestamp = build_time()  # type: ignore[assignment]  # the constructor takes None for "now"
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).digest()
    bom = Bom(
        components=[*parts, *file_components(manifest), *build_tools(manifest)],
        serial_number=uuid.UUID(bytes=digest[:16], version=4),
        metadata=metadata,
    )
    bom.register_dependency(bundle, parts)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def build_time() -> datetime.datetime | None:
    """SOURCE_DATE_EPOCH, in UTC; None where it is not set. Raises CompileError."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return None
    try:
        return datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc)
    except (OSError, OverflowError, ValueError) as e:
        raise CompileError(f"SOURCE_DATE_EPOCH={epoch}: is no time; give seconds since 1970, or unset it") from e


def sha256(digest: str) -> list[HashType]:
    """A file's hash, as CycloneDX lists it."""
    return [HashType(alg=HashAlgorithm.SHA_256, content=digest)]


def bundle_component(manifest: dict[str, Any]) -> Component:
    """The bundle itself; its version is that of the network, by its hash."""
    model, target = manifest["model"], manifest["target"]
    return Component(
        name=f"{model['name']}-{target['name']}",
        version=model["sha256"][:12],
        type=ComponentType.APPLICATION,
        bom_ref="bundle",
        description=f"{model['name']} compiled for {target['cpu']}, {target['triple']}, by biisnet",
        properties=[Property(name="biisnet:plan_sha256", value=manifest["plan_sha256"])],
    )


def linked_components(manifest: dict[str, Any]) -> Iterator[Component]:
    """The network, then whose work is linked in. Their versions are those of the packages that brought them."""
    model = manifest["model"]
    licences = {entry["name"]: entry for entry in manifest["licenses"]}
    weights = licences.pop("biisnet-weights", None)
    yield Component(
        name=model["name"],
        version=model["sha256"][:12],
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        hashes=sha256(model["sha256"]),
        licenses=[LicenseExpression(weights["license"])] if weights else [],
        properties=[Property(name="biisnet:weights", value=model["weights"])],
    )
    for name, entry in licences.items():
        yield Component(
            name=name,
            version=f"{entry['tool']} {manifest['tools'][entry['tool']]}",
            type=ComponentType.LIBRARY,
            bom_ref=name,
            licenses=[LicenseExpression(entry["license"])],
            properties=[
                *(Property(name="biisnet:linked_into", value=file) for file in entry["files"]),
                Property(name="biisnet:notice", value=entry["notice"]),
            ],
        )


def file_components(manifest: dict[str, Any]) -> Iterator[Component]:
    """The bundle's files with their hashes."""
    for name, digest in manifest["files"].items():
        yield Component(name=name, type=ComponentType.FILE, bom_ref=f"file:{name}", hashes=sha256(digest))


def build_tools(manifest: dict[str, Any]) -> Iterator[Component]:
    """The tools that made the bundle and are not in it."""
    for name, licence in BUILD_TOOLS.items():
        yield Component(
            name=name,
            version=manifest["tools"][name],
            type=ComponentType.APPLICATION,
            bom_ref=f"tool:{name}",
            scope=ComponentScope.EXCLUDED,
            licenses=[LicenseExpression(licence)],
        )
