# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.ablation`: train the paper's variants for an equal budget, and write their table into docs/.

A run goes on where it was killed: each variant has a folder of its own, as `biisnet train` makes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from biisnet.model.datasets import Frame, Say, hold_out
from biisnet.model.errors import InputError
from biisnet.model.files import write_whole
from biisnet.model.metrics import Metrics
from biisnet.model.source import Source
from biisnet.model.training.recipe import Phase, Recipe
from biisnet.model.training.run_files import BEST
from biisnet.model.variants import NETWORKS, TABLES, PaperRow
from biisnet.tools.cli.command import SETTINGS, Command
from biisnet.tools.cli.errors import reports_errors
from biisnet.tools.cli.terminal import Speaker
from biisnet.tools.train import start_network

if TYPE_CHECKING:
    from biisnet.model.training.trainer import Options

from .table import grid, number, rewrite

say = Speaker()
DOCS = Path(__file__).resolve().parents[1] / "docs"
HOLD_OUT = 0.25
"""A quarter of the frames: a tenth is too few to tell variants apart."""
BATCH = 4
PAPERS_CHANNELS, PAPERS_SIZE = 3, (512, 512)
"""The size of the input that the paper's OPs are counted for."""


@dataclass(frozen=True)
class Measured:
    """Figures of one variant; Params and OPs are counted with three input channels, as the paper's are."""

    network: str
    params: float
    ops: float
    metrics: Metrics


def budget(epochs: int, size: int, crop: int) -> Recipe:
    """The recipe of all variants: the default's, with crops of one size."""
    return Recipe(epochs=epochs, phases=(Phase(0, crop, BATCH),), validate_every=epochs, size=(size, size))


def variants(chosen: list[str] | None) -> list[str]:
    """The networks of the tables, each once. Raises InputError."""
    names = dict.fromkeys(row.network for table in TABLES.values() for row in table)
    if unknown := set(chosen or ()) - set(names):
        raise InputError(f"unknown: {', '.join(sorted(unknown))}; choose among {', '.join(sorted(names))}")
    return [n for n in names if not chosen or n in chosen]


def train_variant(
    name: str, recipe: Recipe, frames: tuple[list[Frame], list[Frame]], folder: Path, options: Options, say: Say
) -> Measured:
    """Train one from random weights, or go on with it, and measure what came of it on the held-out frames."""
    import torch

    from biisnet.model.cost import count
    from biisnet.model.export import export
    from biisnet.model.network import build
    from biisnet.model.training.trainer import Progress, make_fabric, train, validate
    from biisnet.model.weights import load

    def report(p: Progress) -> None:
        if p.step == p.steps and p.metrics is None:
            say(f"{name}: epoch {p.epoch}/{p.epochs}, loss {p.loss:.3f}, {p.seconds_left / 60:.0f} minutes left")

    folder.mkdir(parents=True, exist_ok=True)
    torch.compiler.reset()  # what it keeps of a network's code has a limit, beyond which nothing is compiled
    train(make_fabric(options.precision), start_network(name, recipe), *frames, recipe, folder, options, report)
    # validated once, after the last epoch: it is the last one, and no choice was made among several
    metrics = validate(load(folder / BEST), frames[1])
    cost = count(export(build(replace(NETWORKS[name], in_channels=PAPERS_CHANNELS))), PAPERS_SIZE)
    return Measured(name, cost.params, cost.ops, metrics)


def earlier(path: Path, setting: dict[str, Any]) -> dict[str, Measured]:
    """Figures of a file whose networks were trained in the same setting: those of another are not beside these."""
    if not path.exists():
        return {}
    result = json.loads(path.read_text())
    if any(result[key] != value for key, value in setting.items()):
        return {}
    rows = [Measured(**{**row, "metrics": Metrics(**row["metrics"])}) for row in result["networks"]]
    return {row.network: row for row in rows}


def markdown(found: dict[str, Measured], about: str) -> str:
    """Tables 1 to 3, ours beside the paper's."""
    return "\n\n".join([about, *(f"**Table {n}**\n\n{table_of(rows, found)}" for n, rows in TABLES.items())])


def table_of(rows: tuple[PaperRow, ...], found: dict[str, Measured]) -> str:
    """One of the paper's tables."""
    titles = ["", "network", "mIoU, %", "nIoU, %", "Pd, %", "Fa, 1e-6", "Params, K", "OPs, G"]
    return grid([*titles, "paper: mIoU, Pd", "Params, OPs"], list(lines_of(rows, found)), numbers=8)


def lines_of(rows: tuple[PaperRow, ...], found: dict[str, Measured]) -> Iterator[list[str]]:
    """A line a row."""
    for row in rows:
        ours = found.get(row.network)
        values = (100 * ours.metrics.miou, 100 * ours.metrics.niou, 100 * ours.metrics.pd) if ours else (None,) * 3
        fa, params, ops = (1e6 * ours.metrics.fa, ours.params / 1e3, ours.ops / 1e9) if ours else (None,) * 3
        paper = row.paper
        theirs = [f"{paper.miou}, {paper.pd}", f"{paper.params:g}, {paper.ops:.2f}"] if paper else ["-", "-"]
        figures = [*(number(v, 1) for v in (*values, fa)), number(params, 2), number(ops, 3)]
        yield [row.title, f"`{row.network}`", *figures, *theirs]


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
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where ablation.{json,md} are.")] = DOCS,
) -> None:
    """Train the networks of the paper's tables for an equal budget, and write the figures into docs/."""
    from biisnet.model.training.trainer import FLOATS, Options

    if precision not in FLOATS:
        raise InputError(f"precision: {precision}, expected {' or '.join(FLOATS)}")
    options = Options(precision, compile_)
    recipe, source = budget(epochs, size, crop), Source(data, split, 0 if data else scenes, 0)
    frames = hold_out(source.read(recipe.size, say), HOLD_OUT)
    images = f"{len(frames[0])} frames of {data.name}'s {split}" if data else f"{len(frames[0])} {source}"
    about = (
        f"{epochs} epochs of {images}, the default recipe but for crops of {crop}x{crop} throughout, {BATCH} a batch, "
        f"seed {recipe.seed}, convolutions in {precision}; measured on the {len(frames[1])} frames held out, after the "
        "last epoch."
    )
    setting = {"about": about, "recipe": json.loads(recipe.to_json())}
    found = earlier(output / "ablation.json", setting)
    for name in variants(network):
        found[name] = train_variant(name, recipe, frames, folder / name, options, say)
        say(f"{name}: {found[name].metrics.summary()}")
        result = {**setting, "networks": [asdict(m) for m in found.values()]}
        write_whole(output / "ablation.json", (json.dumps(result, indent=1) + "\n").encode())
        rewrite(output / "ablation.md", markdown(found, about))


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.ablation")
