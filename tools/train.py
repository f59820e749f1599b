# SPDX-License-Identifier: Apache-2.0
"""`biisnet train`: from a preset or a checkpoint, and frames, to trained weights."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compile.progress import Live
from ..model import NETWORKS, shipped_weights
from ..model.datasets import Frame, Say, hold_out
from ..model.errors import InputError
from ..model.files import unfinished
from ..model.source import Source
from ..model.text_file import read_text
from ..model.training import FINE_TUNING, INT8, Recipe
from ..model.training.run_files import BEST, LAST, RECIPE_FILE
from ..runtime.machine import read_features
from .checkpoints import DEFAULT, check_grey, known_checkpoint, load_checkpoint

if TYPE_CHECKING:
    from ..model.network import BiisNet
    from ..model.training.trainer import Progress

SHARE = 0.1
"""Share of the frames that is held out where nothing else is said."""
BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}
"""Flags of the CPUs that multiply it."""
AUTO = "auto"


@dataclass(frozen=True)
class Training:
    """Training that a user asked for."""

    model: str | None
    source: Source
    validation: str | None  # a split of the same data
    share: float | None  # of the frames, held out where there is no such split
    recipe: Recipe
    output: Path
    resume: bool
    compile: bool
    precision: str
    threads: int | None
    tensorboard: bool
    teacher: Path | None = None  # a checkpoint that is learned from


@dataclass(frozen=True)
class Trained:
    """Results of a training."""

    weights: Path
    epochs: int
    best_epoch: int
    seconds: float
    miou: float  # of the held-out frames, after `best_epoch` epochs
    seed: int

    def summary(self) -> str:
        """One line for a person."""
        return (
            f"{self.weights}: mIoU {100 * self.miou:.2f} % on the held-out frames, after epoch {self.best_epoch} of "
            f"{self.epochs} ({self.seconds / 60:.1f} minutes, seed {self.seed})"
        )


def train_model(asked: Training, say: Say) -> Trained | None:
    """Carry it out; None in all processes of torchrun's but the first. Raises InputError."""
    import torch

    from ..model.training.checkpoint import read_state
    from ..model.training.distillation import Teacher
    from ..model.training.trainer import PRECISIONS, Options, make_fabric, train

    check_folder(asked.output, asked.resume)
    recipe, precision = asked.recipe, asked.precision
    if precision == AUTO:
        precision = "bfloat16" if read_features() & BFLOAT16 else "float32"
    if precision not in PRECISIONS:
        raise InputError(f"--precision {precision}: choose one of {', '.join((AUTO, *PRECISIONS))}")
    if precision == INT8 and asked.compile:
        raise InputError("--compile fuses work in floating point; leave it out with --precision int8")
    if asked.threads:
        torch.set_num_threads(asked.threads)
    if asked.tensorboard:
        import torch.utils.tensorboard
    network = start_network(asked.model, recipe, trained=precision == INT8)
    check_grey(network.name, network.config.in_channels)
    teacher = None
    if asked.teacher:
        teacher = Teacher(load_checkpoint(asked.teacher))
        check_grey(str(asked.teacher), teacher.network.config.in_channels)
    fabric = make_fabric(precision)
    if not fabric.is_global_zero:
        say = ignore
    training, validation = frames_to_use(asked, say)
    last = asked.output / LAST
    done = read_state(last)[0].epoch if last.exists() else 0
    begun = f"goes on after epoch {done}, its last" if done == recipe.epochs else f"goes on after epoch {done}"
    begun = begun if done else f"{start_of(asked.model, precision)}, seed {recipe.seed}"
    where = "held out of them" if asked.validation is None else f"of split {asked.validation}"
    say(f"network  {network.name}, {begun}")
    say(f"data     {asked.source}: {len(training)} frames to train on, {len(validation)} {where} to validate on")
    say(f"recipe   {recipe.to_json()}")
    calibrate = None
    if precision == INT8:
        from .train_integers import calibrator

        calibrate = calibrator(training, say)
    say(f"process  {fabric.world_size} of {torch.get_num_threads()} threads, {precision}")
    options = Options(precision, asked.compile, asked.tensorboard)
    with (
        run_folder(asked.output, fabric.is_global_zero),
        shown(recipe, say, fabric.is_global_zero) as report,
    ):
        try:
            state = train(
                fabric, network, training, validation, recipe, asked.output, options, report, teacher, calibrate
            )
        except KeyboardInterrupt:
            if not last.exists():
                raise
            raise KeyboardInterrupt(f"interrupted; --resume goes on after epoch {read_state(last)[0].epoch}") from None
    if not fabric.is_global_zero:
        return None
    return Trained(asked.output / BEST, state.epoch, state.best_epoch, state.seconds, state.best, recipe.seed)


def start_of(model: str | None, precision: str) -> str:
    """What a new run begins with, for a person: a preset's name alone does not tell."""
    if model is not None and model not in NETWORKS:
        return f"weights of {model}"
    return "the shipped weights" if precision == INT8 else "random weights"


def read_recipe(path: Path | None, epochs: int | None, seed: int | None, precision: str = AUTO) -> Recipe:
    """The default recipe of a precision with a file's fields, then with the given ones. Raises InputError."""
    recipe = with_fields(path, FINE_TUNING if precision == INT8 else Recipe())
    return replace(
        recipe,
        epochs=recipe.epochs if epochs is None else epochs,
        seed=recipe.seed if seed is None else seed,
    )


def with_fields(path: Path | None, base: Recipe) -> Recipe:
    """A recipe with a file's fields, or as it is. Raises InputError."""
    try:
        return Recipe.from_json(read_text(path), base) if path else base
    except UnicodeDecodeError as e:
        raise InputError(f"{path}: not a text file in UTF-8; give a recipe as JSON") from e
    except InputError as e:
        raise InputError(f"{path}: {e}") from e


def frames_to_use(asked: Training, say: Say) -> tuple[list[Frame], list[Frame]]:
    """(to train on, to validate on). Raises InputError."""
    if asked.validation is not None and asked.share is not None:
        raise InputError("--validation and --hold-out both say what to validate on; give one of them")
    frames = asked.source.read(asked.recipe.size, say)
    if asked.validation is None:
        return hold_out(frames, SHARE if asked.share is None else asked.share)
    if asked.source.data is None:
        raise InputError("--validation names a data set's split; made-up scenes are held out by --hold-out")
    held = replace(asked.source, split=asked.validation).read(asked.recipe.size, say)
    common = {f.name for f in frames} & {f.name for f in held}
    if common:
        raise InputError(
            f"{asked.source.data}: splits '{asked.source.split}' and '{asked.validation}' have {len(common)} frames in "
            f"common, {min(common)} among them; give two that have none"
        )
    return frames, held


def start_network(name: str | None, recipe: Recipe, trained: bool = False) -> BiisNet:
    """A named network with random weights that follow from the recipe's seed, or where it is to be `trained` already
    with the shipped ones; or a checkpoint to go on from.

    Raises CompileError.
    """
    import torch

    from ..model.network import BiisNet

    name = known_checkpoint(name or DEFAULT)
    if name not in NETWORKS:
        return load_checkpoint(Path(name))
    if trained:
        weights = shipped_weights(name)
        if weights is None:
            raise InputError(
                f"preset '{name}' has no trained weights to begin with in integers; train it in float32, and give its "
                f"{BEST}"
            )
        return load_checkpoint(weights)
    torch.manual_seed(recipe.seed)
    return BiisNet(NETWORKS[name], name)


def check_folder(folder: Path, resume: bool) -> None:
    """Raise InputError where a run's folder has what the run would overwrite."""
    from ..model.training.history import CURVES, TABLE, TENSORBOARD

    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; -o takes a folder")
    if (folder / LAST).exists():
        if not resume:
            raise InputError(f"{folder}: has a run already; --resume goes on with it, or give another -o")
        return
    if there := [name for name in (BEST, TABLE, CURVES) if (folder / name).exists()]:
        raise InputError(f"{folder}: has {there[0]} but no {LAST} to go on from; give another -o")
    # a run that was killed in its first epoch has left its recipe, and what it was writing
    others = [p.name for p in folder.glob("*") if p.name not in (RECIPE_FILE, TENSORBOARD) and p.name[0] != "."]
    if others:
        raise InputError(f"{folder}: has {min(others)}, which is no run's; give another -o")


@contextmanager
def run_folder(folder: Path, makes: bool) -> Iterator[None]:
    """Makes the run's folder, in one process; one that nothing came into goes again, and so does what a killed run had
    half written."""
    if not makes:
        yield
        return
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    for half in (p for name in (RECIPE_FILE, LAST, BEST) for p in unfinished(folder / name)):
        half.unlink()
    try:
        yield
    finally:
        if made and not any(folder.iterdir()):
            folder.rmdir()


def time_left(seconds: float) -> str:
    """For a person."""
    for unit, length in (("hours", 3600), ("minutes", 60), ("seconds", 1)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} left"
    return "a moment left" if seconds else "done"


def ignore(_: Any) -> None:
    """Says nothing."""


@contextmanager
def shown(recipe: Recipe, say: Say, speaks: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar with the time left where standard error is a terminal, else a line an epoch; one for each validated epoch
    anywhere."""
    from tqdm import tqdm

    drawn = speaks and isinstance(say, Live) and say.live
    bar = tqdm(total=recipe.epochs, unit="epoch", disable=not drawn, file=sys.stderr)

    def tell(line: str) -> None:
        with bar.external_write_mode(file=sys.stderr):
            say(line)

    def report(p: Progress) -> None:
        if p.epoch == 0:
            assert p.metrics is not None
            return tell(f"before   {p.metrics.summary()}, calibrated without training")
        bar.n = p.epoch - 1 + p.step / p.steps
        bar.set_postfix(loss=f"{p.loss:.3f}", refresh=False)
        bar.update(0)
        validated = p.epoch == p.epochs or p.epoch % recipe.validate_every == 0
        if speaks and (p.metrics or (p.step == p.steps and not validated and not drawn)):
            metrics = f"{p.metrics.summary()}, " if p.metrics else ""
            tell(f"epoch {p.epoch}/{p.epochs}: loss {p.loss:.3f}, {metrics}{time_left(p.seconds_left)}")

    with bar:
        yield report
