# SPDX-License-Identifier: Apache-2.0
"""Trained weights as safetensors: float32 latent weights, the configuration as JSON in the metadata.

One metadata key, `biisnet`, holds {"config": ..., "name": ..., "seed": ...}; one key, because the writer does
not keep an order among several and equal networks shall be equal bytes.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes

from .config import NetworkConfig
from .files import write_whole
from .network import BiisNet
from .variants import NETWORKS

__all__ = ["digest", "load", "read_safetensors", "save"]

KEY = "biisnet"
RUN_KEY = "biisnet-training"
"""The metadata key of a training run's state (training/checkpoint.py), which holds a network, too."""
TRAINED, AVERAGE = "model.", "average."
"""Prefixes of the names of a run's tensors: the weights that it moves, and their moving average, which it keeps."""
AVERAGED = f"{AVERAGE}module."
"""The network within PyTorch's AveragedModel."""
COUNTER = "num_batches_tracked"

Contents = tuple[dict[str, torch.Tensor], dict[str, Any]]
"""Tensors of a network by their names, and what the metadata say of it."""


def save(model: BiisNet, path: str | Path) -> None:
    """Write the model's weights and configuration; the training-only tensors (`*_k`) too."""
    about = {"config": json.loads(model.config.to_json()), "name": model.name, "seed": model.seed}
    tensors = {name: t.detach().float().cpu().contiguous() for name, t in _tensors(model).items()}
    write_whole(Path(path), to_bytes(tensors, metadata={KEY: json.dumps(about, sort_keys=True)}))


def load(path: str | Path) -> BiisNet:
    """Read a network, in evaluation mode. A file without configuration is taken as the default network, a training
    run's state (last.safetensors) as the network that it would keep: its averaged weights.

    Raises ValueError, one line with the file and the tensor, where the file is not safetensors, or a tensor
    is missing, unknown, of another shape or dtype than the configuration asks for, or not finite; OSError
    where the file cannot be read.
    """
    tensors, about = _read(path)
    try:
        config = NetworkConfig.from_json(json.dumps(about.get("config", {})))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    model = BiisNet(config, str(about.get("name", "biisnet")), about.get("seed"))
    _check(path, _tensors(model), tensors)
    model.load_state_dict(tensors, strict=True)
    return model.eval()


def digest(model: BiisNet, about: str = "") -> str:
    """SHA-256 of `about` and its weights: what a resumed run must find again."""
    found = hashlib.sha256(about.encode())
    for name, tensor in model.state_dict().items():
        found.update(name.encode())
        found.update(tensor.contiguous().numpy().tobytes())
    return found.hexdigest()


def _tensors(model: BiisNet) -> dict[str, torch.Tensor]:
    # BatchNorm's counter of batches is an integer that nothing here uses
    return {name: t for name, t in model.state_dict().items() if not name.endswith(COUNTER)}


def _read(path: str | Path) -> Contents:
    tensors, metadata = read_safetensors(Path(path))
    if RUN_KEY in metadata:
        return _of_run(path, tensors, metadata[RUN_KEY])
    try:
        about = json.loads(metadata.get(KEY, "{}"))
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{path}: metadata {KEY!r} is not JSON ({error})") from error
    if not isinstance(about, dict):
        raise ValueError(f"{path}: metadata {KEY!r} is not a JSON object")
    return tensors, about


def _of_run(path: str | Path, tensors: dict[str, torch.Tensor], text: str) -> Contents:
    kept = AVERAGED if any(name.startswith(AVERAGED) for name in tensors) else TRAINED
    own = {name.removeprefix(kept): t for name, t in tensors.items() if name.startswith(kept)}
    try:
        config = json.loads(text)["network"]
        name = next((n for n, c in NETWORKS.items() if c == NetworkConfig.from_json(json.dumps(config))), KEY)
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: a damaged training checkpoint ({error})") from error
    return {n: t for n, t in own.items() if not n.endswith(COUNTER)}, {"config": config, "name": name}


def read_safetensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """A file's tensors and metadata. Raises ValueError where it is not safetensors, OSError where it cannot be read."""
    with path.open("rb"):
        pass  # an OSError that names the file, which the reader below does not raise
    try:
        with safe_open(str(path), "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 (no dict)
    except SafetensorError as error:
        raise ValueError(f"{path}: not a safetensors file ({error})") from error


def _check(path: str | Path, wanted: dict[str, torch.Tensor], found: dict[str, torch.Tensor]) -> None:
    for name, tensor in wanted.items():
        if name not in found:
            raise ValueError(f"{path}: tensor {name} is missing")
        got = found[name]
        if got.shape != tensor.shape or got.dtype != torch.float32:
            raise ValueError(
                f"{path}: tensor {name} is {_describe(got)}, the configuration asks for {_describe(tensor)}"
            )
        if not torch.isfinite(got).all():
            raise ValueError(f"{path}: tensor {name} is not finite")
    for name in found:
        if name not in wanted:
            raise ValueError(f"{path}: tensor {name} is unknown to the configuration")


def _describe(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
