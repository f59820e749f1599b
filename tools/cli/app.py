# SPDX-License-Identifier: Apache-2.0
"""`biisnet` and `biisnet-compile`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Annotated

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
)
COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "compile": (compile_command, "Compile a network for a device, and prove it."),
    "run": (run, "Find targets in images, videos, cameras."),
    "verify": (verify, "Prove a bundle again."),
    "deploy": (deploy, "Copy a bundle to boards, and prove it there."),
    "bench": (bench, "Time a bundle where it runs."),
    "inspect": (inspect, "Show what a bundle is."),
    "report": (report, "Write a page about a bundle."),
    "analyze": (analyze, "Count operations, or cycles of each stage."),
    "tune": (tune, "Search faster schedules for the kernels."),
    "train": (train, "Train a network."),
    "eval": (evaluate, "Measure how well a network detects."),
    "export": (export, "Export a checkpoint to ONNX."),
    "variants": (variants, "List the networks of the paper's tables."),
    "scenes": (scenes, "Write made-up frames and masks."),
    "targets": (targets, "List the devices."),
    "doctor": (doctor, "Say what this machine has and lacks."),
}
"""In the order of their use, as the help lists them."""
for name, (command, purpose) in COMMANDS.items():
    app.command(name=name, short_help=purpose)(reports_errors(command))


@app.callback(invoke_without_command=True)
def version(
    wanted: Annotated[bool, typer.Option("--version", help="Say which version this is, and exit.")] = False,
) -> None:
    """From a trained binarized network to a verified bundle for a small ARM board."""
    if wanted:
        print(f"biisnet {metadata.version('biisnet')}")
        raise typer.Exit


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
