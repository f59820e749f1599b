# SPDX-License-Identifier: Apache-2.0
"""The ablation's figures, as they are kept in docs/ablation.json: budgets, and what each network came to with each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from biisnet.model.errors import InputError
from biisnet.model.metrics import Metrics
from biisnet.model.training.recipe import Recipe

Overlaps = list[tuple[int, int]]


@dataclass(frozen=True)
class Measured:
    """One network, trained with one seed; Params and OPs are counted with three input channels, as the paper's are."""

    network: str
    seed: int
    params: float
    ops: float
    metrics: Metrics
    overlaps: Overlaps
    """Each frame's pixels of intersection and union; none are kept of the oldest figures."""


@dataclass(frozen=True)
class Budget:
    """Networks that were trained alike: figures of another budget are not beside these."""

    about: str
    after: int
    """Epochs before these, of another recipe."""
    recipe: dict[str, Any]
    """All fields but the seed."""
    networks: tuple[Measured, ...]

    def with_network(self, new: Measured) -> Budget:
        """With another figure, or one anew."""
        key = (new.network, new.seed)
        rest = {(m.network, m.seed): m for m in self.networks}
        return replace(self, networks=tuple((rest | {key: new}).values()))


def read(path: Path) -> list[Budget]:
    """All budgets, the one measured last at the end; none where there is no file. Raises InputError."""
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    if "budgets" not in found:
        raise InputError(f"{path}: has figures of another form; give another -o")
    return [
        Budget(**{**b, "recipe": of_all_fields(b["recipe"]), "networks": tuple(map(_measured, b["networks"]))})
        for b in found["budgets"]
    ]


def of_all_fields(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe without its seed, with the fields that there were not when it was written. Raises InputError."""
    return without_seed(Recipe.from_json(json.dumps(recipe)))


def without_seed(recipe: Recipe) -> dict[str, Any]:
    """What runs of several seeds have in common."""
    return {key: value for key, value in json.loads(recipe.to_json()).items() if key != "seed"}


def _measured(row: dict[str, Any]) -> Measured:
    overlaps = [(both, either) for both, either in row["overlaps"]]
    return Measured(**{**row, "metrics": Metrics(**row["metrics"]), "overlaps": overlaps})


def to_json(budgets: list[Budget]) -> str:
    """A line for each network."""
    texts = []
    for b in budgets:
        rows = ",\n  ".join(json.dumps(asdict(m)) for m in b.networks)
        about, recipe = json.dumps(b.about), json.dumps(b.recipe, sort_keys=True)
        texts.append(
            f' {{"about": {about},\n "after": {b.after},\n "recipe": {recipe},\n "networks": [\n  {rows}\n ]}}'
        )
    return '{"budgets": [\n' + ",\n".join(texts) + "\n]}\n"
