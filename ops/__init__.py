# SPDX-License-Identifier: Apache-2.0
"""The ONNX operators of domain `com.biisnet`, versions 1 and 2: body and meaning of each, side by side.

Version 1 has the layers of a float32 network, version 2 also those of an integer network.

`REGISTRY["RPReLU"].function()` is the FunctionProto to put into a model, `.reference(...)` the numpy meaning.
"""

from importlib.metadata import version

from onnx import FunctionProto

from . import (
    binary_conv2d,
    binary_weight_conv2d,
    dot_binary_conv2d,
    integer_binary_conv2d,
    integer_hinge,
    integer_sum_pool,
    integer_two_slope,
    integer_upsample,
    maxout,
    redistribution,
    requantize,
    rprelu,
)
from ._spec import DOMAIN, INTEGER_VERSION, OPSET, VERSION, Op
from .binary_conv2d import accumulators
from .packing import pack_bits, pack_weights, unpack_bits, unpack_weights, weights_at_levels

__version__ = version("biisnet")
REGISTRY: dict[str, Op] = {
    module.OP.name: module.OP
    for module in (
        binary_conv2d,
        dot_binary_conv2d,
        rprelu,
        maxout,
        redistribution,
        binary_weight_conv2d,
        integer_binary_conv2d,
        integer_two_slope,
        integer_hinge,
        integer_sum_pool,
        integer_upsample,
        requantize,
    )
}


def functions(version: int = VERSION) -> list[FunctionProto]:
    """The function bodies of all operators that a version of the domain has, in the registry's order."""
    return [op.function() for op in REGISTRY.values() if op.since <= version]


__all__ = [
    "DOMAIN",
    "INTEGER_VERSION",
    "OPSET",
    "REGISTRY",
    "VERSION",
    "Op",
    "__version__",
    "accumulators",
    "functions",
    "pack_bits",
    "pack_weights",
    "unpack_bits",
    "unpack_weights",
    "weights_at_levels",
]
