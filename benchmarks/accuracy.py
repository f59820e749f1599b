# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.accuracy`: train and evaluate a network on those of the paper's data sets that are given.

Trained on the whole training split; the average of the weights after the last epoch is evaluated on the test split, by
two protocols: frames resized to the recipe's size, as the field does with SIRST, and frames of their own size. A run
goes on where it was killed: RUNS/SET is a folder as `biisnet train` makes it. Columns of data sets that were not given
keep what an earlier call by the same recipe found.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biisnet.model.datasets import find_list, lists_called, read_split
from biisnet.model.errors import InputError
from biisnet.model.files import write_whole
from biisnet.model.metrics import Metrics
from biisnet.model.training.recipe import Recipe
from biisnet.tools.cli.command import SETTINGS, Command
from biisnet.tools.cli.errors import reports_errors
from biisnet.tools.cli.terminal import Speaker
from biisnet.tools.train import read_recipe

if TYPE_CHECKING:
    from biisnet.model.training.trainer import Options

from .earlier import read_earlier
from .table import NONE, grid
from .training_run import measure, options_of, train_network

say = Speaker()
RESULT, TABLE = "accuracy.json", "accuracy.md"


@dataclass(frozen=True)
class DataSet:
    """One of the paper's."""

    title: str
    training: tuple[str, ...]
    """Names of the split to train on: the first one that its folder has, in its makers' layout or in BasicIRSTD's."""
    test: tuple[str, ...]
    """Likewise of the split to evaluate on."""
    paper: Metrics
    """Table 2's figures of BiisNet; it has no nIoU."""


NAN = float("nan")
SETS = {
    # its makers have lists of an earlier edition beside these
    "sirst": DataSet(
        "SIRST",
        ("idx_427/trainval", "trainval", "train"),
        ("idx_427/test", "test"),
        Metrics(0.6673, NAN, 0.9240, 8.34e-5),
    ),
    "nudt-sirst": DataSet("NUDT-SIRST", ("train", "trainval"), ("test",), Metrics(0.8288, NAN, 0.9640, 2.70e-5)),
    "irstd-1k": DataSet("IRSTD-1K", ("trainval", "train"), ("test",), Metrics(0.6845, NAN, 0.8885, 0.99e-5)),
}
PROTOCOLS = ("resized", "native")


def split_of(folder: Path, names: tuple[str, ...]) -> str:
    """The first of `names` that is a split of the data set. Raises InputError where none is, or it may be several."""
    split = next((name for name in names if lists_called(folder, name)), names[-1])
    find_list(folder, split)
    return split


def splits_of(name: str, folder: Path) -> tuple[str, str]:
    """The splits of a data set to train and to evaluate on. Raises InputError."""
    if not folder.is_dir():
        raise InputError(f"--{name} {folder}: no such folder; give the data set's folder")
    return split_of(folder, SETS[name].training), split_of(folder, SETS[name].test)


def measure_set(
    name: str, data: Path, splits: tuple[str, str], recipe: Recipe, folder: Path, start: str, options: Options
) -> dict[str, Metrics]:
    """Train on a data set, or go on, and evaluate by each protocol."""
    split, test = splits
    say(f"{name}: trained on split {split} of {data}")
    frames = read_split(data, split, recipe.size, say)
    # what is wrong with it is said before the training, not after
    sizes = {"resized": recipe.size, "native": None}
    tested = {protocol: read_split(data, test, size, say) for protocol, size in sizes.items()}
    # validated once, after the last epoch, on frames that it knows: nothing is held out, and nothing picked
    recipe, seen = replace(recipe, validate_every=recipe.epochs), frames[: max(1, len(frames) // 10)]
    network, found = train_network(name, start, recipe, (frames, seen), folder, options, say), {}
    for protocol in PROTOCOLS:
        found[protocol] = measure(f"{name}, {protocol}", network, tested[protocol], say).metrics()
    return found


def markdown(found: dict[str, dict[str, Metrics]]) -> str:
    """The paper's line and one a protocol; four columns a data set, of dashes where it was not measured."""
    titles = [f"{data.title}: mIoU, % | nIoU, % | Pd, % | Fa, 1e-6" for data in SETS.values()]
    lines = [["the paper", *(cell for data in SETS.values() for cell in figures(data.paper))]]
    for protocol in PROTOCOLS:
        lines.append([protocol, *(cell for name in SETS for cell in figures(found.get(name, {}).get(protocol)))])
    return grid(["", *" | ".join(titles).split(" | ")], lines, numbers=4 * len(SETS))


def figures(m: Metrics | None) -> list[str]:
    """Figures as a table has them."""
    if m is None:
        return [NONE] * 4
    values = m.as_dict()
    scales = {"miou": 100, "niou": 100, "pd": 100, "fa": 1e6}
    return [NONE if (v := values[key]) is None else f"{scale * v:.2f}" for key, scale in scales.items()]


def earlier(path: Path, about: dict) -> dict[str, dict[str, Metrics]]:
    """Figures in a file, by data set and protocol. Raises InputError."""

    def parse(result: dict) -> dict[str, dict[str, Metrics]]:
        return {
            name: {p: Metrics(**{k: NAN if v is None else v for k, v in m.items()}) for p, m in own.items()}
            for name, own in result["sets"].items()
        }

    return read_earlier(path, about, parse, "figures")


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
Folder = Annotated[Path | None, typer.Option(metavar="DIR", help="The data set's folder.")]


@app.command(cls=Command, context_settings=SETTINGS)
@reports_errors
def accuracy(
    folder: Annotated[Path, typer.Option("-r", "--runs", metavar="DIR", help="The runs, gone on with.")],
    sirst: Folder = None,
    nudt_sirst: Folder = None,
    irstd_1k: Folder = None,
    start: Annotated[str, typer.Option("--start", help="A network's name, or a checkpoint.")] = "biisnet",
    recipe: Annotated[Path | None, typer.Option("--recipe", metavar="FILE", help="JSON, all fields or some.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Instead of the recipe's.")] = None,
    compile_: Annotated[
        bool, typer.Option("--compile/--no-compile", help="torch.compile, as in biisnet train.")
    ] = False,
    precision: Annotated[str, typer.Option("--precision", help="Of convolutions: float32, bfloat16.")] = "float32",
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="[default: all]")] = None,
) -> None:
    """Fill the table of the paper's data sets: RUNS/accuracy.md and standard output, the figures in RUNS/accuracy.json
    too."""
    import torch

    given = {"sirst": sirst, "nudt-sirst": nudt_sirst, "irstd-1k": irstd_1k}
    if not any(given.values()):
        raise InputError(f"give the folder of one data set at least: {', '.join(f'--{name} DIR' for name in given)}")
    options = options_of(precision, compile_)
    if threads:
        torch.set_num_threads(threads)
    wanted = read_recipe(recipe, epochs, None)
    about = {"start": start, "recipe": json.loads(wanted.to_json()), "precision": precision}
    found = earlier(folder / RESULT, about)
    # of all of them, before the first is trained on
    splits = {name: splits_of(name, data) for name, data in given.items() if data is not None}
    for name, data in given.items():
        if data is None:
            continue
        found[name] = measure_set(name, data, splits[name], wanted, folder / name, start, options)
        sets = {n: {p: m.as_dict() for p, m in own.items()} for n, own in found.items()}
        write_whole(folder / RESULT, (json.dumps({**about, "sets": sets}, indent=1) + "\n").encode())
        write_whole(folder / TABLE, (markdown(found) + "\n").encode())
    print(markdown(found))


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.accuracy")
