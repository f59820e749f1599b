# SPDX-License-Identifier: Apache-2.0
"""Names in an error's one line: as many as a person reads."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 8


def listed(names: Iterable[str], most: int = MOST) -> str:
    """ "a, b, c", or the first of more than `most`, and how many more there are."""
    all_of_them = list(names)
    shown = ", ".join(all_of_them[:most])
    return shown if len(all_of_them) <= most else f"{shown} and {len(all_of_them) - most} more"
