# SPDX-License-Identifier: Apache-2.0
"""The network as it was trained, in PyTorch: eager, and through torch.compile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..case import F32, Case
from .engine import Infer


def build(case: Case, folder: Path) -> None:
    """Nothing: the weights are in the package."""


def open_eager(case: Case, folder: Path, threads: int) -> Infer:
    """Layer by layer."""
    return open_network(case, threads, lambda network: network)


def open_compiled(case: Case, folder: Path, threads: int) -> Infer:
    """Through the default back end, which needs a C++ compiler."""
    import torch

    return open_network(case, threads, torch.compile)


def open_network(case: Case, threads: int, transform: Callable[[Any], Any]) -> Infer:
    """The trained network, or the one of random weights that is shipped as ONNX."""
    import torch

    from biisnet.model import shipped_weights
    from biisnet.model.network import build as build_network
    from biisnet.model.weights import load

    torch.set_num_threads(threads)
    trained = shipped_weights(case.network)
    network = transform((load(trained) if trained else build_network(case.network)).eval())

    def infer(frame: F32) -> F32:
        with torch.inference_mode():
            probability: F32 = torch.sigmoid(network(torch.from_numpy(frame))).numpy()
        return probability

    return infer
