# SPDX-License-Identifier: Apache-2.0
"""The ablation's figures, as they are kept in docs/ablation.json: budgets, and what each network came to with each."""

from __future__ import annotations

import json
import math
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


def without_worst(overlaps: Overlaps, count: int) -> float:
    """mIoU without the `count` frames that have the most wrong pixels; NaN where there are no more."""
    rest = sorted(overlaps, key=lambda frame: frame[1] - frame[0])[: max(0, len(overlaps) - count)]
    either = sum(e for _, e in rest)
    return sum(both for both, _ in rest) / either if either else math.nan


@dataclass(frozen=True)
class Budget:
    """Networks that were trained alike: figures of another budget are not beside these."""

    about: str
    recipe: dict[str, Any]
    """All fields but the seed."""
    before: dict[str, Any] | None
    """The same of the cycle that these networks had been trained by before; None where they began as random."""
    networks: tuple[Measured, ...]

    @property
    def epochs(self) -> int:
        """Of all cycles."""
        return int(self.recipe["epochs"] + (self.before["epochs"] if self.before else 0))

    def with_network(self, new: Measured) -> Budget:
        """With another figure, or one anew."""
        key = (new.network, new.seed)
        rest = {(m.network, m.seed): m for m in self.networks}
        return replace(self, networks=tuple((rest | {key: new}).values()))


def read(path: Path) -> list[Budget]:
    """All budgets, the one measured last at the end; none where there is no file. Raises InputError."""
    if not path.exists():
        return []
    try:
        return [_budget(b) for b in json.loads(path.read_text())["budgets"]]
    except InputError as e:
        raise InputError(f"{path}: {e}; give another -o") from e
    except (KeyError, TypeError, ValueError) as e:
        raise InputError(f"{path}: has figures of another form; give another -o") from e


def _budget(b: dict[str, Any]) -> Budget:
    recipe, before = of_all_fields(b["recipe"]), b["before"] and of_all_fields(b["before"])
    return Budget(b["about"], recipe, before, tuple(map(_measured, b["networks"])))


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
        about, recipe, before = (json.dumps(part, sort_keys=True) for part in (b.about, b.recipe, b.before))
        texts.append(
            f' {{"about": {about},\n "recipe": {recipe},\n "before": {before},\n "networks": [\n  {rows}\n ]}}'
        )
    return '{"budgets": [\n' + ",\n".join(texts) + "\n]}\n"
