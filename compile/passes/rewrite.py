# SPDX-License-Identifier: Apache-2.0
"""The means of the Relax passes: apply a local rewrite until it no longer fires.

How often each fired is kept in the module's attribute `rewrites`, pass by pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import tvm
from tvm import relax
from tvm.ir import Expr
from tvm.relax.dpl import DFPattern, rewrite_call

from ..errors import CompileError

Matches = dict[DFPattern, Expr]


Rule = tuple[DFPattern, Callable[[Matches], Expr | None]]


def rewrite_all(module: tvm.IRModule, name: str, rules: Iterable[Rule]) -> tvm.IRModule:
    """Replace every match of the rules' patterns in main, rule after rule.

    A rule's function gets the matched parts and returns the replacement, or None where it does not apply.
    """
    main, count = module["main"], 0
    refused: list[str] = []  # an exception would lose its class on its way through TVM

    for pattern, rewrite in rules:
        fired = 0

        def replace(original: Expr, matches: Matches, rewrite: Callable = rewrite) -> Expr:
            nonlocal fired
            try:
                new = rewrite(matches)
            except CompileError as e:
                refused.append(f"layer '{layer_of(module, original)}': {e}")
                return original
            if new is None:
                return original
            fired += 1
            return new

        before = -1
        while fired != before:
            before = fired
            main = rewrite_call(pattern, replace, main)
            if refused:
                raise CompileError(refused[0])
        count += fired
    rewritten = tvm.IRModule({"main": main}, attrs=module.attrs)
    return relax.transform.DeadCodeElimination()(rewritten).with_attr("rewrites", {**counts(module), name: count})


def layer_of(module: tvm.IRModule, e: Expr) -> str:
    """The ONNX value that an expression of main computes."""
    names = (module.attrs or {}).get("onnx_names", {})
    found = (b.var.name for block in module["main"].body.blocks for b in block.bindings if b.value.same_as(e))
    name = next(found, "?")
    return str(names.get(name, name))


def counts(module: tvm.IRModule) -> dict[str, int]:
    """Pass -> how often its rules fired."""
    attrs = module.attrs or {}
    return {str(k): int(v) for k, v in attrs["rewrites"].items()} if "rewrites" in attrs else {}
