# SPDX-License-Identifier: Apache-2.0
"""The passes on Relax, in their order."""

from __future__ import annotations

from collections.abc import Callable

import tvm

from .fold_integer_windows import fold_integer_windows
from .fold_residual import fold_residual
from .fold_scale_into_two_slope import fold_scale_into_two_slope
from .fold_scale_shift import fold_scale_shift
from .lower_layers import lower_layers
from .scale_through_split import scale_through_split

RELAX_PASSES: tuple[Callable[[tvm.IRModule], tvm.IRModule], ...] = (
    lower_layers,  # com.biisnet layers and resampling -> binary_dot, pool_sum, upsample, scale_shift, two_slope
    scale_through_split,  # so that each part's work can take the factor
    fold_scale_into_two_slope,  # DB Conv's factor goes into MaxOut's slopes
    fold_residual,  # ... and its residual too
    fold_scale_shift,  # BatchNorm and RPReLU's first shift become one multiply-add
    fold_integer_windows,  # sums of integer maps are never stored: what is done to a map goes into what reads it
)
