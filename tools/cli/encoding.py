# SPDX-License-Identifier: Apache-2.0
"""Characters that a terminal, or its locale, cannot show do not end a run."""

from __future__ import annotations

import io
import sys


def show_any_text() -> None:
    """From now on standard output and error write as escapes what their encoding has no characters for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
