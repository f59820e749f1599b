# SPDX-License-Identifier: Apache-2.0
"""Rewriting of the stages' expressions, bottom up, shared nodes kept shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from ..ir.expressions import Expr
from ..ir.stages import Program
from .missed import Missed

Rule = Callable[[Expr], Expr | Missed]
"""A node, its parts already rewritten -> what it becomes, itself where the rule has nothing to do with it, or why the
rule does not fire although it has."""


def rewrite_program(program: Program, name: str, *rules: Rule) -> None:
    """Replace every node by what the rules return, rule after rule; `name` is the pass's."""
    missed = program.missed.setdefault(name, {})
    for rule in rules:
        done: dict[int, Expr] = {}
        for stage in program.stages:

            def rewrite_one(e: Expr, rule: Rule = rule, layer: str = stage.name) -> Expr:
                new = rule(e)
                if isinstance(new, Missed):
                    missed[layer] = str(new)
                    return e
                return new

            stage.results = [tuple(rewrite(e, rewrite_one, done) for e in branches) for branches in stage.results]


def rewrite(e: Expr, rewrite_one: Callable[[Expr], Expr], done: dict[int, Expr]) -> Expr:
    """One expression; `done` has what its nodes have become."""
    if id(e) not in done:
        parts = {f.name: part for f in fields(e) if isinstance(part := getattr(e, f.name), Expr)}
        new: dict[str, Any] = {name: rewrite(part, rewrite_one, done) for name, part in parts.items()}
        changed = any(new[name] is not parts[name] for name in parts)
        done[id(e)] = rewrite_one(replace(e, **new) if changed else e)
    return done[id(e)]
