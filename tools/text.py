# SPDX-License-Identifier: Apache-2.0
"""Numbers in sentences."""

from __future__ import annotations


def plural(number: int, what: str) -> str:
    """ "1 target", "2 targets"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def printable(text: str) -> str:
    """Text for a terminal: what it would obey (control characters), or what stands for bytes of no character, as
    escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
