# SPDX-License-Identifier: Apache-2.0
"""Foreign ONNX file -> the same network in com.biisnet operators, proved against the original.

A network binarized with PyTorch, Brevitas, QONNX or Larq is made of Sign, comparisons, quantizers and convolutions.
`patterns` says, one file each, what becomes of them; `prove` runs both in ONNX Runtime. A file that has com.biisnet
operators already passes through untouched.
"""

from .front import Recognised, recognise

__all__ = ["Recognised", "recognise"]
