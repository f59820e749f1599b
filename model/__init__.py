# SPDX-License-Identifier: Apache-2.0
"""The network in PyTorch, from its configuration to its ONNX file.

Importing this package does not import torch: `config`, `cost` and the shipped files' paths work without.
"""

from .config import PRESETS, SCHEMES, NetworkConfig, Scheme
from .shipped import shipped_onnx, shipped_weights
from .variants import NETWORKS

__all__ = ["NETWORKS", "PRESETS", "SCHEMES", "NetworkConfig", "Scheme", "shipped_onnx", "shipped_weights"]
