# SPDX-License-Identifier: Apache-2.0
"""Rewriting of the stages' expressions, bottom up, shared nodes kept shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from ..ir.expressions import Expr
from ..ir.stages import Program


def rewrite_program(program: Program, rewrite_one: Callable[[Expr], Expr]) -> None:
    """Replace every node, its parts already rewritten, by what `rewrite_one` returns."""
    done: dict[int, Expr] = {}
    for stage in program.stages:
        stage.results = [tuple(rewrite(e, rewrite_one, done) for e in branches) for branches in stage.results]


def rewrite(e: Expr, rewrite_one: Callable[[Expr], Expr], done: dict[int, Expr]) -> Expr:
    """One expression; `done` has what its nodes have become."""
    if id(e) not in done:
        parts = {f.name: part for f in fields(e) if isinstance(part := getattr(e, f.name), Expr)}
        new: dict[str, Any] = {name: rewrite(part, rewrite_one, done) for name, part in parts.items()}
        changed = any(new[name] is not parts[name] for name in parts)
        done[id(e)] = rewrite_one(replace(e, **new) if changed else e)
    return done[id(e)]
