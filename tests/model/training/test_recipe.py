# SPDX-License-Identifier: Apache-2.0
"""Recipes as JSON, in whole and in part."""

import json
from dataclasses import replace

import pytest

from biisnet.model.errors import InputError
from biisnet.model.training.recipe import FINE_TUNING, Phase, Recipe


def test_json_and_back() -> None:
    recipe = Recipe(epochs=7, phases=(Phase(0, 32, 2), Phase(0.5, 64, 1)), loss="dice")
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe.from_json('{"epochs": 3}') == Recipe(epochs=3)


def test_phases() -> None:
    recipe = Recipe(epochs=10, phases=(Phase(0, 32, 2), Phase(0.8, 64, 1)))
    assert [recipe.phase(e).crop for e in range(10)] == [32] * 8 + [64] * 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": 2.5}, "epochs is 2.5, must be a whole number"),
        ({"epochs": True}, "epochs is True, must be a whole number"),
        ({"clip": 0}, "clip is 0"),
        ({"clip": float("nan")}, "clip is nan, must be a finite number"),
        ({"weight_decay": -1}, "weight_decay is -1"),
        ({"near_target": 1.5}, "near_target is 1.5"),
        ({"contrast": 1}, "contrast is 1"),
        ({"seed": -1}, "seed is -1"),
        ({"size": [256]}, "size is .*, must be a list of 2, each a whole number"),
        ({"size": [0, 256]}, "size is"),
        ({"size": "256x256"}, "size is '256x256', must be a list of 2"),
        ({"phases": [3]}, "phases: expected a JSON object, got int"),
        ({"phases": [{"begin": 0, "crop": 8, "batch": 1, "typo": 1}]}, "phases: unknown field typo"),
        ({"loss": 3}, "loss is 3, must be a text"),
        ({"phases": []}, "phases is"),
        ({"phases": [{"begin": 0, "crop": 8}]}, "phases: lacks batch"),
        ({"phases": [{"begin": 1, "crop": 8, "batch": 1}]}, "phases: begin is 1"),
        ({"phases": [{"begin": b, "crop": 8, "batch": 1} for b in (0, 0.5, 0.5)]}, "later than the one before"),
        ({"phases": [{"begin": 0.5, "crop": 8, "batch": 1}]}, "begins at 0"),
        ({"phases": [{"begin": 0, "crop": 0, "batch": 1}]}, "phases: crop is 0"),
        ({"loss": "softiou+mse"}, "loss is 'softiou.mse'"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"average": 1}, "average is 1"),
        ({"scale": [2, 1]}, "scale is"),
        ({"typo": 1}, "unknown field typo"),
    ],
)
def test_what_trains_nothing_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Recipe.from_json(json.dumps(fields))


def test_fields_beside_another_recipe() -> None:
    """Those that are absent are its own, and those that are given checked as ever."""
    found = Recipe.from_json('{"epochs": 3}', FINE_TUNING)
    assert found == replace(FINE_TUNING, epochs=3)
    assert found != Recipe(epochs=3)
    with pytest.raises(InputError, match="unknown field typo"):
        Recipe.from_json('{"typo": 1}', FINE_TUNING)
    with pytest.raises(InputError, match="epochs is 0"):
        Recipe.from_json('{"epochs": 0}', FINE_TUNING)
