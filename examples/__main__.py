# SPDX-License-Identifier: Apache-2.0
"""`python -m examples NETWORK -o FILE.onnx`: a network with random weights, as PyTorch's exporters write it."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

try:
    import torch
except ModuleNotFoundError:
    sys.exit("error: the examples are PyTorch networks; pip install '.[train]'")

from .networks import NETWORKS
from .randomise import randomise

OPSET = 18
"""Both exporters write it."""


def export(
    name: str, size: tuple[int, int], classes: int, path: Path, *, dynamo: bool, narrow: int = 1, seed: int = 0
) -> None:
    """Write a network's ONNX file, with weights in it; with `narrow` of a fraction of its channels."""
    network, (height, width) = NETWORKS[name], size
    shape = (network.channels, height, width)
    module = randomise(network.make(height, width, classes, narrow), shape, seed)
    options: dict[str, Any] = {"external_data": False, "verbose": False} if dynamo else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter is said to be old
        torch.onnx.export(
            module,
            (torch.zeros(1, *shape),),
            str(path),
            dynamo=dynamo,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["output" if classes == 0 else "scores"],
            **options,
        )


def parse_size(text: str) -> tuple[int, int]:
    """Height and width of `N` or `HxW`."""
    height, _, width = text.partition("x")
    return int(height), int(width or height)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m examples", description=__doc__)
    parser.add_argument("network", choices=sorted(NETWORKS), metavar="NETWORK", help=", ".join(NETWORKS))
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="by default NETWORK.onnx")
    parser.add_argument("--size", type=parse_size, metavar="N|HxW", help="of the image; by default the paper's")
    parser.add_argument("--classes", type=int, metavar="N", help="by default the paper's")
    parser.add_argument("--narrow", type=int, default=1, metavar="N", help="an N-th of the channels")
    parser.add_argument("--exporter", choices=["dynamo", "torchscript"], default="dynamo", help="PyTorch has two")
    given = parser.parse_args(arguments)
    network = NETWORKS[given.network]
    size = given.size or (network.size, network.size)
    classes = network.classes if given.classes is None or not network.classes else given.classes
    path = given.output or Path(f"{given.network}.onnx")
    export(given.network, size, classes, path, dynamo=given.exporter == "dynamo", narrow=given.narrow)
    print(f"written {path} (random weights)", file=sys.stderr)


if __name__ == "__main__":
    main()
