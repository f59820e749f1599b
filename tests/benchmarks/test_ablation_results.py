# SPDX-License-Identifier: Apache-2.0
"""The ablation's figures: what is written is read."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.ablation_results import Budget, Measured, read, to_json, without_seed, without_worst
from biisnet.model.errors import InputError
from biisnet.model.metrics import Metrics
from biisnet.model.training.recipe import Recipe

ONE = Measured("bnn", 0, 8220, 0.48e9, Metrics(0.5, 0.25, 0.75, 1e-5), [(1, 2), (0, 3)])
BUDGET = Budget("30 epochs", without_seed(Recipe(epochs=30)), None, (ONE,))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    two = (ONE, replace(ONE, seed=1, overlaps=[]))
    budgets = [BUDGET, Budget("16 epochs", without_seed(Recipe(epochs=16)), BUDGET.recipe, two)]
    (tmp_path / "a.json").write_text(to_json(budgets))
    assert read(tmp_path / "a.json") == budgets
    assert [b.epochs for b in budgets] == [30, 46]
    assert read(tmp_path / "none.json") == []


def test_recipes_of_before_have_the_fields_of_now(tmp_path: Path) -> None:
    """Fails where the command of old figures begins a table anew, for a field that there was not then."""
    (tmp_path / "a.json").write_text(to_json([replace(BUDGET, recipe={"epochs": 30})]))
    assert read(tmp_path / "a.json") == [BUDGET]


def test_without_the_worst_frames() -> None:
    """Fails where frames are left out by their share of wrong pixels, or by their size."""
    overlaps = [(90, 100), (0, 5), (5, 40), (8, 8)]
    assert without_worst(overlaps, 1) == 98 / 113
    assert without_worst(overlaps, 2) == 8 / 13
    assert math.isnan(without_worst(overlaps, 4))


def test_a_figure_anew_takes_the_place_of_its_own() -> None:
    anew, other = replace(ONE, params=1), replace(ONE, seed=1)
    assert BUDGET.with_network(other).with_network(anew).networks == (anew, other)


@pytest.mark.parametrize("text", ['{"about": "", "networks": []}', "<<<<<<< HEAD", "[]"])
def test_figures_of_another_form_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json: has figures of another form; give another -o$"):
        read(tmp_path / "a.json")


def test_a_recipe_that_is_none_is_refused(tmp_path: Path) -> None:
    """Fails where the error does not say in which file."""
    (tmp_path / "a.json").write_text(to_json([replace(BUDGET, recipe={"gone": 1})]))
    with pytest.raises(InputError, match=r"a\.json: recipe: unknown field gone; .*; give another -o$"):
        read(tmp_path / "a.json")
