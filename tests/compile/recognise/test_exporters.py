# SPDX-License-Identifier: Apache-2.0
"""Binarized layers as people write them in PyTorch, through both of its exporters."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from biisnet.compile.frontend import load_model
from biisnet.compile.recognise import Recognised, recognise

C = 8


class PolynomialSign(nn.Module):
    """Bi-Real's sign: a piecewise polynomial backwards."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        below, negative, under = ((x < t).type(torch.float32) for t in (-1, 0, 1))
        left = -1 * below + (x * x + 2 * x) * (1 - below)
        inner = left * negative + (-x * x + 2 * x) * (1 - negative)
        smooth = inner * under + 1 * (1 - under)
        return torch.sign(x).detach() - smooth.detach() + smooth


class BinaryConv(nn.Conv2d):
    """Weights sign(w) mean|w|, straight through a clamp."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = self.weight.abs().mean((1, 2, 3), keepdim=True).detach()
        hard, soft = scale * torch.sign(self.weight), torch.clamp(self.weight, -1.0, 1.0)
        return functional.conv2d(x, hard.detach() - soft.detach() + soft, None, self.stride, self.padding)


class Shift(nn.Module):
    """ReActNet's learnable bias a channel."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(0.1 * torch.randn(1, C, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.bias.expand_as(x)


class Network(nn.Module):
    """A stem, a block of ReActNet, a block of Bi-Real net, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, C, 3, 2, 1, bias=False), nn.BatchNorm2d(C))
        self.react = nn.Sequential(Shift(), PolynomialSign(), BinaryConv(C, C, 3, 1, 1, bias=False), nn.BatchNorm2d(C))
        self.after = nn.Sequential(Shift(), nn.PReLU(C), Shift())
        self.real = nn.Sequential(PolynomialSign(), BinaryConv(C, C, 3, 1, 1, bias=False), nn.BatchNorm2d(C))
        self.head = nn.Linear(C, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = self.after(self.react(x) + x)
        x = self.real(x) + x
        return self.head(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


class WhereNetwork(nn.Module):
    """torch.where on both sides, sign(0) = +1."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, C, 3, padding=1), nn.BatchNorm2d(C)
        self.weight = nn.Parameter(torch.randn(C, C, 3, 3))
        self.drop = nn.Dropout2d(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        signs = torch.where(self.norm(self.stem(x)) >= 0, 1.0, -1.0)
        weight = torch.where(self.weight >= 0, 1.0, -1.0) * self.weight.abs().mean()
        return functional.relu(self.drop(functional.conv2d(signs, weight, padding=1)))


class PaddedNetwork(nn.Module):
    """Signs padded by +1 as functional.pad does it, which the older exporter computes in the file."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, C, 3, padding=1), nn.BatchNorm2d(C)
        self.weight = nn.Parameter(torch.randn(C, C, 3, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        signs = torch.where(self.norm(self.stem(x)) >= 0, 1.0, -1.0)
        padded = functional.pad(signs, (1, 1, 1, 1), value=1.0)
        return functional.relu(functional.conv2d(padded, torch.where(self.weight >= 0, 1.0, -1.0)))


def exported(network: nn.Module, dynamo: bool, path: Path) -> Recognised:
    """The network's file, recognised."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 8)
            nn.init.normal_(module.bias, 0, 0.3)
    options = {"external_data": False, "verbose": False} if dynamo else {}
    torch.onnx.export(network.eval(), (torch.randn(1, 3, 16, 16),), str(path), dynamo=dynamo, **options)
    return recognise(load_model(path), None)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
@pytest.mark.parametrize(("network", "binary"), [(Network, (2, 4)), (WhereNetwork, (1, 2)), (PaddedNetwork, (1, 2))])
def test_exporter(network: type[nn.Module], binary: tuple[int, int], dynamo: bool, tmp_path: Path) -> None:
    """Fails where what an exporter makes of a binary layer is not seen as one."""
    found = exported(network(), dynamo, tmp_path / "net.onnx")
    assert (sum(row.is_binary for row in found.table), len(found.table)) == binary
    kinds = {node.op_type for node in found.model.proto.graph.node}
    assert kinds <= {"Conv", "BatchNormalization", "BinaryConv2d", "Concat", "Add", "PRelu", "AveragePool", "Relu"}
