# SPDX-License-Identifier: Apache-2.0
"""A training run between two epochs, in one safetensors file: never unpickled, replaced whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from ..config import NetworkConfig
from ..errors import InputError
from ..fields import check_types, differences
from ..files import write_whole
from ..weights import AVERAGE, RUN_KEY, TRAINED, read_safetensors
from .hard import Places, no_places
from .recipe import Recipe
from .run_files import BEST

STEP, MOMENTS = "step", ("exp_avg", "exp_avg_sq")
"""What AdamW keeps of each parameter: a number of steps, and tensors of its shape."""

HARD = "hard"
"""The places of hard negatives, where there are any."""


@dataclass(frozen=True)
class State:
    """What a checkpoint says besides its tensors."""

    recipe: Recipe
    network: NetworkConfig
    data: str  # what the run trains on, as a digest
    processes: int
    precision: str  # of convolutions
    teacher: str = ""  # what it learns from, as a digest; empty for none
    start: str = ""  # the weights that it began with, as a digest; empty in checkpoints from before this was kept
    epoch: int = 0  # epochs done
    best: float = -1.0  # validation mIoU of the best network so far; below 0 before the first
    best_epoch: int = 0  # and how many epochs were done then
    seconds: float = 0.0  # of training, all parts of the run together

    def __post_init__(self) -> None:
        check_types(self, "training checkpoint")

    def is_not(self, other: State) -> str:
        """In what the run of `other` differs, where it must not if it is gone on with; empty where in nothing."""
        if fields := differences(self.recipe, other.recipe):
            longer = f"; a run is not made longer, but its {BEST} can be trained on" if "epochs" in fields else ""
            return f"another recipe ({listed(fields)}{longer})"
        if self.network != other.network:
            return f"another network ({listed(differences(self.network, other.network))})"
        if self.data != other.data:
            return "other frames (another data set, split, number of scenes or share held out, or other --levels)"
        if self.processes != other.processes:
            return f"another number of processes ({self.processes}, not {other.processes})"
        if self.precision != other.precision:
            return f"another precision ({self.precision}, not {other.precision})"
        if self.teacher != other.teacher:
            return (
                "another teacher" if self.teacher and other.teacher else "a teacher" if self.teacher else "no teacher"
            )
        if "" not in (self.start, other.start) and self.start != other.start:
            return "other weights to begin with"
        return ""


def listed(pairs: dict[str, tuple[Any, Any]]) -> str:
    """Fields with two values each, as they stand in a recipe's file."""
    return ", ".join(
        f"{field} {json.dumps(a, default=asdict)}, not {json.dumps(b, default=asdict)}"
        for field, (a, b) in pairs.items()
    )


def write_checkpoint(
    path: Path,
    state: State,
    model: torch.nn.Module,
    average: torch.nn.Module | None,
    optimizer: torch.optim.Optimizer,
    hard: Places,
) -> None:
    """Write everything that the rest of the run depends on. Raises OSError."""
    tensors = {HARD: torch.from_numpy(hard)} if len(hard) else {}
    tensors |= {f"{TRAINED}{name}": t for name, t in model.state_dict().items()}
    if average is not None:
        tensors |= {f"{AVERAGE}{name}": t for name, t in average.state_dict().items()}
    names = {id(p): name for name, p in model.named_parameters()}
    for parameter, moments in optimizer.state.items():
        tensors |= {f"{key}.{names[id(parameter)]}": moments[key] for key in (STEP, *MOMENTS)}
    metadata = {RUN_KEY: json.dumps(asdict(state), sort_keys=True)}
    write_whole(path, save({n: t.detach().contiguous() for n, t in tensors.items()}, metadata=metadata))


def read_state(path: Path) -> tuple[State, dict[str, torch.Tensor]]:
    """A checkpoint's state and tensors. Raises InputError where it is none, OSError where it cannot be read."""
    try:
        tensors, metadata = read_safetensors(path)
        about: dict[str, Any] = json.loads(metadata[RUN_KEY])
        recipe = Recipe.from_json(json.dumps(about.pop("recipe")))
        # a configuration that was written before a field was there is still the same network
        network = NetworkConfig.from_json(json.dumps(about.pop("network")))
        return State(recipe, network, **about), tensors
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as e:
        raise InputError(f"{path}: no training checkpoint, or a damaged one; give another -o to begin anew") from e


def restore(
    tensors: dict[str, torch.Tensor],
    model: torch.nn.Module,
    average: torch.nn.Module | None,
    optimizer: torch.optim.Optimizer,
) -> Places:
    """Put a checkpoint's tensors back; what comes is the places of its hard negatives.

    Raises KeyError or RuntimeError where they are another network's.
    """
    _load(model, tensors, TRAINED)
    if average is not None:
        _load(average, tensors, AVERAGE)
    if not any(name.startswith(f"{STEP}.") for name in tensors):
        raise KeyError("it has nothing of the optimizer's")
    for name, parameter in model.named_parameters():
        if f"{STEP}.{name}" not in tensors:  # no gradient has reached it
            continue
        # in the parameter's memory layout, as an unbroken run has them: sums follow the layout
        moments = {key: torch.empty_like(parameter).copy_(tensors[f"{key}.{name}"]) for key in MOMENTS}
        optimizer.state[parameter] = {STEP: tensors[f"{STEP}.{name}"].clone(), **moments}
    return tensors[HARD].numpy() if HARD in tensors else no_places()


def _load(module: torch.nn.Module, tensors: dict[str, torch.Tensor], prefix: str) -> None:
    module.load_state_dict({n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})
