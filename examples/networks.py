# SPDX-License-Identifier: Apache-2.0
"""All networks by name, as data: how they are made, and what they read in their papers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from . import bbcu, binary_densenet28, bireal18, cnv, fully_connected, quicknet, reactnet_a


@dataclass(frozen=True)
class Network:
    """A network: `make(height, width, classes)`, channels and side of its images, classes (0: its answer is an image),
    binary convolutions and fully connected layers of all."""

    make: Callable[[int, int, int], nn.Module]
    channels: int
    size: int
    classes: int
    binary: int
    layers: int


def quick(widths: quicknet.Widths) -> Callable[[int, int, int], nn.Module]:
    """The maker of a QuickNet."""
    return lambda height, width, classes: quicknet.QuickNet(widths, classes)


def connected(name: str) -> Network:
    """A fully connected network."""
    neurons = fully_connected.NEURONS[name]
    make = lambda height, width, classes: fully_connected.FullyConnected(neurons, height * width, classes)  # noqa: E731
    return Network(make, 1, 28, 10, 4, 4)


NETWORKS = {
    "quicknet-small": Network(quick(quicknet.SMALL), 3, 224, 1000, 16, 26),
    "quicknet": Network(quick(quicknet.MEDIUM), 3, 224, 1000, 16, 26),
    "quicknet-large": Network(quick(quicknet.LARGE), 3, 224, 1000, 32, 42),
    "bireal18": Network(lambda h, w, n: bireal18.BiRealNet18(n), 3, 224, 1000, 16, 21),
    "reactnet-a": Network(lambda h, w, n: reactnet_a.ReActNetA(n), 3, 224, 1000, 31, 33),
    "binarydensenet28": Network(lambda h, w, n: binary_densenet28.BinaryDenseNet28(n), 3, 224, 1000, 23, 28),
    "cnv": Network(lambda h, w, n: cnv.Cnv(h, n), 3, 32, 10, 8, 9),
    "tfc": connected("tfc"),
    "sfc": connected("sfc"),
    "lfc": connected("lfc"),
    "bbcu": Network(lambda h, w, n: bbcu.Bbcu(), 3, 128, 0, 35, 37),
}
