# SPDX-License-Identifier: Apache-2.0
"""The ablation: resumable, and ours beside the paper's."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.ablation import Measured, app, lines_of, variants
from biisnet.model.errors import InputError
from biisnet.model.metrics import Metrics
from biisnet.model.variants import TABLE_3

ARGUMENTS = ["--scenes", "8", "--epochs", "1", "--size", "32", "--crop", "16", "--network", "biisnet-lite"]


def test_a_row_has_both_figures() -> None:
    found = {"stage4-block": Measured("stage4-block", 21424, 0.4147e9, Metrics(0.5, 0.25, 0.75, 1e-5))}
    rows = list(lines_of(TABLE_3, found))
    assert rows[3][:8] == ["block with DB Conv", "`stage4-block`", "50.0", "25.0", "75.0", "10.0", "21.42", "0.415"]
    assert rows[3][8:] == ["67.02, 88.51", "72, 0.42"]
    assert rows[0][2:8] == ["-"] * 6


def test_each_network_is_trained_once() -> None:
    assert len(variants(None)) == len(set(variants(None))) == 16
    assert variants(["bnn", "siman"]) == ["siman", "bnn"]
    with pytest.raises(InputError, match=r"^unknown: biisnet; choose among adabin, "):
        variants(["biisnet"])


def test_an_unknown_precision_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    result = CliRunner().invoke(app, ["-r", str(tmp_path), "-o", str(tmp_path), *ARGUMENTS, "--precision", "int8"])
    assert (result.exit_code, result.output) == (2, "error: precision: int8, expected float32 or bfloat16\n")
    assert not list(tmp_path.iterdir())


def test_a_second_run_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    arguments = ["-r", str(tmp_path / "runs"), "-o", str(tmp_path), *ARGUMENTS]
    first = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    assert "epoch 1/1" in first.output
    result = json.loads((tmp_path / "ablation.json").read_text())
    (row,) = result["networks"]
    assert row["params"] == pytest.approx(6133, abs=1)
    assert "6 synthetic scenes, seed 0" in result["about"]
    assert "`biisnet-lite`" in (tmp_path / "ablation.md").read_text()
    more = CliRunner().invoke(app, [*arguments[:-1], "sibnn"])
    assert more.exit_code == 0, more.output
    both = json.loads((tmp_path / "ablation.json").read_text())
    assert both["networks"][0] == row  # what was measured before in the same setting stays
    assert [r["network"] for r in both["networks"]] == ["biisnet-lite", "sibnn"]
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0
    assert "epoch" not in again.output  # nothing is trained twice
    assert json.loads((tmp_path / "ablation.json").read_text()) == both
    other = CliRunner().invoke(app, [*arguments[:-2], "--crop", "24", *arguments[-2:], "-r", str(tmp_path / "others")])
    assert other.exit_code == 0, other.output
    assert [r["network"] for r in json.loads((tmp_path / "ablation.json").read_text())["networks"]] == ["biisnet-lite"]
