# SPDX-License-Identifier: Apache-2.0
"""What a user of the compiler meets: a single line that says what is wrong and what to do."""


class CompileError(ValueError):
    """Input that cannot be compiled; the message names the file or layer and the way out, in one line."""

    def __init__(self, message: str) -> None:
        """A model's names may have line breaks; the message has none."""
        super().__init__(" ".join(message.splitlines()))


class VerificationError(RuntimeError):
    """The device does not compute what the network computes; one line that names the first differing layer."""
