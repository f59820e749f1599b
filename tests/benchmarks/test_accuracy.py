# SPDX-License-Identifier: Apache-2.0
"""The paper's three data sets: each in the layout that its makers gave it, made up here."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmarks import accuracy
from benchmarks.accuracy import SETS, app, markdown, split_of
from biisnet.model.errors import InputError
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


def rows_of(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_columns_of_the_data_sets() -> None:
    """Four a set, and dashes where nothing was measured."""
    titles, rule, *lines = rows_of(markdown({"nudt-sirst": {"native": Metrics(0.5, 0.25, float("nan"), 1e-5)}}))
    assert len(titles) == len(rule) == 13
    assert [titles.index(f"{name}: mIoU, %") for name in ("SIRST", "NUDT-SIRST", "IRSTD-1K")] == [1, 5, 9]
    assert titles[5:9] == ["NUDT-SIRST: mIoU, %", "nIoU, %", "Pd, %", "Fa, 1e-6"]
    assert {len(line) for line in lines} == {13}
    assert lines[0][:9] == ["the paper", "66.73", "-", "92.40", "83.40", "82.88", "-", "96.40", "27.00"]
    assert lines[1] == ["resized", *12 * ["-"]]
    assert lines[2] == ["native", *4 * ["-"], "50.00", "25.00", "-", "10.00", *4 * ["-"]]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(
    ("lists", "split"),
    [
        (
            ["idx_427/trainval.txt", "idx_427/train.txt", "idx_427/test.txt"],
            {"sirst": "idx_427/trainval", "irstd-1k": "trainval"},
        ),
        (["img_idx/train_SIRST.txt", "img_idx/test_SIRST.txt"], {}),
        (["50_50/train.txt", "50_50/test.txt"], {}),
        (["trainval.txt", "test.txt"], dict.fromkeys(SETS, "trainval")),
    ],
)
def test_the_split_to_train_on(tmp_path: Path, name: str, lists: list[str], split: dict[str, str]) -> None:
    """In the makers' layouts and in BasicIRSTD's, whichever a data set comes in."""
    for path in lists:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("one")
    assert split_of(tmp_path, SETS[name].training) == split.get(name, "train")


def test_lists_of_one_name_are_not_passed_over(tmp_path: Path) -> None:
    """Fails where a smaller split is trained on because two are called as the first one."""
    for path in ("a/trainval.txt", "b/trainval.txt", "a/train.txt", "b/test.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("one")
    with pytest.raises(InputError, match="several lists are called so, give one of a/trainval, b/trainval"):
        split_of(tmp_path, SETS["sirst"].training)


def test_an_earlier_editions_lists_beside_sirsts(tmp_path: Path) -> None:
    """Fails where SIRST is refused as its makers distribute it."""
    for path in ("idx_427/trainval.txt", "idx_320/trainval.txt", "idx_427/test.txt", "idx_320/test.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("one")
    sirst = SETS["sirst"]
    assert [split_of(tmp_path, names) for names in (sirst.training, sirst.test)] == ["idx_427/trainval", "idx_427/test"]


@pytest.mark.parametrize("text", ["<<<<<<< HEAD", "[]", '{"start": "biisnet"}'])
def test_figures_of_another_form_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json: has figures of another form; give another -r$"):
        accuracy.earlier(tmp_path / "a.json", {"start": "biisnet", "precision": "float32"})


def test_no_split_to_train_on(tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_text("one")
    with pytest.raises(InputError, match="no such list; there are test"):
        split_of(tmp_path, SETS["sirst"].training)


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
    table = (tmp_path / "runs" / "accuracy.md").read_text()
    assert again.stdout == table
    _, _, *lines = rows_of(table)
    for line, protocol in zip(lines[1:], ("resized", "native"), strict=True):
        own = result["sets"]["sirst"][protocol]
        assert line[1:5] == line[5:9] == line[9:13]
        assert line[1] == f"{100 * own['miou']:.2f}"
    for options, what in ((["--epochs", "2"], "recipe"), (["--precision", "bfloat16"], "precision")):
        other = CliRunner().invoke(app, [*arguments, *options, *folders["sirst"]])
        assert other.exit_code == 2  # the others' columns are not lost
        assert f"accuracy.json: has figures of another {what}; give another -r\n" in other.output
    assert (tmp_path / "runs" / "accuracy.md").read_text() == table


@pytest.mark.parametrize(
    ("lacks", "message"),
    [
        ("", "--irstd-1k {}: no such folder; give the data set's folder"),
        ("test.txt", "{}: split 'test': no such list"),
        ("IRSTD1k_Label", "{}: has no folder"),
    ],
)
def test_what_is_wrong_is_said_before_the_training(lacks: str, message: str, tmp_path: Path) -> None:
    """Fails where hours are spent first, on this data set or on the one before it."""
    pytest.importorskip("torch")
    (tmp_path / "mine.json").write_text(RECIPE)
    folders = {name: make(tmp_path, name) for name in ("sirst", "irstd-1k")}
    (folders["irstd-1k"] / lacks).rename(tmp_path / "gone")
    arguments = ["-r", str(tmp_path / "runs"), "--recipe", str(tmp_path / "mine.json"), "--start", "biisnet-lite"]
    given = [a for name, folder in folders.items() for a in (f"--{name}", str(folder))][
        0 if lacks != "IRSTD1k_Label" else 2 :
    ]
    result = CliRunner().invoke(app, [*arguments, *given])
    assert result.exit_code == 2
    assert message.format(folders["irstd-1k"]) in result.output
    assert "epoch" not in result.output


class PulledError(Exception):
    """The end of a run that nobody wanted."""


def test_a_run_that_was_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on after its last epoch, and ends with the figures of an unbroken one."""
    pytest.importorskip("torch")
    (tmp_path / "mine.json").write_text(RECIPE)
    data = ["--sirst", str(make(tmp_path, "sirst"))]
    options = ["--recipe", str(tmp_path / "mine.json"), "--start", "biisnet-lite", "--epochs", "2", *data]

    def pulled(line: str) -> None:
        if line.startswith("sirst: epoch 2/2"):  # its last step is done, nothing of it is written yet
            raise PulledError

    with monkeypatch.context() as patch:
        patch.setattr(accuracy, "say", pulled)
        broken = CliRunner().invoke(app, ["-r", str(tmp_path / "broken"), *options])
    assert broken.exit_code
    assert not (tmp_path / "broken" / "accuracy.json").exists()
    for name in ("broken", "whole"):
        done = CliRunner().invoke(app, ["-r", str(tmp_path / name), *options])
        assert done.exit_code == 0, done.output
        assert ("sirst: epoch 1/2" in done.output) == (name == "whole")
        assert "sirst: epoch 2/2" in done.output
    one, other = ((tmp_path / name / "accuracy.json").read_bytes() for name in ("broken", "whole"))
    assert one == other


def test_no_folder_at_all(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    result = CliRunner().invoke(app, ["-r", str(tmp_path)])
    assert result.exit_code == 2
    assert "--nudt-sirst DIR" in result.output


def test_integers_are_refused(tmp_path: Path) -> None:
    """Fails where floats are trained and called int8."""
    pytest.importorskip("torch")
    (tmp_path / "mine.json").write_text(RECIPE)
    result = CliRunner().invoke(app, ["-r", str(tmp_path / "runs"), "--sirst", str(tmp_path), "--precision", "int8"])
    assert (result.exit_code, result.output) == (2, "error: precision: int8, expected float32 or bfloat16\n")
    assert not (tmp_path / "runs").exists()
