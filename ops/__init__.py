# SPDX-License-Identifier: Apache-2.0
"""The ONNX operators of domain `com.biisnet`, version 1: body and meaning of each, side by side.

`REGISTRY["RPReLU"].function()` is the FunctionProto to put into a model, `.reference(...)` the numpy meaning.
"""

from importlib.metadata import version

from onnx import FunctionProto

from . import binary_conv2d, binary_weight_conv2d, dot_binary_conv2d, maxout, redistribution, rprelu
from ._spec import DOMAIN, OPSET, VERSION, Op
from .binary_conv2d import accumulators
from .packing import pack_bits, pack_weights, unpack_bits, unpack_weights, weights_at_levels

__version__ = version("biisnet")
REGISTRY: dict[str, Op] = {
    module.OP.name: module.OP
    for module in (binary_conv2d, dot_binary_conv2d, rprelu, maxout, redistribution, binary_weight_conv2d)
}


def functions() -> list[FunctionProto]:
    """Return the function bodies of all operators, in the registry's order."""
    return [op.function() for op in REGISTRY.values()]


__all__ = [
    "DOMAIN",
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
