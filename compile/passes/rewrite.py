# SPDX-License-Identifier: Apache-2.0
"""The means of the Relax passes: apply a local rewrite until it no longer fires.

How often each fired is kept in the module's attribute `rewrites`, pass by pass; in `missed`, which layers' it did not
fire for, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import tvm
from tvm import relax
from tvm.ir import Expr
from tvm.relax.dpl import DFPattern, rewrite_call

from ..errors import CompileError
from .missed import Missed

Matches = dict[DFPattern, Expr]


Rewrite = Callable[[Matches], Expr | Missed]
Rule = tuple[DFPattern, Rewrite]


def rewrite_all(module: tvm.IRModule, name: str, rules: Iterable[Rule]) -> tvm.IRModule:
    """Replace every match of the rules' patterns in main, rule after rule.

    A rule's function gets the matched parts and returns the replacement, or Missed where it does not apply.
    """
    main, count = module["main"], 0
    missed: dict[str, str] = {}
    met: dict[str, str] = {}  # in the last turn, in which nothing fires
    refused: list[str] = []  # an exception would lose its class on its way through TVM

    for pattern, rewrite in rules:
        before = -1
        while count != before:
            before = count
            met.clear()

            def replace(
                original: Expr, matches: Matches, rewrite: Rewrite = rewrite, at: relax.Function = main
            ) -> Expr:
                nonlocal count
                try:
                    new = rewrite(matches)
                except CompileError as e:
                    refused.append(f"layer '{layer_of(at, module, original)}': {e}")
                    return original
                if isinstance(new, Missed):
                    met[layer_of(at, module, original)] = str(new)
                    return original
                count += 1
                return new

            main = rewrite_call(pattern, replace, main)
            if refused:
                raise CompileError(refused[0])
        missed |= met
    rewritten = tvm.IRModule({"main": main}, attrs=module.attrs)
    kept = {"rewrites": {**counts(module), name: count}, "missed": {**misses(module), name: missed}}
    return relax.transform.DeadCodeElimination()(rewritten).with_attrs(kept)


def layer_of(main: relax.Function, module: tvm.IRModule, e: Expr) -> str:
    """The ONNX value that an expression of `main` computes, or is a part of; else its variable."""
    names = (module.attrs or {}).get("onnx_names", {})
    bindings = [b for block in main.body.blocks for b in block.bindings]
    at = next((n for n, b in enumerate(bindings) if b.value.same_as(e)), len(bindings))
    own = (b.var.name for b in bindings[at:])
    return next((str(names[b.var.name]) for b in bindings[at:] if b.var.name in names), next(own, "?"))


def counts(module: tvm.IRModule) -> dict[str, int]:
    """Pass -> how often its rules fired."""
    attrs = module.attrs or {}
    return {str(k): int(v) for k, v in attrs["rewrites"].items()} if "rewrites" in attrs else {}


def misses(module: tvm.IRModule) -> dict[str, dict[str, str]]:
    """Pass -> layer -> why a rule that met its pattern there did not fire."""
    attrs = module.attrs or {}
    kept = attrs["missed"] if "missed" in attrs else {}  # noqa: SIM401 (TVM's attributes have no get)
    return {str(name): {str(layer): str(why) for layer, why in of.items()} for name, of in kept.items()}
