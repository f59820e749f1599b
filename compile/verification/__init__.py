# SPDX-License-Identifier: Apache-2.0
"""Proof that a bundle computes what the network computes: ONNX Runtime against the (emulated) device.

check.py is the way in; importing the package alone imports neither ONNX Runtime nor the compiler.
"""

from ..errors import VerificationError

__all__ = ["VerificationError"]
