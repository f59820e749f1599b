# SPDX-License-Identifier: Apache-2.0
"""Patterns as onnxscript's rewriter takes them: one operator, and what makes its inputs.

A pattern looks at what makes its inputs itself, since they may have other users, which keep them: a matched node is
removed only when nobody uses it any more.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnxscript.rewriter import RewriteRule
from onnxscript.rewriter.pattern import RewriteRuleClassBase

NAMED = 3
"""Layers that a line names; of more, how many there are."""


def listed(names: list[str]) -> str:
    """Names for a person."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(f"'{name}'" for name in names[:NAMED]) + more


@dataclass
class Context:
    """Choices of the user, and what patterns have to say of a file."""

    sign_of_zero: int | None = None
    """What Sign(0) is to be where it may occur; None for what ONNX says, 0."""
    notes: dict[str, list[str]] = field(default_factory=dict)
    """What there is to say, and the layers or values that it is said of."""
    is_approximate: bool = False
    """Whether a straight-through estimator was removed, whose sum loses bits where its argument is large."""
    never: dict[str, list[npt.NDArray[np.float32]]] = field(default_factory=dict)
    """Value name -> numbers [C or 1] that it never is, or that the user has decided on: the proof leaves them out."""

    aliases: dict[str, tuple[str, tuple[int, ...] | None]] = field(default_factory=dict)
    """Name of a map -> (value of the file that it holds, the order of axes that leads from that to the map)."""

    def moved(self, value: ir.Value, old: ir.Value, perm: tuple[int, ...] | None = None) -> ir.Value:
        """The map `value`, named after the file's value `old` of another layout."""
        before = self.aliases.get(old.name or "")
        value.name = f"{old.name}/map"
        if before is not None and perm is not None and before[1] is not None:
            perm = tuple(before[1][p] for p in perm)
        self.aliases[value.name] = (before[0] if before else old.name or "", perm)
        return value

    def note(self, about: str, what: str) -> None:
        """Say something of a layer or a value, once."""
        names = self.notes.setdefault(what, [])
        if about not in names:
            names.append(about)

    def lines(self) -> tuple[str, ...]:
        """All of it, those of one thing on one line."""
        return tuple(f"{listed(names)}: {what}" for what, names in self.notes.items())


class OperatorRule(RewriteRule):
    """The rule of a pattern, which passes over nodes of other operators at once, and is made when there is one of its
    own: of a graph's nodes and rules nearly all pairs are of two operators, and most of the time went into them."""

    remove_nodes = as_function = False
    graph_pre_visitor = graph_post_visitor = None

    def __init__(self, pattern: Pattern) -> None:  # nothing of the rewriter's is made yet
        self.pattern = pattern
        self.name = pattern.name

    @cached_property
    def rule(self) -> RewriteRule:
        """What the rewriter makes of it."""
        return RewriteRule(self.pattern.pattern, self.pattern.rewrite, name=self.name, remove_nodes=self.remove_nodes)

    def try_rewrite(self, model: ir.Model, graph_or_function: Any, node: ir.Node, **options: Any) -> Any:
        """As the rule."""
        if node.op_type != self.pattern.op_type or node.domain != self.pattern.domain:
            return None
        return self.rule.try_rewrite(model, graph_or_function, node, **options)


class Pattern(RewriteRuleClassBase):
    """An operator of any of `op_types`: `replace` gives what it becomes, or None where the pattern is not met."""

    op_types: ClassVar[tuple[str, ...]]
    domains: ClassVar[tuple[str, ...]] = ("",)

    def __init__(self, context: Context, op_type: str, domain: str = "") -> None:
        super().__init__(f"{type(self).__name__}({op_type})", remove_nodes=OperatorRule.remove_nodes)
        self.context, self.op_type, self.domain = context, op_type, domain

    @classmethod
    def rule(cls, *operator: Any) -> RewriteRule:
        """The rule for a context, and an operator's name and domain."""
        return OperatorRule(cls(*operator))

    @classmethod
    def rules(cls, context: Context) -> Iterator[RewriteRule]:
        """A rule of the rewriter for each operator."""
        for domain in cls.domains:
            for op_type in cls.op_types:
                yield cls.rule(context, op_type, domain)

    def pattern(self, op: Any) -> Any:
        """The operator, whatever its inputs and attributes are."""
        return getattr(op, self.op_type)(
            _domain=self.domain, _allow_other_inputs=True, _allow_other_attributes=True, _outputs=["result"]
        )

    def rewrite(self, op: Any, result: ir.Value, **_: Any) -> ir.Value | None:
        """The rewriter's call."""
        node = result.producer()
        return None if node is None else self.replace(op, node)

    @abstractmethod
    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """The value that takes the place of the node's; made with the builder `op`."""


def label(node: ir.Node) -> str:
    """A node's name, or that of its result."""
    return node.name or (node.outputs[0].name or node.op_type)
