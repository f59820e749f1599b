# SPDX-License-Identifier: Apache-2.0
"""Kinds of refusals: each has a code that stays, and a page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """One kind of obstacle that a network may have. Texts are plain, with `code` in backquotes."""

    code: str
    """BN and three digits, the last words of the refusal's line. A code is never given to another kind."""
    title: str
    """The obstacle in a few words, lower case."""
    means: str
    """The reason for it, and how files come to have it."""
    supported: str
    """Its opposite: what is compiled."""
    ways: tuple[str, ...]
    """Ways out, the most usual first."""
    example: str
    """A line of it without its code; `…` stands for words of other programs."""
