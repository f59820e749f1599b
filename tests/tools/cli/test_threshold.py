# SPDX-License-Identifier: Apache-2.0
"""From a budget of false alarms to a bundle: `eval --fa-budget`, `compile --threshold`, and who takes it from there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from biisnet.compile.emit import notices
from biisnet.compile.frontend import OnnxModel
from biisnet.compile.frontend.prepare import prepare
from biisnet.compile.verification.scene import scene
from biisnet.model.scenes import scenes
from biisnet.runtime import load

SIZE = "24x20"


@pytest.fixture
def data(here: Path) -> Path:
    """Eight scenes on disk."""
    for folder in ("images", "masks"):
        (here / "data" / folder).mkdir(parents=True)
    for frame in scenes(8, 24, 20, seed=3):
        Image.fromarray(frame.image.astype(np.uint8)).save(here / "data" / "images" / f"{frame.name}.png")
        Image.fromarray(frame.mask).save(here / "data" / "masks" / f"{frame.name}.png")
    return here / "data"


def figures(cli: Callable[..., Any], *options: str | Path) -> dict[str, Any]:
    done = cli("eval", *options, "--json")
    assert done.code == 0, done.err
    result: dict[str, Any] = json.loads(done.out)
    return result


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_whole_way(cli: Callable[..., Any], here: Path, data: Path, tiny_onnx: Path, precision: str) -> None:
    """The bundle's figures are those that the budget was found with; in integers all of them, to the last digit."""
    how = ["--precision", precision, "--size", SIZE]
    how += ["--calibrate", str(data / "images")] if precision == "int8" else []
    found = figures(cli, tiny_onnx, "--data", data, "--split", "all", "--fa-budget", "0.1", *how)["allowed"]
    threshold = found["threshold"]
    assert threshold > 0.5
    assert 0 < found["metrics"]["fa"] <= 0.1
    done = cli("compile", tiny_onnx, "--target", "host", "--threshold", f"{threshold:.9g}", *how, "-o", "bundle")
    assert done.code == 0, done.err
    manifest = json.loads((here / "bundle" / "manifest.json").read_text())
    assert (manifest["task"], np.float32(manifest["threshold"])) == ("detection", np.float32(threshold))
    assert manifest["model"]["prepared_from"]
    assert cli("verify", "bundle").code == 0
    assert f"task     detection, targets above {threshold:.9g}\n" in cli("inspect", "bundle").out

    result = figures(cli, "bundle", "--data", data, "--split", "all")
    assert result["threshold"] == manifest["threshold"]
    if precision == "int8":
        assert result["metrics"] == found["metrics"]
    else:
        assert result["metrics"]["fa"] == pytest.approx(found["metrics"]["fa"], abs=2 / (8 * 24 * 20))
    frames = sorted((data / "images").iterdir())
    with load("bundle") as model:
        images = [np.asarray(Image.open(path)) for path in frames]
        wanted = [model.probability(image) > np.float32(threshold) for image in images]
        np.testing.assert_array_equal([model.mask(image) for image in images], wanted)
    assert 0 < np.sum(wanted) < np.size(wanted)
    assert cli("run", "bundle", data / "images", "-o", "out").code == 0
    for path, mask in zip(frames, wanted, strict=True):
        np.testing.assert_array_equal(
            np.asarray(Image.open(here / "out" / f"{path.stem}.mask.png")), np.where(mask, 255, 0)
        )
    counted = subprocess.check_output([here / "bundle" / "bin" / "biisnet-run", data / "images"], text=True)
    assert [int(line.rsplit(": ", 1)[1].split()[0]) for line in counted.splitlines()] == [m.sum() for m in wanted]


def test_run_takes_another(cli: Callable[..., Any], here: Path, tiny_bundle: Callable[[str], Path]) -> None:
    bundle = tiny_bundle("host")
    Image.fromarray(scene(24, 20)).save(here / "in.png")
    done = cli("run", bundle, "in.png", "--threshold", "0.7", "-o", "out", "--probability")
    assert done.code == 0, done.err
    probability = np.load(here / "out" / "in.probability.npy")
    mask = np.asarray(Image.open(here / "out" / "in.mask.png"))
    np.testing.assert_array_equal(mask, np.where(probability > np.float32(0.7), 255, 0))
    assert 0 < (mask > 0).sum() < ((probability > 0.5).sum())
    program = [bundle / "bin" / "biisnet-run", "--threshold", "0.7", "--targets", "in.png"]
    assert (here / "out" / "targets.csv").read_bytes() == subprocess.check_output(program)
    for wrong in ("1.5", "nan"):
        message = f"--threshold {wrong}: give a probability from 0 to 1"
        assert message in cli("run", bundle, "in.png", "--threshold", wrong).message


def test_exported(cli: Callable[..., Any], here: Path, checkpoint: Path) -> None:
    """The file has it, and `eval` takes it from there."""
    done = cli("export", checkpoint, "-o", "net.onnx", "--threshold", "0.875")
    assert done.code == 0, done.err
    assert {p.key: p.value for p in onnx.load("net.onnx").metadata_props}["threshold"] == "0.875"
    options = ("--synthetic", "--scenes", "2", "--size", "32x32")
    assert figures(cli, "net.onnx", *options)["threshold"] == 0.875
    assert figures(cli, checkpoint, *options)["threshold"] == 0.5
    assert figures(cli, "net.onnx", *options, "--threshold", "0.25")["threshold"] == 0.25


def test_a_shipped_network_keeps_its_notices(tiny: OnnxModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a network that its user said more of is no longer known as the package's."""
    monkeypatch.setattr(notices, "shipped_models", lambda: frozenset({tiny.sha256}))
    told = prepare(tiny, threshold=0.75)
    assert told.sha256 != tiny.sha256
    assert notices.WEIGHTS in notices.components(tiny)
    assert notices.WEIGHTS in notices.components(told)
    monkeypatch.setattr(notices, "shipped_models", frozenset)
    assert notices.WEIGHTS not in notices.components(told)


@pytest.mark.parametrize("threshold", ["-0.5", "1.5", "nan"])
def test_refused(refused: Callable[..., str], tiny_onnx: Path, threshold: str) -> None:
    said = refused("compile", tiny_onnx, "--target", "host", "--size", SIZE, f"--threshold={threshold}", "-o", "b")
    assert said.startswith(f"--threshold {threshold}: give a probability from 0 to 1")
    said = refused("compile", tiny_onnx, "--size", SIZE, "--threshold", "0.5", "--task", "map", "-o", "b")
    assert "is for map; --threshold is for detection" in said
