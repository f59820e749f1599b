# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.ablation`: train the paper's variants for an equal budget, and write their table into docs/.

A run goes on where it was killed: RUNS/NETWORK/seed-N is a folder as `biisnet train` makes it. A second cycle,
`--after` the runs of a first, begins with the weights that each of those came to.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biisnet.model.datasets import Frame, Say, hold_out
from biisnet.model.errors import InputError
from biisnet.model.files import write_whole
from biisnet.model.source import Source
from biisnet.model.training.history import TABLE
from biisnet.model.training.recipe import Phase, Recipe
from biisnet.model.training.run_files import LAST
from biisnet.model.variants import NETWORKS, TABLES
from biisnet.tools.cli.command import SETTINGS, Command
from biisnet.tools.cli.errors import reports_errors
from biisnet.tools.cli.terminal import Speaker
from biisnet.tools.train import with_fields

if TYPE_CHECKING:
    from biisnet.model.network import BiisNet

from .ablation_curves import curves
from .ablation_results import Budget, Measured, read, to_json, without_seed
from .ablation_table import markdown
from .table import rewrite
from .training_run import measure, options_of, train_network

say = Speaker()
Frames = tuple[list[Frame], list[Frame]]
"""To train on, and held out."""
DOCS = Path(__file__).resolve().parents[1] / "docs"
HOLD_OUT = 0.25
"""A quarter of the frames: a tenth is too few to tell variants apart."""
BATCH = 4
RESULT = "ablation.json"
PAPERS_CHANNELS, PAPERS_SIZE = 3, (512, 512)
"""The size of the input that the paper's OPs are counted for."""


def recipe_of_all(epochs: int, size: int, crop: int, file: Path | None) -> Recipe:
    """The default's with crops of one size, or what a file says otherwise; validated after the last epoch alone.
    Raises InputError."""
    recipe = with_fields(file, Recipe(epochs=epochs, phases=(Phase(0, crop, BATCH),), size=(size, size)))
    return replace(recipe, validate_every=recipe.epochs, seed=0)


def source_of(recipe: Recipe, file: Path | None, before: Recipe | None) -> str:
    """What a person is told of where a recipe and the weights that it begins with are from."""
    first = recipe.phases[0]
    source = f"the default recipe but for crops of {first.crop}x{first.crop} throughout, {first.batch} a batch"
    if file is not None:
        crops = ", then ".join(f"{p.crop}x{p.crop}, {p.batch} a batch" for p in recipe.phases)
        source = f"by {file.name}: crops of {crops}"
    if before is None:
        return source
    crops = ", then ".join(f"{p.crop}x{p.crop}" for p in before.phases)
    return f"{source}, after {before.epochs} epochs of crops of {crops}"


def cycle_of(runs: dict[Path, int], frames: Frames) -> Recipe:
    """The recipe of finished runs on these frames, given by their folders and seeds, but for the seed. Raises
    InputError where they have none in common."""
    from biisnet.model.training.batches import data_digest
    from biisnet.model.training.checkpoint import read_state

    recipes, data = [], data_digest(*frames)
    for folder, seed in runs.items():
        if not (folder / LAST).exists():
            raise InputError(f"--after: no run in {folder}; train it first")
        state, _ = read_state(folder / LAST)
        if state.epoch < state.recipe.epochs:
            raise InputError(
                f"--after: {folder} is after epoch {state.epoch} of {state.recipe.epochs}; let it end first"
            )
        if state.data != data:  # it may have seen what is held out here
            raise InputError(
                f"--after: {folder} was trained on other frames; give the same --data, --split, --scenes and --size"
            )
        if state.recipe.seed != seed:
            raise InputError(f"--after: {folder} was trained with seed {state.recipe.seed}, not {seed}")
        recipes.append(replace(state.recipe, seed=0))
        if recipes[-1] != recipes[0]:
            raise InputError(
                f"--after: {folder} was trained by another recipe than {next(iter(runs))}; train all alike"
            )
    return recipes[0]


def variants(chosen: list[str] | None) -> list[str]:
    """The networks of the tables, each once. Raises InputError."""
    names = dict.fromkeys(row.network for table in TABLES.values() for row in table)
    if unknown := set(chosen or ()) - set(names):
        raise InputError(f"unknown: {', '.join(sorted(unknown))}; choose among {', '.join(sorted(names))}")
    return [n for n in names if not chosen or n in chosen]


def measure_variant(title: str, name: str, seed: int, network: BiisNet, frames: list[Frame], say: Say) -> Measured:
    """What came of a training, on the held-out frames, and what the network costs."""
    from biisnet.model.cost import count
    from biisnet.model.export import export
    from biisnet.model.network import build

    counts = measure(title, network, frames, say)
    cost = count(export(build(replace(NETWORKS[name], in_channels=PAPERS_CHANNELS))), PAPERS_SIZE)
    return Measured(name, seed, cost.params, cost.ops, counts.metrics(), counts.overlaps)


def place_of(folder: Path, network: str, seed: int) -> Path:
    """A run's own folder."""
    return folder / network / f"seed-{seed}"


def resume_budget(budgets: list[Budget], new: Budget) -> Budget:
    """The budget of these that is the same but for its figures, or the new one."""
    return next((b for b in budgets if replace(b, networks=()) == new), new)


def draw_losses(budgets: list[Budget], own: Budget, folder: Path, picture: Path) -> None:
    """Of the longest cycle, where it is this one and all of it was trained in the folder; else the picture stays."""
    if max(budgets, key=lambda b: (b.recipe["epochs"], b.about)) is not own:
        return
    runs = {m.network: place_of(folder, m.network, 0) for m in own.networks}
    if elsewhere := [name for name, run in runs.items() if not (run / TABLE).exists()]:
        say(f"{picture}: stays as it is, the losses of {', '.join(elsewhere)} are not in {folder}")
        return
    write_whole(picture, curves(runs))


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(cls=Command, context_settings=SETTINGS)
@reports_errors
def ablation(
    folder: Annotated[Path, typer.Option("-r", "--runs", metavar="DIR", help="The variants' runs, gone on with.")],
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="A data set.")] = None,
    split: Annotated[str, typer.Option("--split", help="Of it.")] = "trainval",
    scenes: Annotated[int, typer.Option("--scenes", min=4, help="Without --data: made-up scenes.")] = 256,
    network: Annotated[list[str] | None, typer.Option("--network", help="Only these.")] = None,
    compile_: Annotated[
        bool, typer.Option("--compile/--no-compile", help="torch.compile, as in biisnet train.")
    ] = False,
    precision: Annotated[str, typer.Option("--precision", help="Of convolutions: float32, bfloat16.")] = "float32",
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="The budget of each.")] = 40,
    size: Annotated[int, typer.Option("--size", min=8, help="Height and width of the frames.")] = 256,
    crop: Annotated[int, typer.Option("--crop", min=8, help="Height and width of the crops.")] = 128,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Runs of each network, with seeds from 0.")] = 1,
    file: Annotated[
        Path | None,
        typer.Option(
            "--recipe",
            metavar="FILE",
            help="JSON with fields of a recipe, over these options; not the seed and when to validate.",
        ),
    ] = None,
    after: Annotated[
        Path | None, typer.Option("--after", metavar="DIR", help="Begin with what these runs came to: a second cycle.")
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Where ablation.{json,md,png} are.")
    ] = DOCS,
) -> None:
    """Train the networks of the paper's tables for an equal budget, and write the figures into docs/."""
    options = options_of(precision, compile_)
    names = variants(network)
    recipe, source = recipe_of_all(epochs, size, crop, file), Source(data, split, 0 if data else scenes, 0)
    runs = [(name, seed) for seed in range(seeds) for name in names]
    frames = hold_out(source.read(recipe.size, say), HOLD_OUT)
    first = cycle_of({place_of(after, *run): run[1] for run in runs}, frames) if after else None
    images = f"{len(frames[0])} frames of {data.name}'s {split}" if data else f"{len(frames[0])} {source}"
    about = (
        f"{recipe.epochs} epochs of {images}, {source_of(recipe, file, first)}, convolutions in {precision}; "
        f"measured on the {len(frames[1])} frames held out, after the last epoch."
    )
    budgets = read(output / RESULT)
    own = resume_budget(budgets, Budget(about, without_seed(recipe), without_seed(first) if first else None, ()))
    others = [b for b in budgets if b is not own]
    output.mkdir(parents=True, exist_ok=True)
    for name, seed in runs:
        title, place = f"{name}, seed {seed}", place_of(folder, name, seed)
        start = str(place_of(after, name, seed) / LAST) if after else name
        trained = train_network(title, start, replace(recipe, seed=seed), frames, place, options, say)
        own = own.with_network(measure_variant(title, name, seed, trained, frames[1], say))
        both = [*others, own]
        write_whole(output / RESULT, to_json(both).encode())
        rewrite(output / "ablation.md", markdown(both))
        draw_losses(both, own, folder, output / "ablation.png")


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.ablation")
