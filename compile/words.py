"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """ "1 target", "2 targets"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
