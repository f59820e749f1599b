# SPDX-License-Identifier: Apache-2.0
"""The U of figure 4: embedding, encoder, bottleneck, decoder, head.

Child names are the prefixes of the weights files: `encoder.LEVEL.BLOCK`, `downsample.LEVEL.{0,1}` and so on.
"""

import math

import torch
import torch.nn.functional as functional
from torch import nn

from .binarize import annealed_k
from .config import NetworkConfig
from .layers import BinaryBlock, BinaryConvLayer, MaxOut, ReDistribution, RPReLU, sampling_layer
from .variants import NETWORKS

__all__ = ["BiisNet", "DownSample", "Fusion", "UpSample", "build", "doubled"]


class DownSample(nn.ModuleList):
    """[N, c, H, W] to [N, 2c, H/2, W/2]: 2x2 average, two sampling layers on it, concatenated."""

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        super().__init__(sampling_layer(channels, config) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        halved = functional.avg_pool2d(x, 2)
        return torch.cat([self[0](halved), self[1](halved)], dim=1)


class UpSample(nn.ModuleList):
    """[N, 2c, H, W] to [N, c, 2H, 2W]: interpolate, a sampling layer on each half of the channels, average."""

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        super().__init__(sampling_layer(channels, config) for _ in range(2))
        self.interpolation = config.interpolation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second = doubled(x, self.interpolation).chunk(2, dim=1)
        out: torch.Tensor = (self[0](first) + self[1](second)) * 0.5
        return out


def doubled(x: torch.Tensor, interpolation: str) -> torch.Tensor:
    """[N, C, H, W] to [N, C, 2H, 2W], half-pixel centres."""
    if interpolation == "nearest":
        return functional.interpolate(x, scale_factor=2, mode="nearest")
    if torch.is_grad_enabled() and x.requires_grad:
        return _doubled_along(_doubled_along(x, 2), 3)
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _doubled_along(x: torch.Tensor, dim: int) -> torch.Tensor:
    """Bilinear interpolation by hand: the gradient of torch's own scatters pixel by pixel, a quarter of a step."""
    size = x.shape[dim]
    before = torch.cat([x.narrow(dim, 0, 1), x.narrow(dim, 0, size - 1)], dim)
    after = torch.cat([x.narrow(dim, 1, size - 1), x.narrow(dim, size - 1, 1)], dim)
    return torch.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], dim + 1).flatten(dim, dim + 1)


class Fusion(nn.ModuleList):
    """Two of [N, c, H, W] to one: a sampling layer on each, averaged."""

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        super().__init__(sampling_layer(channels, config) for _ in range(2))

    def forward(self, upsampled: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = (self[0](upsampled) + self[1](skip)) * 0.5
        return out


class BiisNet(nn.Module):
    """Grey levels in, logits out; a logit above 0 is a target pixel.

    `name` and `seed` (of random weights, None for trained ones) are what the exported file says of itself.
    """

    def __init__(self, config: NetworkConfig, name: str = "custom", seed: int | None = None) -> None:
        super().__init__()
        self.config = config
        self.name = name
        self.seed = seed
        widths = [config.channels * 2**level for level in range(config.levels + 1)]
        self.embedding = nn.Conv2d(config.in_channels, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(
            _blocks(n, width, config) for n, width in zip(config.encoder_blocks, widths, strict=False)
        )
        self.downsample = nn.ModuleList(DownSample(width, config) for width in widths[:-1])
        self.bottleneck = _blocks(config.bottleneck_blocks, widths[-1], config)
        self.upsample = nn.ModuleList(UpSample(width, config) for width in widths[:-1])
        self.fusion = nn.ModuleList(Fusion(width, config) for width in widths[:-1])
        self.decoder = nn.ModuleList(
            _blocks(n, width, config) for n, width in zip(config.decoder_blocks, widths, strict=False)
        )
        self.head = nn.Conv2d(widths[0], 1, 1)
        # targets are few: start from "no target" everywhere
        nn.init.constant_(self.head.bias, -3.0)  # type: ignore[arg-type]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Float grey levels (0 to 255) [N, in_channels, H, W] of any size from 1x1 to logits [N, 1, H, W].

        Sides that are no multiple of 2**levels are extended at bottom and right by repeating the edge; the
        logits are cropped.
        """
        height, width = image.shape[-2:]
        multiple = self.config.multiple
        normalised = (image - self.config.mean) / self.config.std
        border = (0, -width % multiple, 0, -height % multiple)
        if any(border):
            normalised = functional.pad(normalised, border, mode="replicate")
        return self.features_to_logits(normalised)[..., :height, :width]

    def features_to_logits(self, normalised: torch.Tensor) -> torch.Tensor:
        """The network proper: normalised [N, in_channels, H, W], sides multiples of 2**levels, to logits."""
        x = self.embedding(normalised)
        skips = []
        for blocks, down in zip(self.encoder, self.downsample, strict=True):
            x = blocks(x)
            skips.append(x)
            x = down(x)
        x = self.bottleneck(x)
        for level in reversed(range(self.config.levels)):
            x = self.fusion[level](self.upsample[level](x), skips[level])
            x = self.decoder[level](x)
        out: torch.Tensor = self.head(x)
        return out

    def anneal(self, progress: float) -> None:
        """Set the k of an estimator whose k follows the training, `progress` (0 to 1) of which is done."""
        if self.config.estimator == "ede":
            with torch.no_grad():
                for name, parameter in self.named_parameters():
                    if name.endswith("_k"):
                        parameter.fill_(annealed_k(progress))

    def keep_real(self, real: bool) -> None:
        """Whether the weights of binary convolutions are used as they are, which is for training alone."""
        for module in self.modules():
            if isinstance(module, BinaryConvLayer):
                module.real = real


def _blocks(count: int, channels: int, config: NetworkConfig) -> nn.Sequential:
    return nn.Sequential(*(BinaryBlock(channels, config) for _ in range(count)))


def build(preset: str | NetworkConfig, seed: int = 0) -> BiisNet:
    """A network in evaluation mode with random weights that depend on the seed alone.

    Everything that training would move is jittered around its start, so that no parameter is trivial, and the
    BatchNorms' statistics are those of random signs, so that activations stay of order 1 at any depth.
    Raises ValueError for a name that is not there.
    """
    if isinstance(preset, str) and preset not in NETWORKS:
        raise ValueError(f"no preset {preset!r}; there are {', '.join(NETWORKS)}")
    config = NETWORKS[preset] if isinstance(preset, str) else preset
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = BiisNet(config, preset if isinstance(preset, str) else "custom", seed)
        for module in model.modules():
            if isinstance(module, RPReLU | ReDistribution | MaxOut):
                for parameter in module.parameters():
                    parameter.add_(0.1 * torch.randn_like(parameter))
            elif isinstance(module, BinaryConvLayer):
                _settle_norm(module)
    return model.eval()


def _settle_norm(layer: BinaryConvLayer) -> None:
    """Give the BatchNorm the variance of a sum of K independent signs, `K alpha**2`, and jitter the rest."""
    taps = math.prod(layer.weight.shape[1:])
    variance, mean = layer.norm.running_var, layer.norm.running_mean
    assert variance is not None
    assert mean is not None
    variance.copy_(taps * layer.binary_weight()[1].flatten() ** 2)
    mean.copy_(0.1 * variance.sqrt() * torch.randn_like(mean))
    layer.norm.weight.add_(0.1 * torch.randn_like(mean))
    layer.norm.bias.add_(0.1 * torch.randn_like(mean))
    for name in ("threshold", "activation_scale", "activation_offset"):
        if hasattr(layer, name):
            getattr(layer, name).add_(0.1 * torch.randn_like(getattr(layer, name)))
