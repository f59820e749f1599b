# SPDX-License-Identifier: Apache-2.0
"""The compiler: an ONNX file of a binarized network -> a verified bundle for one target. pipeline.py is the way in."""

from importlib.metadata import version

from . import tvm_without_torch

tvm_without_torch.install()

__version__ = version("biisnet")
__all__ = ["__version__"]
