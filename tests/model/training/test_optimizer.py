# SPDX-License-Identifier: Apache-2.0
"""Which parameters are moved, by how much, and what their average is."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from biisnet.model import NetworkConfig  # noqa: E402
from biisnet.model.network import build  # noqa: E402
from biisnet.model.training.optimizer import learning_rate, make_average, parameter_groups  # noqa: E402
from biisnet.model.training.recipe import Recipe  # noqa: E402

TINY = NetworkConfig(channels=8, encoder_blocks=(1,), bottleneck_blocks=1, decoder_blocks=(1,))


def test_what_is_not_learned_is_not_trained() -> None:
    network = build(replace(TINY, estimator="ede"))
    trained = {id(p) for g in parameter_groups(network, Recipe()) for p in g["params"]}
    assert {n for n, p in network.named_parameters() if id(p) not in trained} == {
        n for n, _ in network.named_parameters() if n.endswith("_k")
    }


def test_learning_rate() -> None:
    recipe = Recipe(epochs=100, warmup_epochs=5, learning_rate=1.0)
    rates = [learning_rate(recipe, e) for e in np.linspace(0, 100, 401)]
    assert rates[0] < 0.01
    assert np.argmax(rates) == 20
    assert rates[20] == pytest.approx(1)
    assert rates[-1] == pytest.approx(1e-3)
    assert (np.diff(rates[20:]) <= 0).all()


@pytest.mark.parametrize("recipe", [Recipe(epochs=1), Recipe(epochs=2, warmup_epochs=1e-4), Recipe(warmup_epochs=0)])
def test_no_step_is_faster_than_asked(recipe: Recipe) -> None:
    rates = [learning_rate(recipe, e) for e in np.linspace(0, recipe.epochs, 1001)]
    assert 0 < max(rates) <= recipe.learning_rate


def test_weight_decay_is_for_convolutions() -> None:
    network = build(TINY)
    names = {id(p): n for n, p in network.named_parameters()}
    groups = parameter_groups(network, replace(Recipe(), k_rate=10.0))
    assert sum(len(g["params"]) for g in groups) == len(names)
    for group in groups:
        for parameter in group["params"]:
            assert (group["weight_decay"] > 0) == (parameter.ndim == 4)
            assert (group["times"] == 10) == names[id(parameter)].endswith("_k")


def test_the_first_steps_count_for_more_in_the_average() -> None:
    """min(decay, (1 + n) / (10 + n)): after two steps the average is not still the random start."""
    network = build(TINY)
    average = make_average(network, 0.998)
    assert average is not None
    start = network.head.bias.item()
    expected = start
    for n in range(3):
        with torch.no_grad():
            network.head.bias.fill_(n + 1.0)
        average.update_parameters(network)
        # torch copies the first time
        expected = n + 1.0 if n == 0 else expected * (1 + n) / (10 + n) + (n + 1.0) * (1 - (1 + n) / (10 + n))
        assert average.module.head.bias.item() == pytest.approx(expected)
    assert make_average(network, 0) is None
