# SPDX-License-Identifier: Apache-2.0
"""A level that a step function has at a single number, as Sign has at 0, and that cannot occur:

    Steps(x; t, t'; l, m, u) = Steps(x; t; l, u)      t' the next number after t, x never t

x is never t where it is a y + b of a float32 number y, and no float32 number is the root of a y + b = t (`never`). Or
the user has said what Sign(0) is to be. Otherwise the level stays, and the convolution becomes two bit planes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from ..never import never_equals
from ..steps import DOMAIN, Steps, above, steps_node, steps_of
from ..values import Array
from .base import Pattern

PROOF = "its BatchNorm and bias are 0 at no number that may come before them"


def is_middle(levels: Array) -> bool:
    """Whether the level between two is that of a sign."""
    return bool(np.allclose(levels[1], (levels[0] + levels[2]) / 2))


class ImpossibleLevel(Pattern):
    """Steps with a level at one number alone."""

    op_types = ("Steps",)
    domains = (DOMAIN,)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """One step less."""
        found = steps_of(node.outputs[0])
        if found is None or found[1].levels.dtype == bool:
            return None
        value, steps = found
        name = value.name or ""
        for i in range(steps.count - 1):
            if not (steps.thresholds[i + 1] == above(steps.thresholds[i])).all():
                continue
            if never_equals(value, steps.thresholds[i]):
                self.context.note(name, f"never 0 where its sign is taken: {PROOF}")
                keep = 1
            elif self.context.sign_of_zero is not None and is_middle(steps.levels[i : i + 3]):
                word = f"{self.context.sign_of_zero:+d}"
                self.context.note(name, f"Sign(0) is taken as {word}, as --sign-of-zero {word} says")
                keep = 1 if self.context.sign_of_zero > 0 else 0
            else:
                continue
            self.context.never.setdefault(name, []).append(steps.thresholds[i])
            rest = np.arange(steps.count) != (i + 1 if keep else i)
            levels = np.delete(steps.levels, i + 1, axis=0)
            return steps_node(op, value, Steps(steps.thresholds[rest], levels))
        return None
