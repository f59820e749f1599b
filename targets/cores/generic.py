# SPDX-License-Identifier: Apache-2.0
"""Any other core, this machine's among them: kernels are right there, but nothing is known of their bounds."""

from .core import Core

GENERIC = Core("generic")
