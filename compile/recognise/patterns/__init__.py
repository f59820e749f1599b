# SPDX-License-Identifier: Apache-2.0
"""All patterns on one screen, in the order in which they are tried.

Each file has the algebra of its patterns. A phase is repeated until none of its patterns is met any more.
"""

from __future__ import annotations

from .argument import ArgumentOfSteps, OutOfRange
from .averages import AverageOfAll
from .base import Context, Pattern
from .channel_pad import SumWithPaddedChannels
from .convolution import BinaryConvolution
from .expanded import ExpandedBeside
from .flat import FullyConnected, MapToVector, MeanOfMap, NormalizationOfFlatten, PointwiseOfFlatten
from .image_quantiser import QuantOfImage
from .impossible_levels import ImpossibleLevel
from .layout import (
    ConcatOfTransposes,
    MeanOfTranspose,
    PadOfTranspose,
    PointwiseOfTranspose,
    QuantizerOfTranspose,
    StepsOfTranspose,
    TransposeTwice,
)
from .materialise import StepsAsMap
from .max_pool import MaxPoolOfSteps
from .normalisation import OverChannels
from .places import ChannelsToPlaces
from .pointwise import PointwiseOfSteps, QuantizedSteps
from .quantisers import BipolarQuant, MultiThreshold, Quant, RoundOfRange
from .sign import Comparison, SignOfValue
from .straight_through import StraightThrough
from .tidy import ConstantMap, ExplicitPads, Negation, NothingDone, PadOfConvolution
from .wide import WideBinaryConvolution

Phase = tuple[type[Pattern], ...]

LAYOUT: Phase = (
    NothingDone,  # Dropout, Pad by nothing, 1x1 pooling, ...
    ExplicitPads,  # auto_pad and ceil_mode
    ConstantMap,  # biases expanded to whole maps
    ExpandedBeside,  # gates too
    ChannelsToPlaces,  # pixel and channel shuffles written as Reshape, Transpose, Reshape
    TransposeTwice,
    PointwiseOfTranspose,
    QuantizerOfTranspose,
    StepsOfTranspose,
    PadOfTranspose,
    ConcatOfTransposes,
    MeanOfTranspose,
    MeanOfMap,  # ReduceMean is GlobalAveragePool
    MapToVector,  # Reshape and Squeeze are Flatten
    PointwiseOfFlatten,
    NormalizationOfFlatten,
    OverChannels,  # Softmax, LogSoftmax and LayerNormalization in sums and maxima over channels
    FullyConnected,  # Gemm and MatMul are Conv
)
STEPS: Phase = (
    PointwiseOfSteps,  # Sign->Add->Sign, Sign->Equal->Where, comparison->Cast->Mul->Sub, ...
    QuantizedSteps,
    SignOfValue,
    Comparison,
    BipolarQuant,
    Quant,
    MultiThreshold,
    RoundOfRange,
    StraightThrough,  # s - e + e
    OutOfRange,  # after Relu or Clip no value is below 0
    ArgumentOfSteps,  # a bias is a threshold; Relu, Clip and Tanh before a step are gone
    MaxPoolOfSteps,
)
ZERO: Phase = (ImpossibleLevel,)
BINARY: Phase = (
    BinaryConvolution,
    WideBinaryConvolution,  # more taps than an accumulator holds
)
REST: Phase = (
    StepsAsMap,  # signs that a full-precision layer reads
    QuantOfImage,  # many levels, rounded
    PadOfConvolution,
    Negation,
    SumWithPaddedChannels,
    AverageOfAll,  # means of means
)
PHASES: tuple[Phase, ...] = (LAYOUT, STEPS, ZERO, BINARY, REST)

__all__ = ["BINARY", "LAYOUT", "PHASES", "REST", "STEPS", "ZERO", "Context", "Pattern", "Phase"]
