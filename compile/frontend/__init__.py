# SPDX-License-Identifier: Apache-2.0
"""ONNX file -> Relax module."""

from .importer import import_onnx
from .loader import Model, load_model

__all__ = ["Model", "import_onnx", "load_model"]
