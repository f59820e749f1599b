# SPDX-License-Identifier: Apache-2.0
"""What a device is, as data; the tool-chain that links for it, and the emulated device that runs it."""

from .devices import TARGETS, Target, TargetError, resolve

__all__ = ["TARGETS", "Target", "TargetError", "resolve"]
