# SPDX-License-Identifier: Apache-2.0
"""Row kernels: all that there is to know of each kind of expression, its numpy meaning beside its TIR, one kind a file.

Importing this package registers the kinds (`ir.expressions.KINDS`).
"""

from .add import Add
from .binary_dot import BinaryDot
from .channel_convolution import ChannelConvolution
from .channel_depthwise import ChannelDepthwise
from .channel_dot import ChannelDot
from .channel_load import ChannelLoad
from .channel_max_pool import ChannelMaxPool
from .channel_pool_sum import ChannelPoolSum
from .channel_pooled_depthwise import ChannelPooledDepthwise
from .clamp import Clamp
from .constant import Constant
from .convolution import Convolution
from .depth_to_space import DepthToSpace
from .divide import Divide
from .exp import Exp
from .hinge_add import HingeAdd
from .integer_add import IntegerAdd
from .integer_convolution import IntegerConvolution
from .integer_dot import IntegerDot
from .integer_hinge import IntegerHinge
from .integer_mix import IntegerMix
from .integer_pool import IntegerPool
from .integer_two_slope import IntegerTwoSlope
from .integer_upsample import IntegerUpsample
from .interpolate import Interpolate
from .load import Load
from .log import Log
from .max_pool import MaxPool
from .multiply import Multiply
from .pool_sum import PoolSum
from .reduce_channels import ReduceChannels
from .repeat_channels import RepeatChannels
from .requantize import Requantize
from .round import Round
from .scale_shift import ScaleShift
from .scale_shift_add import ScaleShiftAdd
from .shuffle_channels import ShuffleChannels
from .sigmoid import Sigmoid
from .spread import Spread
from .square_root import SquareRoot
from .tile_channels import TileChannels
from .two_slope import TwoSlope
from .two_slope_add import TwoSlopeAdd
from .upsample import Upsample
from .zero import Zero

__all__ = [
    "Add",
    "BinaryDot",
    "ChannelConvolution",
    "ChannelDepthwise",
    "ChannelDot",
    "ChannelLoad",
    "ChannelMaxPool",
    "ChannelPoolSum",
    "ChannelPooledDepthwise",
    "Clamp",
    "Constant",
    "Convolution",
    "DepthToSpace",
    "Divide",
    "Exp",
    "HingeAdd",
    "IntegerAdd",
    "IntegerConvolution",
    "IntegerDot",
    "IntegerHinge",
    "IntegerMix",
    "IntegerPool",
    "IntegerTwoSlope",
    "IntegerUpsample",
    "Interpolate",
    "Load",
    "Log",
    "MaxPool",
    "Multiply",
    "PoolSum",
    "ReduceChannels",
    "RepeatChannels",
    "Requantize",
    "Round",
    "ScaleShift",
    "ScaleShiftAdd",
    "ShuffleChannels",
    "Sigmoid",
    "Spread",
    "SquareRoot",
    "TileChannels",
    "TwoSlope",
    "TwoSlopeAdd",
    "Upsample",
    "Zero",
]
