"""Training: data sets, augmentation, losses, the loop. Importing this package does not import torch."""

from .recipe import Recipe

__all__ = ["Recipe"]
