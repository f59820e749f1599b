# SPDX-License-Identifier: Apache-2.0
"""Devices as data; the tool-chain that links for them, and the emulated device that runs them."""

from importlib.metadata import version

from .devices import TARGETS, Target, TargetError, resolve

__version__ = version("biisnet")
__all__ = ["TARGETS", "Target", "TargetError", "__version__", "resolve"]
