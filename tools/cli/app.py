# SPDX-License-Identifier: Apache-2.0
"""`biisnet` and `biisnet-compile`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from typing import Annotated

import typer

from .command import SETTINGS, Command, Group, as_command
from .compile_command import compile_command
from .device_commands import bench, deploy
from .encoding import show_any_text
from .errors import WRONG_INPUT
from .explain_command import explain
from .info_commands import analyze, doctor, inspect, report, targets
from .model_commands import export, run, verify
from .sbom_command import sbom
from .signals import exit_on_sigterm
from .training_commands import evaluate, scenes, train, variants
from .tuning_commands import tune, tune_merge

COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "compile": (compile_command, "Compile a network for a device, and prove it."),
    "run": (run, "Find targets in images, videos, cameras."),
    "verify": (verify, "Prove a bundle again."),
    "deploy": (deploy, "Copy a bundle to boards, and prove it there."),
    "bench": (bench, "Time a bundle where it runs."),
    "inspect": (inspect, "Show what a bundle is."),
    "report": (report, "Write a page about a bundle."),
    "sbom": (sbom, "Write a bundle's bill of materials."),
    "analyze": (analyze, "Count operations, or cycles of each stage."),
    "tune": (tune, "Search faster schedules for the kernels."),
    "tune-merge": (tune_merge, "Make one tuning database of several."),
    "train": (train, "Train a network."),
    "eval": (evaluate, "Measure how well a network detects."),
    "export": (export, "Export a checkpoint to ONNX."),
    "variants": (variants, "List the networks of the paper's tables."),
    "scenes": (scenes, "Write made-up frames and masks."),
    "targets": (targets, "List the devices."),
    "doctor": (doctor, "Say what this machine has and lacks."),
    "explain": (explain, "Say what a refusal's code means."),
}
"""In the order of their use, as the help lists them."""

app = typer.Typer(
    name="biisnet", cls=Group, context_settings=SETTINGS, pretty_exceptions_enable=False, rich_markup_mode=None
)
for name, (command, purpose) in COMMANDS.items():
    app.command(name=name, cls=Command, short_help=purpose)(as_command(command))


@app.callback(invoke_without_command=True)
def biisnet(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Say which version this is, and exit.")] = False,
) -> None:
    """From a trained binarized network to a verified bundle for a small ARM board."""
    if version:
        print(f"biisnet {metadata.version('biisnet')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(WRONG_INPUT)


compile_app = typer.Typer(name="biisnet-compile", pretty_exceptions_enable=False, rich_markup_mode=None)
compile_app.command(cls=Command, context_settings=SETTINGS)(as_command(compile_command))


def main() -> None:
    """Entry point of `biisnet`."""
    exit_on_sigterm()
    show_any_text()
    app()


def compile_main() -> None:
    """Entry point of `biisnet-compile`."""
    exit_on_sigterm()
    show_any_text()
    compile_app()
