"""The paper's layers, each a module whose parameter names are those of the weights files.

All take and give float [N, C, H, W] (float32, or float64 after `.double()`).
"""

import torch
import torch.nn.functional as functional
from torch import nn

from .binarize import centre, estimate_sign, to_levels
from .config import SCHEMES, NetworkConfig


def _channels(values: torch.Tensor) -> torch.Tensor:
    """[C] to [C, 1, 1]."""
    return values.reshape(-1, 1, 1)


class RPReLU(nn.Module):
    """Equation 10: `x - a + b` where x > a, else `c (x - a) + b`; a, b, c per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.zeros(channels))
        self.b = nn.Parameter(torch.zeros(channels))
        self.c = nn.Parameter(torch.full((channels,), 0.25))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shifted = x - _channels(self.a)
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
        return x * torch.where(x >= 0, _channels(self.positive), _channels(self.negative))


class BinaryConvLayer(nn.Module):
    """Binary Convolution Layer, equation 9: `RPReLU(BConv3x3(Sign(x))) + x`, BatchNorm after the convolution.

    The convolution runs on the levels themselves (integers, exact in float32 in any order); alpha follows.
    """

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
        nn.init.kaiming_normal_(self.weight)
        self.weight_k = nn.Parameter(torch.tensor(config.estimator_k))
        self.sign_k = nn.Parameter(torch.tensor(config.estimator_k))
        self.norm = nn.BatchNorm2d(channels)
        self.rprelu = RPReLU(channels)

    def binary_weight(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Equations 4 to 6: the weight's signs [M, C, 3, 3], alpha and beta [M, 1, 1, 1]."""
        centred, alpha, beta = centre(self.weight, (1, 2, 3))
        return estimate_sign(centred, self.weight_k, self.config.estimator), alpha, beta

    def accumulator(self, x: torch.Tensor) -> torch.Tensor:
        """The convolution on raw levels; with the `weight_offset` option on `alpha b + beta` instead."""
        scheme = SCHEMES[self.config.scheme]
        signs, alpha, beta = self.binary_weight()
        weight = to_levels(signs, scheme.weight_levels)
        if self.config.weight_offset:
            weight = alpha * weight + beta
        activation = to_levels(estimate_sign(x, self.sign_k, self.config.estimator), scheme.activation_levels)
        if self.config.pad_value == 0:
            return functional.conv2d(activation, weight, padding=1)
        padded = functional.pad(activation, (1, 1, 1, 1), value=self.config.pad_value)
        return functional.conv2d(padded, weight)

    def convolution_and_norm(self, x: torch.Tensor) -> torch.Tensor:
        """Binary convolution with alpha, then BatchNorm: what the exported `BinaryConv2d` computes."""
        y = self.accumulator(x)
        if not self.config.weight_offset:
            y = y * _channels(self.binary_weight()[1])
        out: torch.Tensor = self.norm(y)
        return out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.rprelu(self.convolution_and_norm(x)) + x
        return out


class DotBinaryConvLayer(nn.Module):
    """DB Conv Layer, equation 12: `MaxOut(DBConv(x)) + x`, DBConv as in equations 13 to 18.

    alpha_w is divided by sqrt(C), as in equation 6: as (15) is printed, activations grow about 5 000-fold.
    """

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        super().__init__()
        self.estimator = config.estimator
        self.weight = nn.Parameter(torch.randn(channels) * 0.1)
        self.weight_k = nn.Parameter(torch.tensor(config.estimator_k))
        self.maxout = MaxOut(channels)

    def binary_weight(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Equations 14 to 16: the weight's signs [C], alpha and beta [1]."""
        centred, alpha, beta = centre(self.weight, (0,))
        return estimate_sign(centred, self.weight_k, self.estimator), alpha, beta

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        signs, alpha, beta = self.binary_weight()
        out: torch.Tensor = self.maxout(x * _channels(alpha * signs + beta)) + x
        return out


class BinaryBlock(nn.Module):
    """Binary Convolution Layer, ReDistribution, DB Conv Layer (figure 4)."""

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        super().__init__()
        self.binary = BinaryConvLayer(channels, config)
        self.redistribution = ReDistribution(channels)
        self.dot = DotBinaryConvLayer(channels, config)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.dot(self.redistribution(self.binary(x)))
        return out
