# SPDX-License-Identifier: Apache-2.0
"""The table of layers, and a small one measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from biisnet.targets import resolve

pytest.importorskip("torch")

from benchmarks import layers
from benchmarks.layer_networks import Layer
from benchmarks.layers import DOCUMENT, FIGURES, REFERENCES, LayerRow, app, measure_layer, read, table_of
from benchmarks.table import BEGIN, END

ROW = LayerRow("3x3-64", 115_605_504, 1_752_199, 18_887, 0, 4608)
DOCS = Path(__file__).parents[2] / "docs"


def test_table() -> None:
    assert table_of([ROW]).splitlines()[2] == "| 3x3, 64, 56x56 | 115.6 | 1.75 | 66.0 | 19 | 0 | 5 | 44.1 |"


def test_layers() -> None:
    """Fails where a layer is not what its title says: all blocks have the same work, by ResNet's rule."""
    assert [r.layer.title for r in REFERENCES.values()][4:8] == [
        "3x3, stride 2, 64 to 128, 56x56",
        "3x3, stride 2, 128 to 256, 28x28",
        "3x3, stride 2, 256 to 512, 14x14",
        "1x1, 256, 28x28",
    ]
    work = {n: r.layer.weight_bytes * 8 * (r.layer.side // r.layer.stride) ** 2 for n, r in REFERENCES.items()}
    assert set(work.values()) == {115_605_504, 57_802_752, 51_380_224}
    assert {n: r.macs for n, r in read(DOCS / FIGURES).items()} == work


def test_the_documents_table_is_that_of_the_file() -> None:
    between = (DOCS / DOCUMENT).read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    assert between.strip() == table_of(read(DOCS / FIGURES).values())


def test_a_run_of_some_keeps_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a layer measured anew takes the others' rows with it, or stands behind them."""
    cycles = iter((900_000, 1_700_000, 1_600_000))
    monkeypatch.setattr(layers, "measure_layer", lambda layer, *_: LayerRow(layer.name, 1, next(cycles), 1, 1, 1))
    for name in ("1x1-256", "3x3-64", "3x3-64"):
        done = CliRunner().invoke(app, ["--layer", name, "-o", str(tmp_path)])
        assert done.exit_code == 0
    assert {n: row.cycles for n, row in read(tmp_path / FIGURES).items()} == {"3x3-64": 1_600_000, "1x1-256": 900_000}
    assert list(read(tmp_path / FIGURES)) == ["3x3-64", "1x1-256"]
    assert table_of(read(tmp_path / FIGURES).values()) in (tmp_path / DOCUMENT).read_text()


@pytest.mark.parametrize("text", ["", '{"layers": [{"name": "3x3-64"}]}'])
def test_a_file_of_another_kind_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / FIGURES).write_text(text)
    done = CliRunner().invoke(app, ["--layer", "3x3-64", "-o", str(tmp_path)])
    assert done.exit_code == 2


@pytest.mark.emulator
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("layer", [Layer(64, 64, 8), Layer(64, 128, 8, stride=2)], ids=lambda layer: layer.name)
def test_measured(emulated: None, llvm: None, layer: Layer, tmp_path: Path) -> None:
    """Fails where the stage that is measured is not the layer's."""
    row = measure_layer(layer, resolve("rpi4"), tmp_path)
    side = layer.side // layer.stride
    assert row.macs == layer.weight_bytes * 8 * side**2
    assert 20 < row.macs_a_cycle < 128  # 128 bits a vector, one vector's counting a cycle at most
    assert row.weight_bytes == layer.outputs * layer.inputs * 9 // 8
