# SPDX-License-Identifier: Apache-2.0
"""`biisnet export`: a checkpoint or preset to an ONNX file, written whole or not at all."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from biisnet.model import shipped_onnx
from biisnet.model.scenes import scenes

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


def test_in_integers(cli: Callable, here: Path, checkpoint: Path) -> None:
    """A checkpoint, and the ONNX file that it exports to: the same integer network, the proof said."""
    assert cli("export", checkpoint, "-o", "float.onnx").code == 0
    (here / "camera").mkdir()
    for frame in scenes(3, 40, 30):
        Image.fromarray(frame.image.astype(np.uint8)).save(here / "camera" / f"{frame.name}.png")
    options = ["--precision", "int8", "--calibrate", "camera", "--calibrate-frames", "2"]
    outcome = cli("export", checkpoint, "-o", "int8.onnx", *options)
    assert outcome.code == 0, outcome.err
    assert "calibrated on 2 frames of camera, resized to 256x256\nno sum can overflow: " in outcome.err
    assert "random weights" in outcome.out
    model = onnx.load(here / "int8.onnx")
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert model.graph.output[0].type.tensor_type.shape.dim[2].dim_param == "height"
    assert cli("export", "float.onnx", "-o", "again.onnx", *options).code == 0
    assert (here / "again.onnx").read_bytes() == (here / "int8.onnx").read_bytes()


def test_in_integers_at_a_size(cli: Callable, here: Path, checkpoint: Path) -> None:
    outcome = cli("export", checkpoint, "-o", "int8.onnx", "--precision", "int8", "--size", "30x50")
    assert outcome.code == 0, outcome.err
    assert "calibrated on 8 made-up scenes of 30x50; give frames of your own camera with --calibrate DIR" in outcome.err
    model = onnx.load(here / "int8.onnx")
    assert [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim] == [1, 1, 30, 50]


def test_integers_refused(refused: Callable[..., str], checkpoint: Path) -> None:
    export = ["export", checkpoint, "-o", "x.onnx"]
    assert "--calibrate is for --precision int8" in refused(*export, "--calibrate", ".")
    assert "--calibrate-frames is for --precision int8" in refused(*export, "--calibrate-frames", "3")
    assert "nosuch: no such folder" in refused(*export, "--precision", "int8", "--calibrate", "nosuch")
    assert "nosuch: no such file" in refused("export", "nosuch", "-o", "x.onnx", "--precision", "int8")
