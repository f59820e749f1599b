# SPDX-License-Identifier: Apache-2.0
"""The part that runs on the device: a bundle -> `load(bundle)(image)` -> what its model computes. Needs numpy only."""

from importlib.metadata import version

from .classes import Class
from .detections import Detection, detect
from .errors import BundleError
from .levels import GreyLevelsWarning, Levels
from .model import Model, load
from .voting import Vote, Voter

__version__ = version("biisnet")
__all__ = [
    "BundleError",
    "Class",
    "Detection",
    "GreyLevelsWarning",
    "Levels",
    "Model",
    "Vote",
    "Voter",
    "__version__",
    "detect",
    "load",
]
