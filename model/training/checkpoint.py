"""A training run between two epochs, in one safetensors file: never unpickled, replaced whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from ..files import write_whole
from ..weights import read_safetensors
from .recipe import Recipe

KEY = "biisnet-training"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What AdamW keeps of each parameter."""


@dataclass(frozen=True)
class State:
    """What a checkpoint says besides its tensors."""

    recipe: Recipe
    network: str  # NetworkConfig as JSON
    data: str  # what the run trains on, as a digest
    epoch: int  # epochs done
    best: float  # validation mIoU of the best network so far; below 0 before the first
    seconds: float  # of training, all parts of the run together


def write_checkpoint(
    path: Path,
    state: State,
    model: torch.nn.Module,
    average: torch.nn.Module | None,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write everything that the rest of the run depends on. Raises OSError."""
    tensors = {f"model.{name}": t for name, t in model.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{name}": t for name, t in average.state_dict().items()}
    names = {id(p): name for name, p in model.named_parameters()}
    for parameter, moments in optimizer.state.items():
        tensors |= {f"{key}.{names[id(parameter)]}": moments[key] for key in MOMENTS}
    about = {**state.__dict__, "recipe": json.loads(state.recipe.to_json())}
    metadata = {KEY: json.dumps(about, sort_keys=True)}
    write_whole(path, save({n: t.detach().contiguous() for n, t in tensors.items()}, metadata=metadata))


def read_state(path: Path) -> tuple[State, dict[str, torch.Tensor]]:
    """A checkpoint's state and tensors. Raises ValueError where it is none, OSError where it cannot be read."""
    try:
        tensors, metadata = read_safetensors(path)
        about: dict[str, Any] = json.loads(metadata.get(KEY, "null"))
        recipe = Recipe.from_json(json.dumps(about.pop("recipe")))
        return State(recipe=recipe, **about), tensors
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise ValueError(f"{path}: no training checkpoint ({' '.join(str(e).split())})") from e


def restore(
    tensors: dict[str, torch.Tensor],
    model: torch.nn.Module,
    average: torch.nn.Module | None,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Put a checkpoint's tensors back. Raises KeyError or RuntimeError where they are another network's."""
    _load(model, tensors, "model.")
    if average is not None:
        _load(average, tensors, "average.")
    for name, parameter in model.named_parameters():
        if f"step.{name}" in tensors:
            optimizer.state[parameter] = {key: tensors[f"{key}.{name}"].clone() for key in MOMENTS}


def _load(module: torch.nn.Module, tensors: dict[str, torch.Tensor], prefix: str) -> None:
    module.load_state_dict({n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})
