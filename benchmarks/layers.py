# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.layers`: what binary layers of many channels cost on the emulated board, a layer a line of
docs/performance-layers.md.

A layer's cost is that of its stage in a network of such layers, warm: binary convolution, BatchNormalization, sum with
the shortcut, signs for the next layer.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import load_model
from biisnet.compile.recognise import recognise
from biisnet.model.datasets import Say
from biisnet.model.files import write_whole
from biisnet.targets import Target, resolve
from biisnet.tools.analysis import analyze_target
from biisnet.tools.cli.command import SETTINGS, Command
from biisnet.tools.cli.errors import reports_errors
from biisnet.tools.cli.terminal import Speaker

from .layer_networks import Layer, export_layer
from .measure import BOARD
from .table import grid, number, rewrite

say = Speaker()
DOCS = Path(__file__).resolve().parents[1] / "docs"
FIGURES, DOCUMENT = "performance-layers.json", "performance-layers.md"


@dataclass(frozen=True)
class Reference:
    """A layer, and the multiply-adds a cycle of Larq Compute Engine's own kernels by the same cost model: quantization,
    BGEMM, sum."""

    layer: Layer
    larq: float


REFERENCES = {
    r.layer.name: r
    for r in (
        Reference(Layer(64, 64, 56), 44.1),
        Reference(Layer(128, 128, 28), 63.3),
        Reference(Layer(256, 256, 14), 72.5),
        Reference(Layer(512, 512, 7), 73.7),
        Reference(Layer(64, 128, 56, stride=2), 45.8),
        Reference(Layer(128, 256, 28, stride=2), 63.3),
        Reference(Layer(256, 512, 14, stride=2), 68.2),
        Reference(Layer(256, 256, 28, kernel=1), 38.6),
        Reference(Layer(512, 512, 14, kernel=1), 53.2),
        Reference(Layer(1024, 1024, 7, kernel=1), 61.4),
    )
}


@dataclass(frozen=True)
class LayerRow:
    """One layer, one frame, one thread."""

    name: str
    macs: int
    cycles: float
    l1d_misses: float
    dram_bytes: float
    weight_bytes: int

    @property
    def macs_a_cycle(self) -> float:
        """Binary multiply-adds."""
        return self.macs / self.cycles


def measure_layer(layer: Layer, target: Target, folder: Path) -> LayerRow:
    """The cost of the first layer of its network, of all that share its kernel the mean. Raises CompileError,
    ToolchainError."""
    path = folder / "layer.onnx"
    export_layer(layer, path)
    model = recognise(load_model(path), None).model
    stage = next(s for s in analyze_target(model, None, target, lambda _: None).stages if s.binary_macs)
    assert not stage.full_macs  # nothing else is in its stage
    cost = stage.cost
    assert cost.l1d_misses is not None  # the board's caches are known
    assert cost.dram_bytes is not None
    figures = (round(cost.cycles), round(cost.l1d_misses), round(cost.dram_bytes))
    return LayerRow(layer.name, stage.binary_macs, *figures, layer.weight_bytes)


def table_of(rows: Iterable[LayerRow]) -> str:
    """A line a layer."""
    lines = []
    for row in rows:
        known = REFERENCES[row.name]
        figures = [
            number(row.macs / 1e6, 1),
            number(row.cycles / 1e6, 2),
            number(row.macs_a_cycle, 1),
            number(row.l1d_misses / 1e3, 0),
            number(row.dram_bytes / 1e3, 0),
            number(row.weight_bytes / 1e3, 0),
            number(known.larq, 1),
        ]
        lines.append([known.layer.title, *figures])
    titles = ["M MAC", "M cycles", "MAC a cycle", "K L1 misses", "DRAM, KB", "weights, KB", "Larq's MAC a cycle"]
    return grid(["layer", *titles], lines, numbers=len(titles))


def read(path: Path) -> dict[str, LayerRow]:
    """Rows of an earlier run by their layers' names. Raises CompileError for a file of another kind."""
    if not path.exists():
        return {}
    try:
        rows = [LayerRow(**row) for row in json.loads(path.read_text())["layers"]]
    except (KeyError, TypeError, ValueError) as e:
        raise CompileError(f"{path}: holds no figures of layers ({e}); remove it") from e
    return {row.name: row for row in rows}


def publish(rows: Sequence[LayerRow], output: Path) -> None:
    """Write the file of figures and the document's table."""
    output.mkdir(parents=True, exist_ok=True)
    write_whole(output / FIGURES, (json.dumps({"layers": [asdict(r) for r in rows]}, indent=1) + "\n").encode())
    rewrite(output / DOCUMENT, table_of(rows))


def chosen(names: Sequence[str] | None) -> list[Layer]:
    """Layers by their names, all where none is given. Raises CompileError."""
    if unknown := [n for n in names or () if n not in REFERENCES]:
        raise CompileError(f"unknown: {', '.join(unknown)}; choose among {', '.join(REFERENCES)}")
    return [r.layer for name, r in REFERENCES.items() if not names or name in names]


def measure_layers(layers: Sequence[Layer], say: Say) -> list[LayerRow]:
    """A row each. Raises CompileError, TargetError, ToolchainError."""
    target, rows = resolve(BOARD), []
    with tempfile.TemporaryDirectory(prefix="biisnet-") as folder:
        for layer in layers:
            rows.append(measure_layer(layer, target, Path(folder)))
            say(f"{layer.name}: {rows[-1].macs_a_cycle:.1f} MAC a cycle")
    return rows


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(cls=Command, context_settings=SETTINGS)
@reports_errors
def layers(
    layer: Annotated[list[str] | None, typer.Option("--layer", help=f"Only these of {', '.join(REFERENCES)}.")] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help=f"Where {FIGURES} and {DOCUMENT} are.")
    ] = DOCS,
) -> None:
    """Measure binary layers of 64 to 1024 channels on the emulated board, and write the figures into docs/."""
    found = read(output / FIGURES)
    found |= {row.name: row for row in measure_layers(chosen(layer), say)}
    rows = [found[name] for name in REFERENCES if name in found]
    publish(rows, output)
    print(table_of(rows))


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.layers")
