# SPDX-License-Identifier: Apache-2.0
"""Errors as a user of the compiler meets them: a single line that says what is wrong and what to do."""

from __future__ import annotations

from .refusals import Refusal

__all__ = ["CompileError", "VerificationError"]


class CompileError(ValueError):
    """Input that cannot be compiled; the message names the file or layer and the way out, in one line.

    Where it is of a kind that has a page (`biisnet explain`), the line ends in its code.
    """

    def __init__(self, message: str, refusal: Refusal | None = None) -> None:
        """A model's names may have line breaks and a terminal's commands; the message has none."""
        line = " ".join(message.splitlines())
        printable = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
        super().__init__(f"{printable} [{refusal.code}]" if refusal else printable)


class VerificationError(RuntimeError):
    """The device does not compute what the network computes; one line that names the first differing layer."""
