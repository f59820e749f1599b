# SPDX-License-Identifier: Apache-2.0
"""The paper's three data sets: each in the layout that its makers gave it, made up here."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmarks.accuracy import app, markdown
from biisnet.model.metrics import Metrics
from biisnet.model.scenes import scenes

LAYOUTS = {
    "sirst": ("images", "masks", "_pixels0", "idx_427/trainval.txt", "idx_427/test.txt"),
    "nudt-sirst": ("images", "masks", "", "50_50/train.txt", "50_50/test.txt"),
    "irstd-1k": ("IRSTD1k_Img", "IRSTD1k_Label", "", "trainval.txt", "test.txt"),
}
RECIPE = '{"epochs": 1, "size": [32, 32], "phases": [{"begin": 0, "crop": 16, "batch": 4}]}'


def make(root: Path, name: str) -> Path:
    """Six frames, four to train on, of 40x48 pixels."""
    images, masks, ending, training, test = LAYOUTS[name]
    for path in (images, masks, Path(training).parent, Path(test).parent):
        (root / name / path).mkdir(parents=True, exist_ok=True)
    frames = scenes(6, 40, 48, seed=2)
    for frame in frames:
        Image.fromarray(frame.image.astype(np.uint8)).save(root / name / images / f"{frame.name}.png")
        Image.fromarray(frame.mask).save(root / name / masks / f"{frame.name}{ending}.png")
    (root / name / training).write_text("\n".join(f.name for f in frames[:4]))
    (root / name / test).write_text("\n".join(f.name for f in frames[4:]))
    return root / name


def test_the_paper_alone_where_there_is_no_folder() -> None:
    text = markdown({"sirst": {"native": Metrics(0.5, 0.25, float("nan"), 1e-5)}})
    assert text.count("the paper") == 3
    assert text.count("native") == 1
    assert "| 50.00 | 25.00 | - | 10.00 |" in text
    assert "| 82.88 | - | 96.40 | 27.00 |" in text


def test_three_data_sets(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "mine.json").write_text(RECIPE)
    arguments = ["-r", str(tmp_path / "runs"), "--recipe", str(tmp_path / "mine.json"), "--start", "biisnet-lite"]
    folders = {name: [f"--{name}", str(make(tmp_path, name))] for name in LAYOUTS}
    first = CliRunner().invoke(app, [*arguments, *folders["sirst"]])
    assert first.exit_code == 0, first.output
    rest = CliRunner().invoke(app, [*arguments, *folders["nudt-sirst"], *folders["irstd-1k"]])
    assert rest.exit_code == 0, rest.output
    result = json.loads((tmp_path / "runs" / "accuracy.json").read_text())
    assert set(result["sets"]) == set(LAYOUTS)  # what was measured before by the same recipe stays
    for figures in result["sets"].values():
        assert set(figures) == {"resized", "native"}
    # one set of frames in three layouts: the same run and the same figures
    assert result["sets"]["sirst"] == result["sets"]["nudt-sirst"] == result["sets"]["irstd-1k"]
    again = CliRunner().invoke(app, [*arguments, *folders["sirst"]])
    assert "epoch" not in again.output
    other = CliRunner().invoke(app, [*arguments[:2], *arguments[4:], "--epochs", "2", *folders["sirst"]])
    assert other.exit_code == 2  # another recipe in the same folder
    assert "of a run with another recipe" in other.output


def test_no_folder_at_all(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    result = CliRunner().invoke(app, ["-r", str(tmp_path)])
    assert result.exit_code == 2
    assert "--nudt-sirst DIR" in result.output
