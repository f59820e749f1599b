# SPDX-License-Identifier: Apache-2.0
"""A BiisNet computed in integers: what becomes a stored map, layer by layer, as compile/quantise decides it.

A value is a sum of terms as long as it can be. It is stored where a binary convolution reads it, where more than one
layer does, and where a two-slope follows a sum of several terms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as functional
from torch import nn

from ..binarize import centre, estimate_sign
from ..config import NetworkConfig
from ..errors import InputError
from ..folding import fold_norm
from ..layers import BinaryConvLayer, DotBinaryConvLayer, ReDistribution
from ..network import BiisNet, Fusion, UpSample
from .activations import ACTIVATIONS
from .constants import MapConstants
from .functions import floored
from .scales import Anchor, MapScale, Stores
from .sums import Sum
from .terms import HIGH, LOW, Greys, Hinge, Pooled, Reduced, Slope, Stored

WHITE = 255.0
HALF = 0.5
"""Factor of the average of two."""


def refuse_scheme(config: NetworkConfig) -> None:
    """Raise InputError where a network's binary convolutions have other levels than -1 and +1."""
    if config.scheme != "bnn" or config.weight_offset:
        named = "with an offset of the weights" if config.scheme == "bnn" else f"of scheme {config.scheme}"
        raise InputError(
            f"a network {named} cannot be trained in integers; binary convolutions of levels -1 and +1 can (scheme bnn)"
        )


class IntegerNetwork(nn.Module):
    """The integer network that a float network becomes, with gradients for the float network's parameters.

    BatchNorm is what it is in use: its statistics are constants. After `anchor` and before any parameter moves, logits
    are those of the compiler's file, bit for bit.
    """

    def __init__(self, network: BiisNet) -> None:
        super().__init__()
        self.network = network
        self.scales: list[MapScale] = []
        """Of every stored map, once it is anchored."""

    @torch.no_grad()
    def anchor(self, constants: list[MapConstants]) -> None:
        """Take a calibration of this very network over. Raises InputError where the compiler's network is another."""
        anchor = Anchor(constants)
        side = self.network.config.multiple
        Walk(self.network, anchor).logits(torch.zeros(1, self.network.config.in_channels, side, side))
        anchor.check_all()
        self.scales = anchor.scales

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Grey levels [N, in_channels, H, W], which are rounded, to real logits [N, 1, H, W]."""
        logits = self.integer_logits(image)
        return logits.bytes * logits.step.float()

    def integer_logits(self, image: torch.Tensor) -> Stored:
        """The same as whole numbers of 16 bits, and the real size of a step."""
        height, width = image.shape[-2:]
        multiple = self.network.config.multiple
        grey = torch.round(image).clamp(0, WHITE)
        border = (0, -width % multiple, 0, -height % multiple)
        if any(border):
            grey = functional.pad(grey, border, mode="replicate")
        logits = Walk(self.network, Stores(self.scales)).logits(grey)
        return Stored(logits.bytes[..., :height, :width], logits.step)


class Walk:
    """One pass through a network's layers."""

    def __init__(self, network: BiisNet, stores: Stores) -> None:
        self.network, self.stores = network, stores

    def logits(self, grey: torch.Tensor) -> Stored:
        """Whole grey levels, sides multiples of 2**levels, to the logits."""
        network = self.network
        x, skips = self.embedding(grey), []
        for blocks, down in zip(network.encoder, network.downsample, strict=True):
            x = self.settled(self.layers(blocks, x))
            skips.append(x)
            x = self.down(down, x)
        x = self.layers(network.bottleneck, x)
        for level in reversed(range(network.config.levels)):
            up, fusion = network.upsample[level], network.fusion[level]
            assert isinstance(up, UpSample)
            assert isinstance(fusion, Fusion)
            x = self.average(fusion, self.up(up, x), skips[level])
            x = self.layers(network.decoder[level], x)
        slope = self.view(x)
        head = Sum.of(Reduced(slope.scaled(network.head.weight.double().flatten())), 1)
        assert network.head.bias is not None
        logit = self.stores.store(Sum(head.terms, network.head.bias.double()))
        return self.view(logit).view

    # ---- stored maps ----

    def settled(self, x: Sum) -> Sum:
        """A value as slopes of a stored map, stored if it is not yet."""
        return x if x.view is not None else self.stores.store(x.resolved())

    def view(self, x: Sum) -> Slope:
        """Those slopes."""
        slope = self.settled(x).view
        assert slope is not None
        return slope

    def argument(self, x: Sum) -> Slope:
        """The same for a two-slope, into which the factor of an average goes."""
        if x.factor == 1:
            return self.view(x)
        bare = Sum(x.terms, x.offset)
        return self.view(bare).scaled(torch.full_like(x.offset, x.factor))

    # ---- layers ----

    def layers(self, layers: Any, x: Sum) -> Sum:
        """A sequence of blocks, or of a block's layers."""
        for layer in layers:
            x = LAYERS[type(layer)](self, layer, x) if type(layer) in LAYERS else self.layers(layer, x)
        return x

    def embedding(self, grey: torch.Tensor) -> Sum:
        """The convolution of the frame: a tap of padding is the grey level nearest to the mean."""
        layer, config = self.network.embedding, self.network.config
        assert layer.bias is not None
        term = Greys(grey - round(config.mean), layer.weight.double() / config.std)
        return Sum((term,), layer.bias.double())

    def binary(self, layer: BinaryConvLayer, x: Sum) -> Sum:
        """A Binary Convolution Layer."""
        x = self.settled(x)
        slope = self.view(x)
        real = slope.real()
        if layer.config.sign_threshold:
            threshold = layer.threshold
            if ((slope.negative * slope.positive < 0) & (threshold != 0)).any():  # no byte from which on it is above
                slope = self.view(self.stores.store(x))
                real = slope.real()
            real = real - threshold.reshape(-1, 1, 1)
        config, estimator = layer.config, layer.config.estimator
        centred, alpha, _ = centre(layer.weight.double(), (1, 2, 3), config.weight_scale, config.weight_mean)
        signs = estimate_sign(centred.to(layer.weight.dtype), layer.weight_k, estimator)
        border = layer.weight.shape[-1] // 2
        count = functional.conv2d(estimate_sign(real, layer.sign_k, estimator), signs * -0.5, padding=border)
        if layer.weight[0].numel() > 2 * HIGH:
            count = count.clamp(LOW, HIGH)
        norm, offset = fold_norm(layer.norm)
        line = Sum((Hinge.line(count, norm * alpha.flatten()),), offset)
        activation = layer.get_submodule(config.activation)
        return ACTIVATIONS[type(activation)](activation, line).plus(x)

    def dot(self, layer: DotBinaryConvLayer, x: Sum) -> Sum:
        """A DB Conv Layer: MaxOut(g x) + x is one two-slope of x."""
        centred, alpha, beta = centre(layer.weight.double(), (0,))
        gain = alpha * estimate_sign(centred, layer.weight_k.double(), layer.estimator) + beta
        positive, negative = layer.maxout.positive.double(), layer.maxout.negative.double()
        above = gain * torch.where(gain >= 0, positive, negative) + 1
        below = gain * torch.where(gain >= 0, negative, positive) + 1
        slope = self.argument(x).bent(below, above)
        return Sum.of(slope, len(gain))

    def redistribution(self, layer: ReDistribution, x: Sum) -> Sum:
        """alpha x + beta."""
        return x.scaled(layer.alpha.double(), layer.beta.double())

    def down(self, layers: Any, x: Sum) -> Sum:
        """2x2 average, two sampling layers, side by side."""
        slope = self.view(x)
        halved = Sum((Pooled(slope.view, slope.negative, slope.positive),), torch.zeros_like(slope.negative), 0.25)
        if isinstance(layers[0], DotBinaryConvLayer):
            halved = Sum.of(self.argument(halved), len(halved.offset))
        else:
            halved = self.settled(halved)
        results = [self.sampling(layer, halved) for layer in layers]
        parts = [self.view(result) for result in results]
        view = Stored(torch.cat([p.view.bytes for p in parts], 1), torch.cat([p.view.step for p in parts]))
        negative, positive = (torch.cat([getattr(p, s) for p in parts]) for s in ("negative", "positive"))
        return Sum.of(Slope(view, negative, positive), len(negative))

    def up(self, layers: UpSample, x: Sum) -> Sum:
        """Twice the size, a sampling layer on each half of the channels, the average."""
        slope = x.view
        if slope is None or not slope.is_linear:
            slope = self.view(self.stores.store(x.resolved()))
        view = Stored(doubled(doubled(slope.view.bytes, 2), 3), slope.view.step)
        whole, half = Slope(view, slope.negative, slope.positive), len(view.step) // 2
        first, second = (Sum.of(whole.slice(i * half, (i + 1) * half), half) for i in range(2))
        return self.average(layers, first, second)

    def average(self, layers: Any, first: Sum, second: Sum) -> Sum:
        """A sampling layer on each of two values, the average."""
        total = self.sampling(layers[0], first).plus(self.sampling(layers[1], second))
        return Sum(total.terms, total.offset, HALF)

    def sampling(self, layer: nn.Module, x: Sum) -> Sum:
        """One sampling layer."""
        return LAYERS[type(layer)](self, layer, x)


LAYERS: dict[type[nn.Module], Callable[[Walk, Any, Sum], Sum]] = {
    BinaryConvLayer: Walk.binary,
    DotBinaryConvLayer: Walk.dot,
    ReDistribution: Walk.redistribution,
}


def doubled(z: torch.Tensor, dim: int) -> torch.Tensor:
    """Bytes at twice the length of an axis: (near + ((near + far) >> 1) + 1) >> 1, the border repeated."""
    size = z.shape[dim]
    before = torch.cat([z.narrow(dim, 0, 1), z.narrow(dim, 0, size - 1)], dim)
    after = torch.cat([z.narrow(dim, 1, size - 1), z.narrow(dim, size - 1, 1)], dim)
    both = [floored((z + floored((z + far) * 0.5) + 1) * 0.5) for far in (before, after)]
    return torch.stack(both, dim + 1).flatten(dim, dim + 1)
