# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.crossvalidation`: compare recipes by networks that are judged on frames they have not seen.

Each recipe trains a network a fold, from the same start; after its last epoch it is measured on the frames held out,
so nothing is picked by them. A run goes on where it was killed: RUNS/RECIPE/fold-N is a folder as `biisnet train` makes
it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from biisnet.model.datasets import Frame, Say
from biisnet.model.errors import InputError
from biisnet.model.files import write_whole
from biisnet.model.metrics import Counts, Metrics
from biisnet.model.source import Source
from biisnet.model.training.folds import folds, spreads
from biisnet.model.training.recipe import Recipe
from biisnet.tools.cli.command import SETTINGS, Command
from biisnet.tools.cli.errors import reports_errors
from biisnet.tools.cli.terminal import Speaker
from biisnet.tools.train import read_recipe

if TYPE_CHECKING:
    from biisnet.model.training.trainer import Options

from .earlier import read_earlier
from .table import grid, spoken
from .training_run import measure, options_of, train_network

say = Speaker()
RESULT = "crossvalidation.json"


@dataclass(frozen=True)
class Validated:
    """Results of one recipe, which is called as its file is."""

    recipe: str
    fields: dict[str, Any]
    folds: list[Metrics]
    together: Metrics
    """Figures of all frames as one data set, each by the network that has not seen it: what the field's mIoU is."""


def validate_recipe(
    recipe: Recipe, parts: list[tuple[list[Frame], list[Frame]]], folder: Path, start: str, options: Options, say: Say
) -> Validated:
    """Train and measure a network a fold, or go on with them."""
    found = []
    for n, frames in enumerate(parts, 1):
        title = f"{folder.name}, fold {n}"
        network = train_network(title, start, recipe, frames, folder / f"fold-{n}", options, say)
        found.append(measure(title, network, frames[1], say))
    fields = json.loads(recipe.to_json())
    return Validated(folder.name, fields, [counts.metrics() for counts in found], sum(found, Counts()).metrics())


def earlier(path: Path, about: dict[str, Any]) -> dict[str, Validated]:
    """Results in a file, by the recipes' names. Raises InputError."""

    def parse(result: dict[str, Any]) -> dict[str, Validated]:
        return {
            r["recipe"]: Validated(
                r["recipe"], r["fields"], [Metrics(**m) for m in r["folds"]], Metrics(**r["together"])
            )
            for r in result["recipes"]
        }

    return read_earlier(path, about, parse, "results")


def markdown(results: list[Validated]) -> str:
    """A line a recipe: mean and standard deviation over the folds, then all frames together."""
    titles = ["recipe", "folds", "mIoU, %", "nIoU, %", "Pd, %", "Fa, 1e-6", "together: mIoU", "nIoU", "Pd", "Fa"]
    lines = []
    for r in results:
        own, scales = spreads(r.folds), {"miou": 100, "niou": 100, "pd": 100, "fa": 1e6}
        whole = [f"{scale * getattr(r.together, name):.1f}" for name, scale in scales.items()]
        lines.append([r.recipe, str(len(r.folds)), *(spoken(own[n], scale) for n, scale in scales.items()), *whole])
    return grid(titles, lines, numbers=9)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(cls=Command, context_settings=SETTINGS)
@reports_errors
def crossvalidation(
    folder: Annotated[Path, typer.Option("-r", "--runs", metavar="DIR", help="The runs, gone on with.")],
    recipe: Annotated[list[Path], typer.Option("--recipe", metavar="FILE", help="JSON; may be given many times.")],
    start: Annotated[
        str, typer.Option("--start", help="A network's name, or a checkpoint that has seen none of the frames.")
    ] = "biisnet",
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="A data set.")] = None,
    split: Annotated[str, typer.Option("--split", help="Of it.")] = "trainval",
    scenes: Annotated[int, typer.Option("--scenes", min=4, help="Without --data: made-up scenes.")] = 256,
    count: Annotated[int, typer.Option("--folds", min=2, help="How many.")] = 5,
    only: Annotated[int | None, typer.Option("--only", min=1, help="The first so many, where time is short.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Instead of the recipes'.")] = None,
    compile_: Annotated[
        bool, typer.Option("--compile/--no-compile", help="torch.compile, as in biisnet train.")
    ] = False,
    precision: Annotated[str, typer.Option("--precision", help="Of convolutions: float32, bfloat16.")] = "float32",
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="[default: all]")] = None,
) -> None:
    """Cross-validate recipes; the figures go to RUNS/crossvalidation.json and, as a table, to standard output."""
    import torch

    options = options_of(precision, compile_)
    named = {path.stem: read_recipe(path, epochs, None) for path in recipe}
    if len(named) < len(recipe):
        raise InputError("--recipe: two files of one name; a recipe's runs are in the folder that is called so")
    if len(sizes := {r.size for r in named.values()}) > 1:
        raise InputError(f"--recipe: sizes {sorted(sizes)}; figures of frames of several sizes do not compare")
    if threads:
        torch.set_num_threads(threads)
    source = Source(data, split, 0 if data else scenes, 0)
    parts = folds(source.read(sizes.pop(), say), count)[:only]
    about = {"data": str(source), "start": start, "folds": count, "precision": precision}
    results = earlier(folder / RESULT, about)
    for name, chosen in named.items():
        results[name] = validate_recipe(chosen, parts, folder / name, start, options, say)
        text = json.dumps({**about, "recipes": [asdict(r) for r in results.values()]}, indent=1)
        write_whole(folder / RESULT, f"{text}\n".encode())
    print(markdown(list(results.values())))


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.crossvalidation")
