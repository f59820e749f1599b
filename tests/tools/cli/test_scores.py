# SPDX-License-Identifier: Apache-2.0
"""From detections to scores that are shares of targets: `eval --fit-scores`, `compile --scores`, and who takes them
from there."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from biisnet.compile.frontend.loader import load_model
from biisnet.compile.frontend.prepare import prepare
from biisnet.compile.verification.scene import scene
from biisnet.runtime import load
from biisnet.runtime.platt import UNSCALED, Platt

SIZE = "24x20"
SIDE, STEP = 64, 12
TRUE = Platt(0.4, -1.5)
EMULATOR = shutil.which("qemu-aarch64")


@pytest.fixture
def net(here: Path) -> Path:
    """A network that calls a pixel of grey level g a target with the logit (g - 100) / 10."""
    nodes = [
        helper.make_node("Sub", ["image", "black"], ["above"]),
        helper.make_node("Div", ["above", "unit"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    source, result = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, SIDE, SIDE]) for name in ("image", "probability")
    )
    constants = [
        helper.make_tensor(n, TensorProto.FLOAT, [1, 1, 1, 1], [v]) for n, v in (("black", 100.0), ("unit", 10.0))
    ]
    graph = helper.make_graph(nodes, "spots", [source], [result], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), here / "net.onnx")
    return here / "net.onnx"


@pytest.fixture
def spots(here: Path) -> Path:
    """Frames of single bright pixels, of which as many are targets as TRUE says."""
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (here / "spots" / folder).mkdir(parents=True)
    for n in range(12):
        image, mask = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
        places = np.arange(STEP // 2, SIDE, STEP)
        grey = rng.integers(80, 256, (len(places), len(places)))
        image[np.ix_(places, places)] = grey
        share = TRUE.score(1 / (1 + np.exp(-(grey - 100.0) / 10)))
        mask[np.ix_(places, places)] = 255 * (rng.random(grey.shape) < share)
        Image.fromarray(image).save(here / "spots" / "images" / f"{n}.png")
        Image.fromarray(mask).save(here / "spots" / "masks" / f"{n}.png")
    return here / "spots"


def test_fitted(cli: Callable[..., Any], here: Path, net: Path, spots: Path) -> None:
    """Printed with all digits, in the JSON and its file; a model that has them is drawn with them."""
    done = cli("eval", net, "--data", spots, "--split", "all", "--fit-scores", "-o", "out.json")
    assert done.code == 0, done.err
    result = json.loads((here / "out.json").read_text())
    fitted, scores = result["fitted"], Platt(result["fitted"]["slope"], result["fitted"]["offset"])
    assert scores.slope == pytest.approx(TRUE.slope, rel=0.2)
    assert scores.offset == pytest.approx(TRUE.offset, rel=0.3)
    assert f" detections, {fitted['targets']} of them targets: slope {scores.slope!r}, " in done.out
    assert f"offset {scores.offset!r}, ECE {fitted['error_before']:.3f} before" in done.out
    assert fitted["error_before"] == result["reliability"]["error"]
    assert fitted["error_after"] < fitted["error_before"] / 2
    assert result["scores"] == {"slope": 1, "offset": 0}

    (here / "scored.onnx").write_bytes(prepare(load_model(net), scores=str(scores)).data)
    pictures = ("--reliability", "r.png")
    done = cli("eval", "scored.onnx", "--data", spots, "--split", "all", "--fit-scores", *pictures, "--json")
    again = json.loads(done.out)
    assert again["scores"] == {"slope": scores.slope, "offset": scores.offset}
    assert again["reliability"]["error"] == fitted["error_after"]
    assert again["fitted"] == {**fitted, "error_before": fitted["error_after"]}
    assert again["metrics"] == result["metrics"]
    assert (here / "r.png").read_bytes().startswith(b"\x89PNG")
    plain = json.loads(cli("eval", net, "--data", spots, "--split", "all", "--json").out)
    assert plain["fitted"] is None
    assert plain["metrics"] == result["metrics"]


def test_nothing_to_fit(cli: Callable[..., Any], here: Path, net: Path, spots: Path) -> None:
    for path in (spots / "masks").iterdir():
        Image.fromarray(np.zeros((SIDE, SIDE), np.uint8)).save(path)
    done = cli("eval", net, "--data", spots, "--split", "all", "--fit-scores", "-o", "out.json", "--roc", "roc.png")
    assert done.code == 2
    assert "error: --fit-scores: it takes both, and none of" in done.err
    assert "detections is a target; give more frames\n" in done.err
    assert "12 frames resized to 64x64" in done.out  # what was found is there all the same
    result = json.loads((here / "out.json").read_text())
    assert result["fitted"] is None
    assert result["failed"] == [done.err.splitlines()[-1].removeprefix("error: ")]
    assert (here / "roc.png").exists()


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize(("target", "precision"), [("host", "float32"), ("host", "int8"), ("rpi4", "int8")])
def test_in_bundles(cli: Callable[..., Any], here: Path, tiny_onnx: Path, target: str, precision: str) -> None:
    """Run and runner print the same digits, of the same targets as without, and the vote counts as before."""
    if target == "rpi4" and not EMULATOR:
        pytest.skip("qemu-aarch64 is not installed (Debian: qemu-user)")
    scores = Platt(0.390074, -0.25)
    (frames := here / "frames").mkdir()
    for n in range(3):
        Image.fromarray(np.roll(scene(24, 20), n, 1)).save(frames / f"{n}.png")
    how = ["--target", target, "--size", SIZE, "--precision", precision]
    how += ["--calibrate", str(frames)] if precision == "int8" else []
    for name, options in (("scored", ["--scores", str(scores)]), ("plain", [])):
        done = cli("compile", tiny_onnx, *how, *options, "--no-verify", "-o", name)
        assert done.code == 0, done.err
    manifest = json.loads((here / "scored" / "manifest.json").read_text())
    assert manifest["scores"] == {"slope": scores.slope, "offset": scores.offset}
    assert "scores" not in json.loads((here / "plain" / "manifest.json").read_text())
    said = "task     detection, targets above 0.5, scores by slope 0.390074 and offset -0.25\n"
    assert said in cli("inspect", "scored").out
    assert "task     detection, targets above 0.5\n" in cli("inspect", "plain").out

    def found(bundle: str, *options: str) -> list[dict[str, str]]:
        done = cli("run", bundle, frames, "-o", f"{bundle}-out", *options)
        assert done.code == 0, done.err
        written = (here / f"{bundle}-out" / "targets.csv").read_text()
        start = [EMULATOR or "", "-cpu", "cortex-a72"] if target == "rpi4" else []
        program = [*start, here / bundle / "bin" / "biisnet-run", "--targets", *options, frames]
        assert subprocess.check_output(program, text=True) == written
        return table(written)

    for options in ((), ("--vote", "2/3")):
        scored, plain = found("scored", *options), found("plain", *options)
        assert plain
        wanted = [f"{scores.score(np.float32(row['score'])):.9g}" for row in plain]
        assert [row["score"] for row in scored] == wanted
        assert [{**row, "score": ""} for row in scored] == [{**row, "score": ""} for row in plain]
        assert wanted != [row["score"] for row in plain]
        for n in range(3):
            masks = [(here / f"{b}-out" / f"{n}.mask.png").read_bytes() for b in ("scored", "plain")]
            assert masks[0] == masks[1]
    if target == "host":
        with load("scored") as model:
            detections = model.detect(np.roll(scene(24, 20), 0, 1))
        wanted = [row["score"] for row in found("scored") if Path(row["image"]).stem == "0"]
        assert [f"{d.score:.9g}" for d in detections] == wanted


def test_exported(cli: Callable[..., Any], here: Path, checkpoint: Path) -> None:
    """The file has it, and `eval` takes it from there; without the option its bytes are those of before."""
    done = cli("export", checkpoint, "-o", "net.onnx", "--scores", "0.5,-1")
    assert done.code == 0, done.err
    assert {p.key: p.value for p in onnx.load("net.onnx").metadata_props}["com.biisnet.scores"] == "0.5,-1.0"
    options = ("--synthetic", "--scenes", "2", "--size", "32x32", "--json")
    assert json.loads(cli("eval", "net.onnx", *options).out)["scores"] == {"slope": 0.5, "offset": -1}
    assert json.loads(cli("eval", checkpoint, *options).out)["scores"] == {"slope": 1, "offset": 0}
    assert cli("export", checkpoint, "-o", "plain.onnx").code == 0
    assert load_model(here / "plain.onnx").scores == UNSCALED
    assert b"scores" not in (here / "plain.onnx").read_bytes()


@pytest.mark.parametrize("scores", ["0.5", "0,1", "-1,0", "nan,0", "1,inf", "a,b", "1,2,3"])
def test_refused(refused: Callable[..., str], tiny_onnx: Path, scores: str) -> None:
    said = refused("compile", tiny_onnx, "--target", "host", "--size", SIZE, f"--scores={scores}", "-o", "b")
    assert said.startswith(f"--scores {scores}: give SLOPE,OFFSET, finite numbers, the slope above 0")
    said = refused("compile", tiny_onnx, "--size", SIZE, "--scores", "1,1", "--task", "map", "-o", "b")
    assert "is for map; --scores is for detection" in said
