"""Runs: the same seed gives the same weights, broken off or not; what is wrong is said."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save  # noqa: E402

from biisnet.model import NetworkConfig  # noqa: E402
from biisnet.model.errors import InputError  # noqa: E402
from biisnet.model.network import build  # noqa: E402
from biisnet.model.scenes import scenes  # noqa: E402
from biisnet.model.training.checkpoint import KEY, State, read_state  # noqa: E402
from biisnet.model.training.recipe import Phase, Recipe  # noqa: E402
from biisnet.model.training.trainer import (  # noqa: E402
    BEST,
    LAST,
    Options,
    Progress,
    learning_rate,
    make_fabric,
    parameter_groups,
    train,
)
from biisnet.model.weights import load  # noqa: E402

TINY = NetworkConfig(channels=8, encoder_blocks=(1,), bottleneck_blocks=1, decoder_blocks=(1,))
RECIPE = Recipe(epochs=3, phases=(Phase(0, 16, 4), Phase(0.6, 24, 4)), size=(32, 32), validate_every=1)


class BrokenOffError(Exception):
    """Where a test breaks a run off."""


def run(folder: Path, recipe: Recipe = RECIPE, stop: tuple[int, int] | None = None, seed: int = 0) -> State:
    """A run on ten scenes, broken off after (epoch, step)."""
    folder.mkdir(exist_ok=True)
    frames = scenes(10, 32, 32, seed=seed)

    def report(p: Progress) -> None:
        if (p.epoch, p.step) == stop:
            raise BrokenOffError

    return train(make_fabric(False), build(TINY), frames[:8], frames[8:], recipe, folder, Options(), report)


def same(one: Path, other: Path) -> bool:
    a, b = load_file(one), load_file(other)
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("stop", [(1, 1), (2, 2), (3, 1)])
def test_a_resumed_run_ends_with_the_same_weights(stop: tuple[int, int], tmp_path: Path) -> None:
    """Fails where anything that a step depends on is not in the checkpoint."""
    unbroken = run(tmp_path / "unbroken")
    with pytest.raises(BrokenOffError):
        run(tmp_path / "broken", stop=stop)
    resumed = run(tmp_path / "broken")
    assert replace(resumed, seconds=0) == replace(unbroken, seconds=0)
    for name in (LAST, BEST):
        assert same(tmp_path / "unbroken" / name, tmp_path / "broken" / name)
    tables = [(tmp_path / f / "history.csv").read_text().splitlines() for f in ("unbroken", "broken")]
    assert [[c for n, c in enumerate(line.split(",")) if n != 3] for line in tables[0]] == [
        [c for n, c in enumerate(line.split(",")) if n != 3] for line in tables[1]
    ]


def test_what_a_run_leaves(tmp_path: Path) -> None:
    state = run(tmp_path / "run")
    assert {p.name for p in (tmp_path / "run").iterdir()} == {LAST, BEST, "history.csv", "curves.png"}
    assert read_state(tmp_path / "run" / LAST)[0] == state
    assert state.epoch == 3
    assert load(tmp_path / "run" / BEST).config == TINY
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 4


def test_seeds_differ(tmp_path: Path) -> None:
    run(tmp_path / "a")
    run(tmp_path / "b", replace(RECIPE, seed=1))
    assert not same(tmp_path / "a" / LAST, tmp_path / "b" / LAST)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"recipe": replace(RECIPE, learning_rate=1e-3)}, "another recipe"), ({"seed": 5}, "another data")],
)
def test_another_run_is_not_gone_on_with(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    run(tmp_path / "run")
    before = (tmp_path / "run" / LAST).read_bytes()
    with pytest.raises(InputError, match=message):
        run(tmp_path / "run", **options)
    assert (tmp_path / "run" / LAST).read_bytes() == before


def test_a_configuration_from_before_a_field_was_there(tmp_path: Path) -> None:
    """Fails where a run cannot be gone on with because the network's description has got a new field."""
    state = run(tmp_path / "run")
    fields = {k: v for k, v in json.loads(state.network).items() if k != "sampling_layer"}
    path = tmp_path / "run" / LAST
    _, tensors = read_state(path)
    about = {**state.__dict__, "recipe": json.loads(state.recipe.to_json()), "network": json.dumps(fields)}
    path.write_bytes(save(tensors, metadata={KEY: json.dumps(about)}))
    assert run(tmp_path / "run").epoch == state.epoch


def test_what_is_not_learned_is_not_trained() -> None:
    network = build(replace(TINY, estimator="ede"))
    trained = {id(p) for g in parameter_groups(network, RECIPE) for p in g["params"]}
    assert {n for n, p in network.named_parameters() if id(p) not in trained} == {
        n for n, _ in network.named_parameters() if n.endswith("_k")
    }


def test_a_loss_that_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the loss is .*: try a lower learning rate"):
        run(tmp_path / "run", replace(RECIPE, learning_rate=1e20, clip=1e20, warmup_epochs=0, epochs=20))


@pytest.mark.parametrize("content", [b"", b"hello, this is no checkpoint", b"\x08\0\0\0\0\0\0\0{}      "])
def test_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    (tmp_path / LAST).write_bytes(content)
    with pytest.raises(ValueError, match="no training checkpoint"):
        read_state(tmp_path / LAST)


def test_learning_rate() -> None:
    recipe = Recipe(epochs=100, warmup_epochs=5, learning_rate=1.0)
    rates = [learning_rate(recipe, e) for e in np.linspace(0, 100, 401)]
    assert rates[0] < 0.01
    assert np.argmax(rates) == 20
    assert rates[20] == pytest.approx(1)
    assert rates[-1] == pytest.approx(1e-3)
    assert (np.diff(rates[20:]) <= 0).all()


def test_weight_decay_is_for_convolutions() -> None:
    network = build(TINY)
    names = {id(p): n for n, p in network.named_parameters()}
    groups = parameter_groups(network, replace(RECIPE, k_rate=10.0))
    assert sum(len(g["params"]) for g in groups) == len(names)
    for group in groups:
        for parameter in group["params"]:
            assert (group["weight_decay"] > 0) == (parameter.ndim == 4)
            assert (group["times"] == 10) == names[id(parameter)].endswith("_k")
