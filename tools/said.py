# SPDX-License-Identifier: Apache-2.0
"""What a user says of a network that its file leaves open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..compile.errors import CompileError
from ..compile.frontend import OnnxModel
from ..compile.frontend.prepare import Normalisation, prepare
from ..compile.recognise.front import is_ours


@dataclass(frozen=True)
class Said:
    """Of each, None where nothing is said: the task, a detection's threshold and what makes its scores
    ('SLOPE,OFFSET'), how pixels were normalised, and what Sign(0) is, +1 or -1."""

    task: str | None = None
    threshold: float | None = None
    scores: str | None = None
    normalisation: Normalisation | None = None
    sign_of_zero: int | None = None

    def prepare(self, model: OnnxModel, say: Callable[[str], None]) -> OnnxModel:
        """The model with all of it but what Sign(0) is, which recognising it takes. Raises CompileError, for a network
        without Sign too, of which nothing of the kind can be said."""
        if self.sign_of_zero is not None and is_ours(model.proto):
            raise CompileError(f"{model.path}: has no Sign, whose 0 --sign-of-zero is of; leave it out")
        told = prepare(model, self.task, self.normalisation, self.threshold, self.scores)
        if self.normalisation:
            say(f"normalised in the network: {self.normalisation}, of levels 0 to 255")
        return told
