# SPDX-License-Identifier: Apache-2.0
"""All networks by name, as data: how they are made, and what they read in their papers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from . import bbcu, binary_densenet28, bireal18, cnv, fully_connected, quicknet, reactnet_a

Make = Callable[[int, int, int, int], nn.Module]


@dataclass(frozen=True)
class Network:
    """A network: `make(height, width, classes, narrow)`, of which `narrow` leaves a fraction of the channels; channels
    and side of its images, classes (0: its answer is an image), binary convolutions and fully connected layers, all."""

    make: Make
    channels: int
    size: int
    classes: int
    binary: int
    layers: int


def quick(widths: quicknet.Widths) -> Make:
    """The maker of a QuickNet."""
    return lambda height, width, classes, narrow: quicknet.QuickNet(widths, classes, narrow)


def connected(name: str) -> Network:
    """A fully connected network."""
    neurons = fully_connected.NEURONS[name]
    return Network(lambda h, w, n, d: fully_connected.FullyConnected(neurons // d, h * w, n), 1, 28, 10, 4, 4)


NETWORKS = {
    "quicknet-small": Network(quick(quicknet.SMALL), 3, 224, 1000, 16, 26),
    "quicknet": Network(quick(quicknet.MEDIUM), 3, 224, 1000, 16, 26),
    "quicknet-large": Network(quick(quicknet.LARGE), 3, 224, 1000, 32, 42),
    "bireal18": Network(lambda h, w, n, d: bireal18.BiRealNet18(n, d), 3, 224, 1000, 16, 21),
    "reactnet-a": Network(lambda h, w, n, d: reactnet_a.ReActNetA(n, d), 3, 224, 1000, 31, 33),
    "binarydensenet28": Network(lambda h, w, n, d: binary_densenet28.BinaryDenseNet28(n, d), 3, 224, 1000, 23, 28),
    "cnv": Network(lambda h, w, n, d: cnv.Cnv(h, n, d), 3, 32, 10, 8, 9),
    "tfc": connected("tfc"),
    "sfc": connected("sfc"),
    "lfc": connected("lfc"),
    "bbcu": Network(lambda h, w, n, d: bbcu.Bbcu(channels=64 // d), 3, 128, 0, 35, 37),
}
