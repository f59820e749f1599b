"""The means of the Relax passes: apply a local rewrite until it no longer fires, and count."""

from __future__ import annotations

from collections.abc import Callable

import tvm
from tvm import relax
from tvm.ir import Expr
from tvm.relax.dpl import DFPattern, rewrite_call

Matches = dict[DFPattern, Expr]


def rewrite_all(module: tvm.IRModule, pattern: DFPattern, rewrite: Callable[[Matches], Expr | None]) -> int:
    """Replace every match of `pattern` in main, in place; returns how many.

    `rewrite` gets the matched parts and returns the replacement, or None where it does not apply.
    """
    count = 0

    def replace(original: Expr, matches: Matches) -> Expr:
        nonlocal count
        new = rewrite(matches)
        if new is None:
            return original
        count += 1
        return new

    while True:
        before = count
        module["main"] = rewrite_call(pattern, replace, module["main"])
        if count == before:
            break
    if count:
        module["main"] = relax.transform.DeadCodeElimination()(module)["main"]
    return count
