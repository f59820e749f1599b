# SPDX-License-Identifier: Apache-2.0
"""A network as data: sizes, blocks and binarization options. No torch here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from .fields import check_types, from_json, require


@dataclass(frozen=True)
class Scheme:
    """One row of Table 1: the (lower, upper) values that activations and weights take in a binary convolution."""

    activation_levels: tuple[float, float] | None
    """None for full-precision activations."""
    weight_levels: tuple[float, float]
    learned: bool = False
    """A layer's activation levels are `offset +- scale`, learned (AdaBin); a padded tap contributes `offset`."""
    weight_offset: bool = False
    """Weights are `alpha_w b_w + beta_w` (equation 4): two levels an output channel."""

    @property
    def padded_by_value(self) -> bool:
        """Whether `pad_value` says what a padded tap contributes."""
        return self.activation_levels is not None and not self.learned


SCHEMES: dict[str, Scheme] = {
    "bnn": Scheme((-1.0, 1.0), (-1.0, 1.0)),
    "sibnn": Scheme((0.0, 1.0), (-1.0, 1.0)),
    "siman": Scheme((-1.0, 1.0), (0.0, 1.0)),
    "adabin": Scheme((-1.0, 1.0), (-1.0, 1.0), learned=True, weight_offset=True),
    "db-conv": Scheme(None, (-1.0, 1.0), weight_offset=True),
    "biconnect": Scheme(None, (-1.0, 1.0)),
}

ESTIMATORS = ("dysoftsign", "clip", "quad", "tanh", "ede")
ACTIVATIONS = ("rprelu", "hardtanh", "relu", "none")
LAYERS = ("dot", "binary")
WEIGHT_SCALES = ("deviation", "magnitude", "power", "none")
INTERPOLATIONS = ("bilinear", "nearest")
PAD_VALUES = (-1.0, 0.0, 1.0)
WHAT = "configuration"


@dataclass(frozen=True)
class NetworkConfig:
    """A BiisNet. Level 0 is full resolution; level i has `channels * 2**i` channels and 2**-i of each side.

    Raises InputError, naming the field, for values that make no network.
    """

    in_channels: int = 1
    channels: int = 16
    encoder_blocks: tuple[int, ...] = (2, 4)
    bottleneck_blocks: int = 2
    decoder_blocks: tuple[int, ...] = (2, 4)
    """Binary Blocks a level, level 0 first, as in `encoder_blocks`."""
    interpolation: str = "bilinear"
    pad_value: float = 0.0
    """The activation value that a padded tap of a binary convolution contributes."""
    weight_offset: bool = False
    """Keep the `+ beta_w` of equation 4 in binary convolutions, whatever the scheme."""
    scheme: str = "bnn"
    """The row of Table 1 (or BiConnect), a key of SCHEMES."""
    weight_mean: bool = True
    """Take beta_w, the weights' mean, off before their sign (equations 4 and 5)."""
    weight_scale: str = "deviation"
    """alpha_w, one of WEIGHT_SCALES: `deviation` is equation 6, `magnitude` mean(|w|) (XNOR-Net, Bi-Real Net,
    ReActNet), `power` that of
    standardised weights, rounded to a power of two (IR-Net), `none` 1 (BNN)."""
    sign_threshold: bool = False
    """Compare activations with a learned threshold a channel (ReActNet's RSign) instead of 0."""
    activation: str = "rprelu"
    """The activation after a binary convolution's BatchNorm; one of ACTIVATIONS."""
    redistribution: bool = True
    """ReDistribution (equation 11) between a block's two layers."""
    block_layer: str = "dot"
    """A block's second layer, one of LAYERS: DB Conv Layer, or a second 3x3 Binary Convolution Layer."""
    sampling_layer: str = "dot"
    """The layers of DownSample, UpSample and Fusion: DB Conv Layers, or 1x1 Binary Convolution Layers (BiSRNet)."""
    estimator: str = "dysoftsign"
    """The estimator of Sign's gradient (equations 7, 8 and 20 to 22); one of ESTIMATORS."""
    estimator_k: float = 1.0
    """k of `tanh`, and where that of `dysoftsign` starts. The paper says 0.001, which yields next to no gradient."""
    mean: float = 101.06
    std: float = 34.62
    """Grey levels are normalised as (grey - mean) / std."""

    def __post_init__(self) -> None:
        check_types(self, WHAT)
        _require(self.in_channels >= 1, "in_channels", self.in_channels, "at least 1")
        _require(self.channels >= 1, "channels", self.channels, "at least 1")
        counts = (*self.encoder_blocks, self.bottleneck_blocks, *self.decoder_blocks)
        _require(min(counts) >= 0, "blocks", counts, "not negative")
        same = len(self.encoder_blocks) == len(self.decoder_blocks)
        _require(same, "decoder_blocks", self.decoder_blocks, "as many levels as encoder_blocks")
        _require(self.interpolation in INTERPOLATIONS, "interpolation", self.interpolation, INTERPOLATIONS)
        _require(self.pad_value in PAD_VALUES, "pad_value", self.pad_value, PAD_VALUES)
        _require(self.scheme in SCHEMES, "scheme", self.scheme, tuple(SCHEMES))
        _require(self.estimator in ESTIMATORS, "estimator", self.estimator, ESTIMATORS)
        _require(self.weight_scale in WEIGHT_SCALES, "weight_scale", self.weight_scale, WEIGHT_SCALES)
        _require(self.activation in ACTIVATIONS, "activation", self.activation, ACTIVATIONS)
        _require(self.block_layer in LAYERS, "block_layer", self.block_layer, LAYERS)
        _require(self.sampling_layer in LAYERS, "sampling_layer", self.sampling_layer, LAYERS)
        zero_padded = self.pad_value == 0 or SCHEMES[self.scheme].padded_by_value
        _require(zero_padded, "pad_value", self.pad_value, f"0 with scheme {self.scheme}, which pads with its own")
        scheme = SCHEMES[self.scheme]
        _require(
            not self.sign_threshold or scheme.activation_levels is not None,
            "sign_threshold",
            self.sign_threshold,
            f"false with scheme {self.scheme}, whose activations have no sign",
        )
        _require(
            self.weight_mean or not (self.weight_offset or scheme.weight_offset),
            "weight_mean",
            self.weight_mean,
            "true where weights keep their offset, which is the mean",
        )
        _require(self.estimator_k > 0, "estimator_k", self.estimator_k, "above 0")
        _require(self.std > 0, "std", self.std, "above 0")

    @property
    def levels(self) -> int:
        """The number of times that the resolution is halved."""
        return len(self.encoder_blocks)

    @property
    def multiple(self) -> int:
        """The number that both sides are extended to a multiple of, 2**levels."""
        return 1 << self.levels

    def to_json(self) -> str:
        """One line of JSON with every field, sorted, so that equal configurations are equal bytes."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> NetworkConfig:
        """Undo `to_json`; absent fields take their defaults. Raises InputError for anything else."""
        return from_json(cls, text, WHAT)


def _require(holds: bool, field: str, value: object, expected: object) -> None:
    require(holds, WHAT, field, value, expected)


PRESETS: dict[str, NetworkConfig] = {
    "biisnet": NetworkConfig(),
    "biisnet-lite": NetworkConfig(encoder_blocks=(1, 1), decoder_blocks=(1, 1)),
}
EARLIER = {"biisnet-1": "biisnet", "biisnet-lite-1": "biisnet-lite"}
"""Names of weights that a preset had before, and the preset."""
SHIPPED = PRESETS | {name: PRESETS[preset] for name, preset in EARLIER.items()}
"""Every network that has trained weights in the package."""
