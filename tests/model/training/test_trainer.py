# SPDX-License-Identifier: Apache-2.0
"""Runs: the same seed gives the same weights, broken off or not; what is wrong is said."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save  # noqa: E402

from biisnet.model import NetworkConfig  # noqa: E402
from biisnet.model.datasets import Frame  # noqa: E402
from biisnet.model.errors import InputError  # noqa: E402
from biisnet.model.layers import BinaryConvLayer  # noqa: E402
from biisnet.model.network import BiisNet, build  # noqa: E402
from biisnet.model.predict import predict  # noqa: E402
from biisnet.model.scenes import scenes  # noqa: E402
from biisnet.model.training import trainer  # noqa: E402
from biisnet.model.training.checkpoint import State, read_state  # noqa: E402
from biisnet.model.training.distillation import Teacher  # noqa: E402
from biisnet.model.training.losses import LOSSES  # noqa: E402
from biisnet.model.training.recipe import Phase, Recipe  # noqa: E402
from biisnet.model.training.run_files import BEST, LAST, RECIPE_FILE  # noqa: E402
from biisnet.model.training.trainer import Options, Progress, begin, make_fabric, resume, train  # noqa: E402
from biisnet.model.weights import RUN_KEY, load  # noqa: E402

TINY = NetworkConfig(channels=8, encoder_blocks=(1,), bottleneck_blocks=1, decoder_blocks=(1,))
OPTIONS = Options()
RECIPE = Recipe(epochs=3, phases=(Phase(0, 16, 4), Phase(0.6, 24, 4)), size=(32, 32), validate_every=1)


class BrokenOffError(Exception):
    """Where a test breaks a run off."""


def run(
    folder: Path,
    recipe: Recipe = RECIPE,
    stop: tuple[int, int] | None = None,
    seed: int = 0,
    network: NetworkConfig = TINY,
    options: Options = OPTIONS,
    teacher: Teacher | None = None,
    start: int = 0,
) -> State:
    """A run on ten scenes, broken off after (epoch, step)."""
    folder.mkdir(exist_ok=True)
    frames = scenes(10, 32, 32, seed=seed)

    def report(p: Progress) -> None:
        if (p.epoch, p.step) == stop:
            raise BrokenOffError

    fabric = make_fabric(options.precision)
    return train(fabric, build(network, start), frames[:8], frames[8:], recipe, folder, options, report, teacher)


def same(one: Path, other: Path) -> bool:
    a, b = load_file(one), load_file(other)
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("stop", [(1, 1), (2, 2), (3, 1)])
@pytest.mark.parametrize(
    ("network", "recipe"),
    [
        (TINY, RECIPE),
        (TINY, replace(RECIPE, average=0.0)),
        (replace(TINY, estimator="ede"), RECIPE),
        (replace(TINY, scheme="adabin"), RECIPE),
        (TINY, replace(RECIPE, paste=0.5, scenes=0.3, hard=0.5, hard_every=2)),
        (TINY, replace(RECIPE, real_weights=0.5, average=0.0)),
    ],
    ids=["default", "no average", "ede", "adabin", "other contents", "two steps"],
)
def test_a_resumed_run_ends_with_the_same_weights(
    network: NetworkConfig, recipe: Recipe, stop: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails where anything that a step depends on is not in the checkpoint."""
    monkeypatch.setattr(trainer, "mine", surest)
    unbroken = run(tmp_path / "unbroken", recipe, network=network)
    with pytest.raises(BrokenOffError):
        run(tmp_path / "broken", recipe, stop, network=network)
    resumed = run(tmp_path / "broken", recipe, network=network)
    assert replace(resumed, seconds=0) == replace(unbroken, seconds=0)
    for name in (LAST, BEST):
        assert same(tmp_path / "unbroken" / name, tmp_path / "broken" / name)
    tables = [(tmp_path / f / "history.csv").read_text().splitlines() for f in ("unbroken", "broken")]
    assert [[c for n, c in enumerate(line.split(",")) if n != 3] for line in tables[0]] == [
        [c for n, c in enumerate(line.split(",")) if n != 3] for line in tables[1]
    ]


def surest(network: BiisNet, frames: list[Frame]) -> Any:
    """In place of false alarms, which so small a network has none of yet: each frame's surest pixel."""
    pixels = [np.unravel_index(predict(network, f.image).argmax(), f.mask.shape) for f in frames]
    return np.array([[n, *pixel] for n, pixel in enumerate(pixels)], np.int64)


def test_a_teacher_is_the_runs_own(tmp_path: Path) -> None:
    """Fails where a teacher changes nothing, is trained too, or a run goes on with another one."""
    recipe, teachers = replace(RECIPE, epochs=1), [Teacher(build(TINY, seed)) for seed in (1, 2)]
    before = teachers[0].digest()
    run(tmp_path / "alone", recipe)
    run(tmp_path / "taught", recipe, teacher=teachers[0])
    assert not same(tmp_path / "alone" / LAST, tmp_path / "taught" / LAST)
    assert teachers[0].digest() == before
    assert read_state(tmp_path / "taught" / LAST)[0].teacher == before
    with pytest.raises(InputError, match="of a run with another teacher"):
        run(tmp_path / "taught", recipe, teacher=teachers[1])
    with pytest.raises(InputError, match="of a run with a teacher"):
        run(tmp_path / "taught", recipe)
    run(tmp_path / "no weight", replace(recipe, distill=0), teacher=teachers[0])
    a, b = (load(tmp_path / name / BEST).state_dict() for name in ("alone", "no weight"))
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_two_steps_of_training(tmp_path: Path) -> None:
    """Fails where the first step's weights are binarized, or those that are kept are not."""
    once, twice = replace(RECIPE, epochs=1), replace(RECIPE, epochs=1, real_weights=1.0)
    run(tmp_path / "once", once)
    run(tmp_path / "twice", twice)
    assert not same(tmp_path / "once" / LAST, tmp_path / "twice" / LAST)
    network = build(TINY)
    network.keep_real(True)
    train(make_fabric("float32"), network, scenes(8, 32, 32), scenes(2, 32, 32, seed=9), once, tmp_path, OPTIONS, print)
    signs = [m.binary_weight()[0] for m in network.modules() if isinstance(m, BinaryConvLayer)]
    assert all(set(s.unique().tolist()) <= {-1.0, 1.0} for s in signs)


def test_the_places_of_hard_negatives_are_in_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "mine", surest)
    run(tmp_path, replace(RECIPE, hard=0.5, hard_every=2))
    assert load_file(tmp_path / LAST)["hard"].shape == (8, 3)
    assert load(tmp_path / LAST).config == TINY


def test_what_a_run_leaves(tmp_path: Path) -> None:
    state = run(tmp_path / "run")
    assert {p.name for p in (tmp_path / "run").iterdir()} == {LAST, BEST, RECIPE_FILE, "history.csv", "curves.png"}
    assert Recipe.from_json((tmp_path / "run" / RECIPE_FILE).read_text()) == RECIPE
    assert read_state(tmp_path / "run" / LAST)[0] == state
    assert state.epoch == 3
    best = load(tmp_path / "run" / BEST)
    assert best.config == TINY
    assert best.seed is None  # its weights are random no longer, and no export may say so
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 4


def test_the_best_network_is_written_again(tmp_path: Path) -> None:
    """A run killed between its checkpoint and its best network loses neither."""
    state = run(tmp_path / "run")
    best = tmp_path / "run" / BEST
    written = best.read_bytes()
    best.unlink()
    path = tmp_path / "run" / LAST
    _, tensors = read_state(path)
    path.write_bytes(save(tensors, metadata={RUN_KEY: json.dumps(asdict(replace(state, best_epoch=state.epoch)))}))
    run(tmp_path / "run")
    assert load(best).config == TINY
    assert (best.read_bytes() == written) == (state.best_epoch == state.epoch)


def test_seeds_differ(tmp_path: Path) -> None:
    run(tmp_path / "a")
    run(tmp_path / "b", replace(RECIPE, seed=1))
    assert not same(tmp_path / "a" / LAST, tmp_path / "b" / LAST)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": replace(RECIPE, learning_rate=1e-3)}, r"another recipe \(learning_rate 0.003, not 0.001\)"),
        ({"network": replace(TINY, estimator="ede")}, r'another network \(estimator "dysoftsign", not "ede"\)'),
        (
            {"recipe": replace(RECIPE, phases=(Phase(0, 16, 3),))},
            r"phases \[.*\], not \[\{\"begin\": 0, \"crop\": 16, \"batch\": 3\}\]",
        ),
        ({"seed": 5}, "of a run with other frames"),
        ({"start": 1}, "of a run with other weights to begin with"),
        ({"options": Options("bfloat16")}, r"another precision \(float32, not bfloat16\)"),
    ],
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
    path = tmp_path / "run" / LAST
    _, tensors = read_state(path)
    about = asdict(state)
    del about["network"]["sampling_layer"], about["start"]
    path.write_bytes(save(tensors, metadata={RUN_KEY: json.dumps(about)}))
    assert run(tmp_path / "run").epoch == state.epoch


@pytest.mark.parametrize("part", ["train", "validate"])
def test_frames_without_targets(part: str, tmp_path: Path) -> None:
    """mIoU of them is no number, so no network would be the best."""
    frames = scenes(10, 32, 32)
    bare = [replace(f, mask=np.zeros_like(f.mask)) for f in frames]
    training, validation = (bare[:8], frames[8:]) if part == "train" else (frames[:8], bare[8:])
    with pytest.raises(InputError, match=f"none of the . frames to {part} on has a target"):
        train(make_fabric("float32"), build(TINY), training, validation, RECIPE, tmp_path, OPTIONS, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_gradient_that_is_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss may be a number where its gradient is none."""

    def root(logits: Any, target: Any) -> Any:
        return (logits - logits.detach()).square().sum().sqrt() + 1

    monkeypatch.setitem(LOSSES, "dice", root)
    with pytest.raises(InputError, match=r"the gradient's norm is nan: try a lower learning rate"):
        run(tmp_path / "run", replace(RECIPE, loss="dice"))


def test_a_damaged_checkpoint(tmp_path: Path) -> None:
    state = run(tmp_path / "run")
    path = tmp_path / "run" / LAST
    _, tensors = read_state(path)
    for damaged in (
        {k: t for k, t in tensors.items() if k != "model.head.bias"},
        tensors | {"exp_avg.head.bias": torch.zeros(3)},
    ):
        path.write_bytes(save(damaged, metadata={RUN_KEY: json.dumps(asdict(state))}))
        with pytest.raises(InputError, match=r"last\.safetensors: no training checkpoint, or a damaged one"):
            run(tmp_path / "run")


def test_moments_keep_their_memory_layout(tmp_path: Path) -> None:
    """Sums over a parameter follow its layout, so that of an unbroken run must come back."""
    state = run(tmp_path / "run")
    network = build(TINY).to(memory_format=torch.channels_last)
    resumed = begin(network, state)
    resume(resumed, tmp_path / "run" / LAST)
    convolutions = [p for p in network.parameters() if p.ndim == 4]
    assert any(p.stride() != p.contiguous().stride() for p in convolutions)
    for parameter in convolutions:
        assert resumed.optimizer.state[parameter]["exp_avg"].stride() == parameter.stride()


def test_a_loss_that_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the loss is .*: try a lower learning rate"):
        run(tmp_path / "run", replace(RECIPE, learning_rate=1e20, clip=1e20, warmup_epochs=0, epochs=20))


@pytest.mark.parametrize("average", [0.9, 0.0])
def test_a_runs_state_is_a_network_too(average: float, tmp_path: Path) -> None:
    """Fails where what a run would keep cannot be got out of last.safetensors, or is the weights before averaging."""
    run(tmp_path, replace(RECIPE, average=average, validate_every=3))  # so its only validation is after the last epoch
    best, last = load(tmp_path / BEST), load(tmp_path / LAST)
    assert best.config == last.config
    assert all(torch.equal(a, b) for a, b in zip(best.parameters(), last.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(best.buffers(), last.buffers(), strict=True) if a.is_floating_point())
