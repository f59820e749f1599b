# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.graphs`: random networks until so many were compared; a second call goes on where one ended.

A network that is refused, or computes something else than ONNX Runtime does from its file, is made as small as it can
be and left in the folder, with what was wrong beside it. `--file` tries one file again.
"""

from __future__ import annotations

import hashlib
import json
import resource
import time
import traceback
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import onnx
import typer
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import StopTest, UnsatisfiedAssumption

from .compare import STAGES, compare
from .strategy import graphs

BATCH = 50
"""Networks of one seed, between two lines of progress."""
MEMORY = 8 << 30
"""Bytes of address space: a network that needs more is one that differs."""
app = typer.Typer(add_completion=False)


@dataclass
class State:
    """The count of what was done for a target, in a file."""

    executions: int = 0
    """Networks that were compiled and compared."""
    images: int = 0
    left_out: int = 0
    """Networks of whose images none decided."""
    batches: int = 0
    """Those that were begun: each has a seed of its own."""
    mismatches: int = 0

    @classmethod
    def read(cls, path: Path) -> State:
        """The state of earlier calls."""
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        path.with_suffix(".new").write_text(json.dumps(asdict(self), indent=1))
        path.with_suffix(".new").replace(path)


class EnoughError(Exception):
    """The end of what was asked for, in the middle of a batch."""


@app.command()
def main(
    target: Annotated[str, typer.Option(help=f"host, rpi4 (emulated), or {STAGES}: without code, in numpy.")] = "host",
    runs: Annotated[int, typer.Option(min=1, help="Networks in all, those of earlier calls too.")] = 2000,
    minutes: Annotated[float, typer.Option(help="End after that.")] = 1e9,
    work: Annotated[Path, typer.Option("--work", "-w", help="Where counts and mismatches are.")] = Path("graphs"),
    file: Annotated[Path | None, typer.Option(help="Compare this file alone.")] = None,
) -> None:
    """Compare random networks; exit 1 where one differs."""
    if file is not None:
        print(f"{file}: {compare(onnx.load(file), target)} images agree")
        return
    found = explore(target, work / target, runs, time.monotonic() + 60 * minutes)
    raise typer.Exit(int(found is not None))


def explore(target: str, folder: Path, runs: int, deadline: float = float("inf")) -> Path | None:
    """Compare networks that `folder` counts, until there are `runs`; the file of one that differs."""
    folder.mkdir(parents=True, exist_ok=True)
    state = State.read(folder / "state.json")
    while state.executions < runs and time.monotonic() < deadline:
        found = run_batch(target, folder, state, runs, deadline)
        print(
            f"{target}: {state.executions} networks, {state.images} images compared, {state.left_out} left out, "
            f"{state.mismatches} mismatches",
            flush=True,
        )
        if found is not None:
            return found
    return None


def run_batch(target: str, folder: Path, state: State, runs: int, deadline: float) -> Path | None:
    """One seed's networks; the file of the smallest that differs, if one does."""
    state.batches += 1
    at_work = folder / "at-work.onnx"
    failed: list[tuple[onnx.ModelProto, Exception]] = []

    @seed(state.batches)
    @settings(
        max_examples=BATCH, database=None, deadline=None, report_multiple_bugs=False, print_blob=False,
        phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(graphs())
    def one(proto: onnx.ModelProto) -> None:
        if not failed and (state.executions >= runs or time.monotonic() > deadline):
            raise EnoughError
        at_work.write_bytes(proto.SerializeToString())  # for whoever asks why it was killed, or hangs
        try:
            images = compare(proto, target)
        except (StopTest, UnsatisfiedAssumption):
            raise
        except Exception as e:
            if not failed:
                print(f"{type(e).__name__}: {e}; making it smaller", flush=True)
            failed.append((proto, e))
            raise
        if not failed:
            state.executions += images > 0
            state.images += images
            state.left_out += images == 0
            state.write(folder / "state.json")

    try:
        one()
    except EnoughError:
        return None
    except Exception:
        if not failed:
            raise
        state.mismatches += 1
        state.write(folder / "state.json")
        return write_mismatch(folder, *failed[-1])  # hypothesis runs the smallest again at the end
    return None


def write_mismatch(folder: Path, proto: onnx.ModelProto, error: Exception) -> Path:
    """The file of a network, and what was wrong with it beside it."""
    data = proto.SerializeToString(deterministic=True)
    path = folder / f"mismatch-{hashlib.sha256(data).hexdigest()[:12]}.onnx"
    path.write_bytes(data)
    operators = ", ".join(f"{n} {op}" for op, n in Counter(node.op_type for node in proto.graph.node).items())
    text = f"{operators}\n{''.join(traceback.format_exception(error))}"
    path.with_suffix(".txt").write_text(text)
    print(f"{path}: {operators}: {type(error).__name__}: {error}", flush=True)
    return path


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    app()
