# SPDX-License-Identifier: Apache-2.0
"""What runs on the device: a bundle -> `load(bundle)(image)` -> probability map. Needs numpy only."""

from importlib.metadata import version

from .detections import Detection, detect
from .errors import BundleError
from .model import Model, load

__version__ = version("biisnet")
__all__ = ["BundleError", "Detection", "Model", "__version__", "detect", "load"]
