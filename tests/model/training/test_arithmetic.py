# SPDX-License-Identifier: Apache-2.0
"""Training in integers: through the scales of each epoch, resumed as if unbroken, refused where it means nothing.

In place of the compiler's calibration there is one that rounds to steps of its own: what the compiler's gives is in
tests/tools/test_train_integers.py.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from biisnet.model import NetworkConfig  # noqa: E402
from biisnet.model.errors import InputError  # noqa: E402
from biisnet.model.integer import IntegerNetwork, MapConstants, MapScale  # noqa: E402
from biisnet.model.integer.network import Walk  # noqa: E402
from biisnet.model.integer.scales import Stores  # noqa: E402
from biisnet.model.integer.sums import Sum  # noqa: E402
from biisnet.model.integer.terms import Reduced, Tensors, byte  # noqa: E402
from biisnet.model.network import BiisNet, build  # noqa: E402
from biisnet.model.predict import predict  # noqa: E402
from biisnet.model.scenes import scenes  # noqa: E402
from biisnet.model.training.arithmetic import Integers  # noqa: E402
from biisnet.model.training.checkpoint import State  # noqa: E402
from biisnet.model.training.recipe import FINE_TUNING, Phase, Recipe  # noqa: E402
from biisnet.model.training.run_files import BEST, LAST  # noqa: E402
from biisnet.model.training.trainer import Options, Progress, make_fabric, train  # noqa: E402
from biisnet.model.weights import load  # noqa: E402

TINY = NetworkConfig(channels=8, encoder_blocks=(1,), bottleneck_blocks=1, decoder_blocks=(1,))
RECIPE = replace(FINE_TUNING, epochs=3, phases=(Phase(0, 16, 4),), size=(32, 32))


class Made(Stores):
    """Stored maps in steps of a 16th, of the logits of a 256th; what a calibration would hand over."""

    def __init__(self) -> None:
        super().__init__([])
        self.constants: list[MapConstants] = []

    def step(self, value: Sum) -> tuple[torch.Tensor, int]:
        self.wide = isinstance(value.terms[0], Reduced)
        return torch.full_like(value.offset, 1 / 256 if self.wide else 1 / 16).detach(), 0 if self.wide else 6

    def scale(self, exact: list[Tensors], bias: torch.Tensor) -> MapScale:
        bits, shift, sigma = (16, 0, 1 / 256) if self.wide else (8, 6, 1 / 16)
        steps = torch.full_like(bias, sigma)
        b = bias.round()
        terms = tuple({n: byte(x).numpy().astype(np.int8) for n, x in found.items()} for found in exact)
        name = f"map {self.stored}"
        self.constants.append(MapConstants(name, bits, shift, steps.numpy(), b.numpy().astype(np.int32), terms))
        nudges = tuple({n: torch.zeros_like(x) for n, x in found.items()} for found in exact)
        return MapScale(name, bits, shift, steps, (b - bias) * steps * 2.0**-shift, nudges)


@torch.no_grad()
def calibrate(network: BiisNet) -> list[MapConstants]:
    """In place of the compiler's."""
    made = Made()
    Walk(network, made).logits(torch.zeros(1, 1, 4, 4))
    return made.constants


def run(
    folder: Path, recipe: Recipe = RECIPE, stop: tuple[int, int] | None = None, said: list[Progress] | None = None
) -> State:
    """A run on ten scenes, broken off after (epoch, step)."""
    folder.mkdir(exist_ok=True)
    frames = scenes(10, 32, 32)

    def report(p: Progress) -> None:
        if said is not None:
            said.append(p)
        if (p.epoch, p.step) == stop:
            raise KeyboardInterrupt

    fabric, options = make_fabric("int8"), Options("int8")
    return train(fabric, build(TINY), frames[:8], frames[8:], recipe, folder, options, report, calibrate=calibrate)


@pytest.mark.parametrize("stop", [(1, 1), (2, 2)])
@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, average=0.0, validate_every=2)], ids=["average", "none"])
def test_a_resumed_run_ends_with_the_same_weights(recipe: Recipe, stop: tuple[int, int], tmp_path: Path) -> None:
    """Fails where the scales of an epoch follow from anything but the checkpoint."""
    unbroken = run(tmp_path / "unbroken", recipe)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", recipe, stop)
    resumed = run(tmp_path / "broken", recipe)
    assert replace(resumed, seconds=0) == replace(unbroken, seconds=0)
    for name in (LAST, BEST):
        a, b = (load_file(tmp_path / folder / name) for folder in ("unbroken", "broken"))
        assert a.keys() == b.keys()
        assert all(torch.equal(a[k], b[k]) for k in a)


def test_what_is_validated_is_the_integer_network(tmp_path: Path) -> None:
    """The metrics before training, and those of the network that is kept; BatchNorm's statistics stay."""
    said: list[Progress] = []
    recipe = replace(RECIPE, epochs=1)
    state = run(tmp_path, recipe, said=said)
    frames = scenes(10, 32, 32)
    assert [p.epoch for p in said if p.metrics] == [0, 1]
    start, kept = build(TINY), load(tmp_path / BEST)
    for network, progress in ((start, said[0]), (kept, said[-1])):
        integer = IntegerNetwork(network)
        integer.anchor(calibrate(network))
        found = [predict(integer, f.image) > 0.5 for f in frames[8:]]
        both = sum(float((m & f.mask).sum()) for m, f in zip(found, frames[8:], strict=True))
        either = sum(float((m | f.mask).sum()) for m, f in zip(found, frames[8:], strict=True))
        assert progress.metrics is not None
        assert progress.metrics.miou == pytest.approx(both / either)
    assert state.precision == "int8"
    moved = [n for (n, a), b in zip(start.named_parameters(), kept.parameters(), strict=True) if not torch.equal(a, b)]
    assert "encoder.0.0.binary.weight" in moved
    names = [n for n, _ in start.named_buffers() if "running" in n]
    assert all(torch.equal(start.get_buffer(n), kept.get_buffer(n)) for n in names)


def test_a_float_run_is_another(tmp_path: Path) -> None:
    run(tmp_path, replace(RECIPE, epochs=1))
    frames = scenes(10, 32, 32)
    recipe = replace(RECIPE, epochs=1)
    with pytest.raises(InputError, match=r"of a run with another precision \(int8, not float32\)"):
        train(make_fabric("float32"), build(TINY), frames[:8], frames[8:], recipe, tmp_path, Options(), lambda _: None)


@pytest.mark.parametrize(
    ("config", "recipe", "message"),
    [
        (replace(TINY, scheme="adabin"), RECIPE, "a network of scheme adabin cannot be trained in integers"),
        (replace(TINY, weight_offset=True), RECIPE, "a network with an offset of the weights cannot be trained"),
        (TINY, replace(RECIPE, real_weights=0.5), "recipe: real_weights is 0.5; in integers weights are binarized"),
    ],
)
def test_what_cannot_be_trained(config: NetworkConfig, recipe: Recipe, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Integers(build(config), recipe, calibrate)
