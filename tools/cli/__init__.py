# SPDX-License-Identifier: Apache-2.0
"""The command line: these files only parse and print, one function elsewhere does each command's work."""

from .app import compile_main, main

__all__ = ["compile_main", "main"]
