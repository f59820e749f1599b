# SPDX-License-Identifier: Apache-2.0
"""Training: data sets, augmentation, losses, the loop. Importing this package does not import torch."""

from .recipe import FINE_TUNING, INT8, Recipe

__all__ = ["FINE_TUNING", "INT8", "Recipe"]
