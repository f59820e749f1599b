"""`biisnet` and `biisnet-compile`."""

from __future__ import annotations

import typer

from .compile_command import compile_command
from .device_commands import bench, deploy
from .errors import reports_errors
from .info_commands import analyze, doctor, inspect, report, targets
from .model_commands import export, run, verify
from .signals import exit_on_sigterm
from .training_commands import evaluate, scenes, train, variants
from .tuning_commands import tune

app = typer.Typer(
    name="biisnet",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="From a trained binarized network to a verified bundle for a small ARM board.",
)
for command in (
    export,
    analyze,
    verify,
    run,
    inspect,
    report,
    targets,
    doctor,
    train,
    variants,
    scenes,
    tune,
    deploy,
    bench,
):
    app.command()(reports_errors(command))
app.command(name="eval")(reports_errors(evaluate))
app.command(name="compile")(reports_errors(compile_command))

compile_app = typer.Typer(
    name="biisnet-compile", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
compile_app.command()(reports_errors(compile_command))


def main() -> None:
    """Entry point of `biisnet`."""
    exit_on_sigterm()
    app()


def compile_main() -> None:
    """Entry point of `biisnet-compile`."""
    exit_on_sigterm()
    compile_app()
