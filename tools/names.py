# SPDX-License-Identifier: Apache-2.0
"""Names and numbers as tables have them."""

from __future__ import annotations

import os


def csv_value(value: int | float) -> str:
    """Nine digits tell any two float32 apart."""
    return f"{value:.9g}"


def file_name(name: str) -> str:
    """A name as a table in UTF-8 has it: in the file system's own bytes, whatever the locale makes of them."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")
