# SPDX-License-Identifier: Apache-2.0
"""The paper's layers, each a module whose parameter names are those of the weights files.

All take and give float [N, C, H, W] (float32, or float64 after `.double()`).
"""

from collections import OrderedDict
from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import nn

from .binarize import at_least, centre, estimate_sign, to_levels, within_one
from .config import SCHEMES, NetworkConfig

__all__ = [
    "BinaryBlock",
    "BinaryConvLayer",
    "DotBinaryConvLayer",
    "HardTanh",
    "MaxOut",
    "RPReLU",
    "ReDistribution",
    "ReLU",
    "sampling_layer",
]

MINIMUM_DISTANCE = 1e-3
"""Between AdaBin's learned levels and their middle: at 0 there would be one level, and a division by it."""


def _channels(values: torch.Tensor) -> torch.Tensor:
    """[C] to [C, 1, 1]."""
    return values.reshape(-1, 1, 1)


def _trains(x: torch.Tensor) -> bool:
    return torch.is_grad_enabled() and x.requires_grad


def _positive(x: torch.Tensor) -> torch.Tensor:
    """1 where x > 0, 0 where x < 0, a half between; without a gradient."""
    return torch.sign(x.detach()) * 0.5 + 0.5


def _step(x: torch.Tensor, above: torch.Tensor, below: torch.Tensor) -> torch.Tensor:
    """`above` where x > 0, `below` where x < 0, each a channel, for a product with x, which is 0 between them.

    By arithmetic, as `within_one`.
    """
    positive = _positive(x)
    return _channels(below) + _channels(above - below) * positive


class RPReLU(nn.Module):
    """Equation 10: `x - a + b` where x > a, else `c (x - a) + b`; a, b, c per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.zeros(channels))
        self.b = nn.Parameter(torch.zeros(channels))
        self.c = nn.Parameter(torch.full((channels,), 0.25))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shifted = x - _channels(self.a)
        if _trains(x):
            return shifted * _step(shifted, torch.ones_like(self.c), self.c) + _channels(self.b)
        # the comparison is x > a, not shifted > 0: they differ where the difference underflows
        return torch.where(x > _channels(self.a), shifted, _channels(self.c) * shifted) + _channels(self.b)


class ReDistribution(nn.Module):
    """Equation 11: `alpha x + beta` per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _channels(self.alpha) * x + _channels(self.beta)


class MaxOut(nn.Module):
    """AdaBin's non-linearity: `positive relu(x) - negative relu(-x)` per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.positive = nn.Parameter(torch.ones(channels))
        self.negative = nn.Parameter(torch.full((channels,), 0.25))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if _trains(x):
            return x * _step(x, self.positive, self.negative)
        return x * torch.where(x >= 0, _channels(self.positive), _channels(self.negative))


class HardTanh(nn.Module):
    """`x`, at least -1 and at most 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if _trains(x):
            inside = within_one(x.detach())
            return x * inside + torch.sign(x.detach()) * (1 - inside)
        return functional.hardtanh(x)


class ReLU(nn.Module):
    """`x`, at least 0."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * _positive(x) if _trains(x) else functional.relu(x)


class BatchNorm(nn.BatchNorm2d):
    """Torch's, whose statistics in training are of the sums of x and x**2: its own, when compiled, divide by a count
    at every pixel (Welford), each after the one before. x is a sum of signs times alpha, of a mean near 0, so the
    difference of the two loses nothing.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not (self.training and _trains(x) and x.dtype in (torch.float32, torch.float64)):
            return super().forward(x)
        count = x.numel() // x.shape[1]
        mean = x.mean((0, 2, 3))
        variance = ((x * x).mean((0, 2, 3)) - mean * mean).clamp(min=0)
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            assert self.momentum is not None
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / max(count - 1, 1)), self.momentum)
            self.num_batches_tracked.add_(1)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return x * _channels(scale) + _channels(self.bias - mean * scale)


ACTIVATIONS: dict[str, Callable[[int], nn.Module]] = {
    "rprelu": RPReLU,
    "hardtanh": lambda _: HardTanh(),
    "relu": lambda _: ReLU(),
    "none": lambda _: nn.Identity(),
}
"""Activations by the name in the configuration, which is the child's name too: made of a number of channels."""


def _k(config: NetworkConfig) -> nn.Parameter:
    return nn.Parameter(torch.tensor(config.estimator_k), requires_grad=config.estimator == "dysoftsign")


class BinaryConvLayer(nn.Module):
    """Binary Convolution Layer, equation 9: `RPReLU(BConv(Sign(x))) + x`, BatchNorm after the convolution.

    The convolution runs on the levels themselves (with levels of -1, 0 and +1 integers, exact in float32 in any
    order); alpha follows. What Sign, the weights and the activation are is the configuration's.
    """

    def __init__(self, channels: int, config: NetworkConfig, kernel: int = 3) -> None:
        super().__init__()
        self.config = config
        self.scheme = SCHEMES[config.scheme]
        self.weight = nn.Parameter(torch.empty(channels, channels, kernel, kernel))
        nn.init.kaiming_normal_(self.weight)
        self.weight_k = _k(config)
        if self.scheme.activation_levels is not None:
            self.sign_k = _k(config)
            if config.sign_threshold:
                self.threshold = nn.Parameter(torch.zeros(channels))
        if self.scheme.learned:
            self.activation_scale = nn.Parameter(torch.ones(1))
            self.activation_offset = nn.Parameter(torch.zeros(1))
        self.real = False
        """In the first of two steps of training."""
        self.norm = BatchNorm(channels)
        self.add_module(config.activation, ACTIVATIONS[config.activation](channels))

    @property
    def weight_offset(self) -> bool:
        """Whether weights are `alpha b + beta`, as a whole: then the accumulator is no integer."""
        return self.config.weight_offset or self.scheme.weight_offset

    @property
    def activation_distance(self) -> torch.Tensor:
        """[1], of learned levels: from their middle to either, above 0."""
        return at_least(self.activation_scale.abs(), MINIMUM_DISTANCE)

    def binary_weight(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Equations 4 to 6: the weight's signs [M, C, k, k], alpha and beta [M, 1, 1, 1].

        While weights are `real`, what alpha and the signs are an approximation of: (weight - beta) / alpha.
        """
        centred, alpha, beta = centre(self.weight, (1, 2, 3), self.config.weight_scale, self.config.weight_mean)
        if self.real:
            return centred / alpha, alpha, beta
        return estimate_sign(centred, self.weight_k, self.config.estimator), alpha, beta

    def activation(self, x: torch.Tensor) -> torch.Tensor:
        """The levels of x that the convolution reads, of learned levels without their middle."""
        levels = self.scheme.activation_levels
        if levels is None:
            return x
        if self.config.sign_threshold:
            x = x - _channels(self.threshold)
        if self.scheme.learned:
            scale = self.activation_distance
            return scale * estimate_sign((x - self.activation_offset) / scale, self.sign_k, self.config.estimator)
        return to_levels(estimate_sign(x, self.sign_k, self.config.estimator), levels)

    def accumulator(self, x: torch.Tensor) -> torch.Tensor:
        """The convolution on raw levels; with the weight's offset on `alpha b + beta` instead."""
        return self._convolve(x, *self.binary_weight())

    def _convolve(self, x: torch.Tensor, signs: torch.Tensor, alpha: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
        weight = to_levels(signs, self.scheme.weight_levels)
        if self.weight_offset:
            weight = alpha * weight + beta
        activation, border = self.activation(x), self.weight.shape[-1] // 2
        if self.config.pad_value == 0:
            y = functional.conv2d(activation, weight, padding=border)
        else:
            padded = functional.pad(activation, [border] * 4, value=self.config.pad_value)
            y = functional.conv2d(padded, weight)
        # the middle between learned levels, which a padded tap has too
        return y + _channels(self.activation_offset * weight.sum((1, 2, 3))) if self.scheme.learned else y

    @property
    def _scales_weights(self) -> bool:
        """Whether alpha is in the weights and not in the output, where it costs a pass over all pixels each way.

        In training alone, where nothing is exact; not in bfloat16, which would round it, and BatchNorm's statistics
        with it.
        """
        plain = self.scheme.weight_levels == (-1.0, 1.0) and not self.weight_offset and not self.scheme.learned
        return self.training and torch.is_grad_enabled() and plain and not torch.is_autocast_enabled("cpu")

    def convolution_and_norm(self, x: torch.Tensor) -> torch.Tensor:
        """Binary convolution with alpha, then BatchNorm: what the exported operator computes."""
        signs, alpha, beta = self.binary_weight()
        if self._scales_weights:
            y = self._convolve(x, signs * alpha, alpha, beta)
        else:
            y = self._convolve(x, signs, alpha, beta)
            if not self.weight_offset:
                y = y * _channels(alpha)
        out: torch.Tensor = self.norm(y)
        return out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.get_submodule(self.config.activation)(self.convolution_and_norm(x)) + x
        return out


class DotBinaryConvLayer(nn.Module):
    """DB Conv Layer, equation 12: `MaxOut(DBConv(x)) + x`, DBConv as in equations 13 to 18.

    alpha_w is divided by sqrt(C), as in equation 6: as (15) is printed, activations grow about 5 000-fold.
    """

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        super().__init__()
        self.estimator = config.estimator
        self.weight = nn.Parameter(torch.randn(channels) * 0.1)
        self.weight_k = _k(config)
        self.maxout = MaxOut(channels)

    def binary_weight(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Equations 14 to 16: the weight's signs [C], alpha and beta [1]."""
        centred, alpha, beta = centre(self.weight, (0,))
        return estimate_sign(centred, self.weight_k, self.estimator), alpha, beta

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        signs, alpha, beta = self.binary_weight()
        out: torch.Tensor = self.maxout(x * _channels(alpha * signs + beta)) + x
        return out


class BinaryBlock(nn.Sequential):
    """Binary Convolution Layer, ReDistribution, DB Conv Layer (figure 4), or what the configuration has instead."""

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        layers: dict[str, nn.Module] = {"binary": BinaryConvLayer(channels, config)}
        if config.redistribution:
            layers["redistribution"] = ReDistribution(channels)
        if config.block_layer == "dot":
            layers["dot"] = DotBinaryConvLayer(channels, config)
        else:
            layers["second"] = BinaryConvLayer(channels, config)
        super().__init__(OrderedDict(layers))


def sampling_layer(channels: int, config: NetworkConfig) -> nn.Module:
    """The layer that DownSample, UpSample and Fusion have two of."""
    if config.sampling_layer == "dot":
        return DotBinaryConvLayer(channels, config)
    return BinaryConvLayer(channels, config, kernel=1)
