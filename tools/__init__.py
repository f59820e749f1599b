# SPDX-License-Identifier: Apache-2.0
"""The tools that a person calls: the command line, and one file for what each of its commands does."""

from importlib.metadata import version

__version__ = version("biisnet")
__all__ = ["__version__"]
