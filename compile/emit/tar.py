# SPDX-License-Identifier: Apache-2.0
"""A bundle's folder -> its tar: the same files are the same bytes."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path


def write_tar(root: Path, name: str) -> bytes:
    """The bundle as a tar: sorted, no times, no owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            if path.is_file():
                info = tarfile.TarInfo(f"{name}/{path.relative_to(root)}")
                data = path.read_bytes()
                info.size, info.mode = len(data), 0o755 if path.parent.name == "bin" else 0o644
                tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
