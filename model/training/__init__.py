# SPDX-License-Identifier: Apache-2.0
"""Training: data sets, augmentation, losses, the loop. Importing this package does not import torch."""

from .recipe import Recipe

__all__ = ["Recipe"]
