# SPDX-License-Identifier: Apache-2.0
"""Row kernels: all that there is to know of each kind of expression, its numpy meaning beside its TIR, one kind a file.

Importing this package registers the kinds (`ir.expressions.KINDS`).
"""

from .add import Add
from .binary_dot import BinaryDot
from .clamp import Clamp
from .constant import Constant
from .convolution import Convolution
from .hinge_add import HingeAdd
from .load import Load
from .pool_sum import PoolSum
from .repeat_channels import RepeatChannels
from .scale_shift import ScaleShift
from .sigmoid import Sigmoid
from .two_slope import TwoSlope
from .two_slope_add import TwoSlopeAdd
from .upsample import Upsample

__all__ = [
    "Add",
    "BinaryDot",
    "Clamp",
    "Constant",
    "Convolution",
    "HingeAdd",
    "Load",
    "PoolSum",
    "RepeatChannels",
    "ScaleShift",
    "Sigmoid",
    "TwoSlope",
    "TwoSlopeAdd",
    "Upsample",
]
