# SPDX-License-Identifier: Apache-2.0
"""Cross-validation: resumable, each frame measured once, nothing picked."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.crossvalidation import Validated, app, earlier, markdown
from biisnet.model.errors import InputError
from biisnet.model.metrics import Metrics

RECIPE = '{"size": [32, 32], "phases": [{"begin": 0, "crop": 16, "batch": 4}]}'


def test_the_table() -> None:
    two = [Metrics(0.5, 0.25, 1.0, 1e-5), Metrics(0.7, 0.25, 1.0, 3e-5)]
    text = markdown([Validated("mine", {}, two, Metrics(0.61, 0.25, 1.0, 2e-5))])
    assert "60.0 ± 14.1 |" in text
    assert "20.0 ± 14.1 |" in text
    assert "| 61.0 |" in text


def test_a_second_run_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    recipe = tmp_path / "mine.json"
    recipe.write_text(RECIPE)
    arguments = ["-r", str(tmp_path / "runs"), "--recipe", str(recipe), "--scenes", "8", "--folds", "2"]
    arguments += ["--epochs", "1", "--start", "biisnet-lite"]
    first = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    assert "mine, fold 2: epoch 1/1" in first.output
    found = json.loads((tmp_path / "runs" / "crossvalidation.json").read_text())
    assert len(found["recipes"][0]["folds"]) == 2
    assert all((tmp_path / "runs" / "mine" / f"fold-{n}" / "last.safetensors").exists() for n in (1, 2))
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0
    assert "epoch" not in again.output
    assert json.loads((tmp_path / "runs" / "crossvalidation.json").read_text()) == found
    other = tmp_path / "other.json"
    other.write_text(RECIPE)
    both = CliRunner().invoke(app, [*arguments[:3], str(other), *arguments[4:]])
    assert both.exit_code == 0, both.output
    now = json.loads((tmp_path / "runs" / "crossvalidation.json").read_text())
    assert now["recipes"][0] == found["recipes"][0]  # what was found alike stays
    assert [r["recipe"] for r in now["recipes"]] == ["mine", "other"]
    assert now["recipes"][1]["fields"]["epochs"] == 1
    only = CliRunner().invoke(app, [*arguments, "--only", "1"])
    assert only.exit_code == 0
    one = json.loads((tmp_path / "runs" / "crossvalidation.json").read_text())
    assert [len(r["folds"]) for r in one["recipes"]] == [1, 2]
    start = CliRunner().invoke(app, [*arguments[:-1], "sibnn"])
    assert start.exit_code == 2
    assert "crossvalidation.json: has results of another start; give another -r\n" in start.output


def test_results_of_another_form_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"recipes": []}')
    with pytest.raises(InputError, match=r"a\.json: has results of another form; give another -r$"):
        earlier(tmp_path / "a.json", {"start": "biisnet"})


def test_recipes_of_one_name_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    paths = [tmp_path / folder / "same.json" for folder in "ab"]
    for path in paths:
        path.parent.mkdir()
        path.write_text(RECIPE)
    result = CliRunner().invoke(app, ["-r", str(tmp_path), *(a for p in paths for a in ("--recipe", str(p)))])
    assert result.exit_code == 2
    assert "two files of one name" in result.output


def test_integers_are_refused(tmp_path: Path) -> None:
    """Fails where floats are trained and called int8."""
    pytest.importorskip("torch")
    (tmp_path / "mine.json").write_text(RECIPE)
    result = CliRunner().invoke(
        app, ["-r", str(tmp_path / "runs"), "--recipe", str(tmp_path / "mine.json"), "--precision", "int8"]
    )
    assert (result.exit_code, result.output) == (2, "error: precision: int8, expected float32 or bfloat16\n")
    assert not (tmp_path / "runs").exists()
