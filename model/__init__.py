# SPDX-License-Identifier: Apache-2.0
"""The network in PyTorch, from its configuration to its ONNX file.

Importing this package does not import torch: `config`, `cost` and the shipped files' paths work without.
"""

from importlib.metadata import version

from .config import PRESETS, SCHEMES, NetworkConfig, Scheme
from .shipped import shipped_integers, shipped_onnx, shipped_weights
from .variants import NETWORKS

__version__ = version("biisnet")
__all__ = [
    "NETWORKS",
    "PRESETS",
    "SCHEMES",
    "NetworkConfig",
    "Scheme",
    "__version__",
    "shipped_integers",
    "shipped_onnx",
    "shipped_weights",
]
