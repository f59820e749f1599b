# SPDX-License-Identifier: Apache-2.0
"""The ablation: resumable, by seeds and budgets."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.ablation import app, variants
from benchmarks.ablation_results import read
from biisnet.model.errors import InputError

ARGUMENTS = ["--scenes", "8", "--epochs", "1", "--size", "32", "--crop", "16", "--network", "biisnet-lite"]


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
    (budget,) = read(tmp_path / "ablation.json")
    (row,) = budget.networks
    assert row.params == pytest.approx(6133, abs=1)
    assert len(row.overlaps) == 2
    assert row.metrics.miou == sum(both for both, _ in row.overlaps) / sum(either for _, either in row.overlaps)
    assert "6 synthetic scenes, seed 0" in budget.about
    assert "`biisnet-lite`" in (tmp_path / "ablation.md").read_text()
    assert (tmp_path / "ablation.png").read_bytes().startswith(b"\x89PNG")
    more = CliRunner().invoke(app, [*arguments[:-1], "sibnn"])
    assert more.exit_code == 0, more.output
    (both,) = read(tmp_path / "ablation.json")
    assert both.networks[0] == row  # what was measured before in the same setting stays
    assert [m.network for m in both.networks] == ["biisnet-lite", "sibnn"]
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0
    assert "epoch" not in again.output  # nothing is trained twice
    assert read(tmp_path / "ablation.json") == [both]
    seeds = CliRunner().invoke(app, [*arguments, "--seeds", "2"])
    assert seeds.exit_code == 0, seeds.output
    assert "biisnet-lite, seed 1: epoch 1/1" in seeds.output
    (three,) = read(tmp_path / "ablation.json")
    assert [(m.network, m.seed) for m in three.networks] == [("biisnet-lite", 0), ("sibnn", 0), ("biisnet-lite", 1)]
    runs = [tmp_path / "runs" / "biisnet-lite" / f"seed-{n}" / "best.safetensors" for n in range(2)]
    assert runs[0].read_bytes() != runs[1].read_bytes()
    other = CliRunner().invoke(app, [*arguments[:-2], "--crop", "24", *arguments[-2:], "-r", str(tmp_path / "others")])
    assert other.exit_code == 0, other.output
    assert [[m.network for m in b.networks] for b in read(tmp_path / "ablation.json")] == [
        ["biisnet-lite", "sibnn", "biisnet-lite"],
        ["biisnet-lite"],
    ]


def test_a_second_cycle_begins_with_what_the_first_came_to(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    load_file = pytest.importorskip("safetensors.torch").load_file
    (tmp_path / "second.json").write_text('{"epochs": 2, "learning_rate": 1e-12, "average": 0.0, "warmup_epochs": 0}')
    first, second = tmp_path / "first", tmp_path / "second"
    arguments = ["-o", str(tmp_path), *ARGUMENTS]
    following = [*arguments, "-r", str(second), "--after", str(first), "--recipe", str(tmp_path / "second.json")]
    early = CliRunner().invoke(app, following)
    assert early.exit_code == 2
    assert early.output == f"error: --after: no run in {first / 'biisnet-lite' / 'seed-0'}; train it first\n"
    assert CliRunner().invoke(app, ["-r", str(first), *arguments]).exit_code == 0
    result = CliRunner().invoke(app, following)
    assert result.exit_code == 0, result.output
    picture = (tmp_path / "ablation.png").read_bytes()
    assert CliRunner().invoke(app, ["-r", str(first), *arguments]).exit_code == 0
    assert (tmp_path / "ablation.png").read_bytes() == picture  # still that of the longer trainings
    two, one = read(tmp_path / "ablation.json")
    assert (one.before, one.recipe["epochs"], two.before, two.recipe["epochs"]) == (None, 1, one.recipe, 2)
    begin = (
        "2 epochs of 6 synthetic scenes, seed 0, by second.json: crops of 16x16, 4 a batch, after 1 epochs of crops of"
    )
    assert two.about.startswith(begin)
    runs = [load_file(cycle / "biisnet-lite" / "seed-0" / "best.safetensors") for cycle in (first, second)]
    # at no learning rate to speak of the weights stay where the first left them
    assert all(
        torch.allclose(runs[1][name], tensor, atol=1e-6) for name, tensor in runs[0].items() if "running" not in name
    )


def test_a_second_cycle_of_runs_that_are_not_alike_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    first = tmp_path / "first"
    arguments = ["-r", str(first), "-o", str(tmp_path), *ARGUMENTS]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert CliRunner().invoke(app, [*arguments[:-1], "bnn", "--crop", "24"]).exit_code == 0
    following = [*arguments, "--network", "bnn", "--after", str(first), "-r", str(tmp_path / "second")]
    result = CliRunner().invoke(app, following)
    assert result.exit_code == 2
    assert "bnn/seed-0 was trained by another recipe than " in result.output
    other = CliRunner().invoke(app, [*following, "--scenes", "12"])  # of which the first have seen some
    assert other.exit_code == 2
    assert "biisnet-lite/seed-0 was trained on other frames; give the same --data, --split," in other.output
    (first / "bnn" / "seed-0").rename(first / "biisnet-lite" / "seed-1")
    seeds = CliRunner().invoke(app, [*arguments, "-r", str(tmp_path / "second"), "--after", str(first), "--seeds", "2"])
    assert seeds.exit_code == 2
    assert "biisnet-lite/seed-1 was trained with seed 0, not 1" in seeds.output
    assert not (tmp_path / "second").exists()


def test_second_cycles_after_other_first_ones_are_apart(tmp_path: Path) -> None:
    """Fails where figures of one take the place of the other's, or an unlike first cycle is not told of."""
    pytest.importorskip("torch")
    phases = '{"epochs": 2, "phases": [{"begin": 0, "crop": 24, "batch": 4}, {"begin": 0.5, "crop": 16, "batch": 4}]}'
    (tmp_path / "phases.json").write_text(phases)
    for name, options in (("a", []), ("b", ["--recipe", str(tmp_path / "phases.json")])):
        first = ["-r", str(tmp_path / name), "-o", str(tmp_path / f"out-{name}"), *ARGUMENTS, *options]
        assert CliRunner().invoke(app, first).exit_code == 0
        second = ["-r", str(tmp_path / f"{name}2"), "-o", str(tmp_path), *ARGUMENTS, "--after", str(tmp_path / name)]
        result = CliRunner().invoke(app, second)
        assert result.exit_code == 0, result.output
    abouts = [b.about for b in read(tmp_path / "ablation.json")]
    assert len(abouts) == 2
    assert "after 1 epochs of crops of 16x16, conv" in abouts[0]
    assert "after 2 epochs of crops of 24x24, then 16x16, conv" in abouts[1]


def test_the_picture_has_all_networks_of_its_table(tmp_path: Path) -> None:
    """Fails where training one network more, elsewhere, leaves its line alone in the picture."""
    pytest.importorskip("torch")
    out = ["-o", str(tmp_path), *ARGUMENTS]
    assert CliRunner().invoke(app, ["-r", str(tmp_path / "a"), *out]).exit_code == 0
    picture = (tmp_path / "ablation.png").read_bytes()
    result = CliRunner().invoke(app, ["-r", str(tmp_path / "b"), *out[:-1], "siman"])
    assert result.exit_code == 0
    assert f"stays as it is, the losses of biisnet-lite are not in {tmp_path / 'b'}" in result.output
    assert (tmp_path / "ablation.png").read_bytes() == picture
