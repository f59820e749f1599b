# SPDX-License-Identifier: Apache-2.0
"""Trained modules to their `com.biisnet` operators: weights packed, BatchNorm folded.

`lower` replaces the layers of a network by modules of the same names that emit the operators while exporting.
With BatchNorm as `gamma (y - mean) / sqrt(var + eps) + shift` and y = alpha * accumulator,

    scale = alpha gamma / sqrt(var + eps),  offset = shift - mean gamma / sqrt(var + eps)

computed in float64 and rounded once.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from biisnet.ops import DOMAIN, VERSION, pack_bits, pack_weights

from .folding import fold_norm
from .layers import BinaryConvLayer, DotBinaryConvLayer, MaxOut, ReDistribution, RPReLU


class Operator(nn.Module):
    """One operator: x and constants, named as given, in; a tensor of x's shape out."""

    def __init__(
        self,
        op_type: str,
        constants: Mapping[str, torch.Tensor],
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.op_type = op_type
        self.attributes = dict(attributes or {})
        self.constants = list(constants)
        for name, value in constants.items():
            # float64 so far, rounded once here
            value = value.detach()
            self.register_buffer(name, value.float() if value.is_floating_point() else value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inputs = (x, *(self.get_buffer(name) for name in self.constants))
        out: torch.Tensor = torch.onnx.ops.symbolic(
            f"{DOMAIN}::{self.op_type}",
            inputs,
            self.attributes,
            dtype=x.dtype,
            shape=x.shape,
            version=VERSION,
        )
        return out


class LoweredBinaryConvLayer(Operator):
    """`RPReLU(BinaryConv2d(x)) + x`, or `BinaryWeightConv2d` where activations are full-precision."""

    def __init__(self, layer: BinaryConvLayer) -> None:
        layer = copy.deepcopy(layer).double()
        signs, alpha, beta = layer.binary_weight()
        slope, offset = fold_norm(layer.norm)
        weight_levels = torch.tensor([layer.scheme.weight_levels]).double()
        if layer.weight_offset:
            # alpha b + beta as levels: the accumulator is no longer an integer
            weight_levels = weight_levels * alpha.reshape(-1, 1) + beta.reshape(-1, 1)
        else:
            slope = slope * alpha.flatten()
        constants = {"weight": torch.from_numpy(pack_weights(_bits(signs))), "scale": slope, "offset": offset}
        border = layer.weight.shape[-1] // 2
        attributes: dict[str, Any] = {
            "channels": layer.weight.shape[1],
            "strides": [1, 1],
            "pads": [border] * 4,
            "dilations": [1, 1],
            "group": 1,
        }
        if layer.scheme.activation_levels is None:
            super().__init__("BinaryWeightConv2d", constants | {"weight_levels": weight_levels}, attributes)
        else:
            levels, pad_value, threshold = _activation(layer, layer.scheme.activation_levels)
            constants |= {"activation_levels": levels, "weight_levels": weight_levels, "threshold": threshold}
            super().__init__("BinaryConv2d", constants, attributes | {"pad_value": pad_value})
        self.name = layer.config.activation
        self.add_module(self.name, lower(layer.get_submodule(self.name)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.get_submodule(self.name)(super().forward(x)) + x
        return out


def _activation(layer: BinaryConvLayer, levels: tuple[float, float]) -> tuple[torch.Tensor, float, torch.Tensor]:
    """(levels [2], what a padded tap contributes, thresholds [1] or [C]) of a layer in float64."""
    threshold = layer.threshold if layer.config.sign_threshold else torch.zeros(1)
    if not layer.scheme.learned:
        return torch.tensor(levels), float(layer.config.pad_value), threshold
    middle, half = layer.activation_offset, layer.activation_distance
    # x - threshold is what is compared with the middle
    return torch.cat([middle - half, middle + half]), float(middle), threshold + middle


class LoweredDotBinaryConvLayer(Operator):
    """`MaxOut(DotBinaryConv2d(x)) + x`."""

    def __init__(self, layer: DotBinaryConvLayer) -> None:
        layer = copy.deepcopy(layer).double()
        signs, alpha, beta = layer.binary_weight()
        super().__init__(
            "DotBinaryConv2d",
            {
                "weight": torch.from_numpy(pack_bits(_bits(signs))),
                "scale": alpha,
                "offset": beta,
            },
            {"channels": layer.weight.shape[0]},
        )
        self.maxout = lower(layer.maxout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.maxout(super().forward(x)) + x
        return out


LOWERINGS: dict[type[nn.Module], Callable[..., nn.Module]] = {
    BinaryConvLayer: LoweredBinaryConvLayer,
    DotBinaryConvLayer: LoweredDotBinaryConvLayer,
    RPReLU: lambda m: Operator("RPReLU", {"a": m.a, "b": m.b, "c": m.c}),
    MaxOut: lambda m: Operator("MaxOut", {"positive": m.positive, "negative": m.negative}),
    ReDistribution: lambda m: Operator("ReDistribution", {"alpha": m.alpha, "beta": m.beta}),
}


def lower(module: nn.Module) -> nn.Module:
    """Return a copy of `module` in which every layer of LOWERINGS emits its operator when exported."""
    with torch.no_grad():
        if type(module) in LOWERINGS:
            return LOWERINGS[type(module)](module)
        lowered = copy.copy(module)
        lowered._modules = {name: lower(child) for name, child in module.named_children()}
        return lowered


def _bits(signs: torch.Tensor) -> np.ndarray:
    bits: np.ndarray = (signs > 0).numpy()
    return bits
