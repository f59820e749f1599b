# SPDX-License-Identifier: Apache-2.0
"""Proof that a bundle computes what the network computes: ONNX Runtime against the (emulated) device."""

from ..errors import VerificationError
from .check import NOT_ASKED, Verified, check_bundle

__all__ = ["NOT_ASKED", "VerificationError", "Verified", "check_bundle"]
