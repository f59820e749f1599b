# SPDX-License-Identifier: Apache-2.0
"""Networks of one kind of binary layer each, as PyTorch's exporter writes them: a stem, the layer, more of the like.

    y = BatchNorm(binary convolution of sign(x)) + x

without the sum where shapes differ: networks have several kinds of shortcuts there, whose work is none of the layer's.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from examples.binary_densenet28 import SignedConv2d
from examples.layers import SteSign
from examples.randomise import randomise

BLOCKS = 4
"""Layers behind each other: all but the last leave signs to the next one, as within a network."""
COLOURS = 3


@dataclass(frozen=True)
class Layer:
    """A square convolution from maps of side x side to `side / stride`, zeros padded."""

    inputs: int
    outputs: int
    side: int
    kernel: int = 3
    stride: int = 1

    @property
    def name(self) -> str:
        """Kernel, stride and channels: `3x3-64`, `3x3s2-64`, `1x1-256`."""
        stride = "" if self.stride == 1 else f"s{self.stride}"
        return f"{self.kernel}x{self.kernel}{stride}-{self.inputs}"

    @property
    def title(self) -> str:
        """The same for a table, with the map: `3x3, 64, 56x56`, `3x3, stride 2, 64 to 128, 56x56`."""
        channels = str(self.inputs) if self.inputs == self.outputs else f"{self.inputs} to {self.outputs}"
        stride = "" if self.stride == 1 else f", stride {self.stride}"
        return f"{self.kernel}x{self.kernel}{stride}, {channels}, {self.side}x{self.side}"

    @property
    def keeps_shape(self) -> bool:
        """Whether its output has the shape of its input."""
        return (self.inputs, self.stride) == (self.outputs, 1)

    @property
    def weight_bytes(self) -> int:
        """Bytes of its weights, a bit each."""
        return self.inputs * self.outputs * self.kernel**2 // 8


class Block(nn.Module):
    """A layer with its shortcut."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        inputs, outputs, stride = layer.inputs, layer.outputs, layer.stride
        self.conv = SignedConv2d(inputs, outputs, layer.kernel, stride, layer.kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.is_residual = layer.keeps_shape

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.norm(self.conv(SteSign.apply(x)))
        return y + x if self.is_residual else y


def network_of(layer: Layer) -> nn.Module:
    """Images [1, 3, side, side] to a number a channel. A layer that changes shapes is followed by some that do not."""
    following = Layer(layer.outputs, layer.outputs, layer.side // layer.stride, layer.kernel)
    return nn.Sequential(
        nn.Conv2d(COLOURS, layer.inputs, 1, bias=False),
        nn.BatchNorm2d(layer.inputs),
        Block(layer),
        *(Block(following) for _ in range(BLOCKS - 1)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def export_layer(layer: Layer, path: Path) -> None:
    """Write the network of a layer, its weights random."""
    shape = (COLOURS, layer.side, layer.side)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter is said to be old
        torch.onnx.export(
            randomise(network_of(layer), shape),
            (torch.zeros(1, *shape),),
            str(path),
            dynamo=False,
            opset_version=18,
            input_names=["image"],
            output_names=["scores"],
        )
