# SPDX-License-Identifier: Apache-2.0
"""Numbers in sentences."""

from __future__ import annotations


def plural(number: int, what: str) -> str:
    """ "1 target", "2 targets"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
