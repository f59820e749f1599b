"""What runs on the device: a bundle -> `load(bundle)(image)` -> probability map. Needs numpy only."""

from .errors import BundleError
from .model import Model, load

__all__ = ["BundleError", "Model", "load"]
