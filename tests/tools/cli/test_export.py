# SPDX-License-Identifier: Apache-2.0
"""`biisnet export`: a checkpoint or preset to an ONNX file, written whole or not at all."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from biisnet.model import shipped_onnx

pytest.importorskip("torch")


def test_the_shipped_file_comes_out_again(cli: Callable, here: Path) -> None:
    """The preset's ONNX file in the package is what its weights export to, byte for byte."""
    outcome = cli("export", "biisnet", "-o", "model.onnx", "--json")
    assert outcome.code == 0
    path = shipped_onnx()
    assert path is not None
    data = (here / "model.onnx").read_bytes()
    assert data == path.read_bytes()
    result = json.loads(outcome.out)
    assert (result["file"], result["bytes"], result["model"]) == ("model.onnx", len(data), "biisnet")
    assert result["sha256"] == hashlib.sha256(data).hexdigest()
    assert [p.name for p in here.iterdir()] == ["model.onnx"]


def test_at_a_size(cli: Callable, here: Path, checkpoint: Path) -> None:
    """With --size the sides are fixed; the file says of random weights that they are."""
    outcome = cli("export", checkpoint, "-o", "net.onnx", "--size", "30x50")
    assert outcome.code == 0
    assert outcome.out.startswith("net.onnx: ")
    model = onnx.load(here / "net.onnx")
    assert [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == [1, 1, 30, 50]
    assert {p.key: p.value for p in model.metadata_props}["seed"] == "5"


def test_refused(refused: Callable[..., str], here: Path, checkpoint: Path) -> None:
    (here / "file").write_text("")
    assert "nosuch: no such file or preset" in refused("export", "nosuch", "-o", "x.onnx")
    assert "file: is empty; export or copy it again" in refused("export", "file", "-o", "x.onnx")
    assert "--size 0x0" in refused("export", checkpoint, "-o", "x.onnx", "--size", "0x0")
    for place in ("file/x.onnx", "/proc/x.onnx"):
        assert f"{place}: cannot be written" in refused("export", checkpoint, "-o", place)
