# SPDX-License-Identifier: Apache-2.0
"""The figures, as they are kept in docs/performance.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from biisnet.compile.errors import CompileError

SCHEMA = 1


@dataclass(frozen=True)
class HostRow:
    """One engine on this machine. `equal_pixels`: share of the mask that is ONNX Runtime's; `difference`: of other
    networks the largest from its output, relative to the largest magnitude in it; `reason`: why no figure."""

    network: str
    size: str
    engine: str
    threads: int
    median_ms: float | None = None
    min_ms: float | None = None
    rounds: int = 0
    equal_pixels: float | None = None
    difference: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class DeviceRow:
    """One engine on the emulated board, one inference on one thread: by the cost model, or `reason`, why not. Of ours
    the bytes of an instance, too."""

    network: str
    size: str
    engine: str
    cycles: int | None = None
    l1d_misses: int | None = None
    dram_bytes: int | None = None
    microseconds: float | None = None
    arena_bytes: int | None = None
    equal_pixels: float | None = None
    difference: float | None = None
    reason: str | None = None

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the frame."""
        height, width = self.size.split("x")
        return int(height), int(width)

    @property
    def pixels(self) -> int:
        """Pixels of the frame."""
        height, width = self.sides
        return height * width


@dataclass(frozen=True)
class ThreadRow:
    """One of our engines on so many threads of the board, by the model: each one's share of the kernels' work, how much
    sooner they end with it than one, and what an instance takes."""

    network: str
    size: str
    engine: str
    threads: int
    shares: tuple[float, ...]
    speedup: float
    microseconds: float | None
    arena_bytes: int


@dataclass(frozen=True)
class Results:
    """One run of the command: what it ran on, and with which versions."""

    machine: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    target: str = ""
    host: tuple[HostRow, ...] = ()
    device: tuple[DeviceRow, ...] = ()
    threads: tuple[ThreadRow, ...] = ()


def write(results: Results, path: Path) -> None:
    """Write the JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": SCHEMA, **asdict(results)}, indent=1) + "\n")


def read(path: Path) -> Results:
    """Read the JSON file. Raises CompileError where it is not there or not of this schema."""
    try:
        document = json.loads(path.read_text())
        if document.pop("schema") != SCHEMA or set(document) != {f.name for f in fields(Results)}:
            raise ValueError(f"not of schema {SCHEMA}")
        document["host"] = tuple(HostRow(**r) for r in document["host"])
        document["device"] = tuple(DeviceRow(**r) for r in document["device"])
        document["threads"] = tuple(ThreadRow(**{**r, "shares": tuple(r["shares"])}) for r in document["threads"])
        return Results(**document)
    except (OSError, KeyError, TypeError, ValueError) as e:
        raise CompileError(f"{path}: holds no figures ({e}); run `python -m benchmarks`") from e
