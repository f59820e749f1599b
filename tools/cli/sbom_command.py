# SPDX-License-Identifier: Apache-2.0
"""`biisnet sbom BUNDLE [-o FILE]`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .arguments import BundleArgument
from .terminal import Terminal


def sbom(
    bundle: BundleArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="A file instead of standard output.")
    ] = None,
    *,
    terminal: Terminal,
) -> None:
    """Write a bundle's bill of materials: components, licences and hashes, CycloneDX 1.6 in JSON."""
    from ...model.files import write_whole
    from ...runtime import BundleError
    from ...runtime.bundle import open_bundle
    from ..outputs import check_outputs
    from ..sbom import bill_of_materials

    if output:
        check_outputs([output])
    with open_bundle(bundle) as opened:
        manifest = opened.manifest
    try:
        document = bill_of_materials(manifest)
    except (AttributeError, KeyError, TypeError) as e:
        raise BundleError(f"{bundle}: its manifest is not as biisnet-compile writes it ({e}); compile it again") from e
    if output:
        write_whole(output, document.encode())
        size = len(document.encode())
        terminal.show({"file": str(output), "bytes": size}, [f"{output}: {size / 1e3:.0f} KB"])
    else:  # it is JSON, whoever reads it
        terminal.show(json.loads(document), [document.rstrip("\n")])
