# SPDX-License-Identifier: Apache-2.0
"""Transposes that an exporter from channels-last networks puts around everything, moved on until they meet and cancel.

    f(Transpose(x), c) = Transpose(f(x, c'))      f point-wise, c' the constant in the other order of axes
    Pad, Concat, ReduceMean of Transpose(x)       the same with their axes in the other order
    Transpose(Transpose(x))                       one Transpose, or none

What is left at the graph's input and outputs is taken off by `channels_first`: the compiled network's images are
channels first.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import onnx_ir as ir

from .. import foreign_ops
from ..steps import DOMAIN as STEPS_DOMAIN
from ..values import attribute, constant, constant_node, made_by, shape_of, shaped
from .base import Context, Pattern
from .pointwise import POINTWISE

MOVES: tuple[str, ...] = (*POINTWISE, "Identity")


def perm_of(node: ir.Node) -> list[int]:
    """A Transpose's order of axes."""
    rank = len(shape_of(node.inputs[0]) or ())
    return list(attribute(node, "perm", list(range(rank))[::-1]))


def transposed(shape: tuple[int, ...] | None, perm: list[int]) -> tuple[int, ...]:
    """A shape in another order."""
    return tuple(shape[p] for p in perm) if shape else ()


def inverse(perm: list[int]) -> list[int]:
    """The order that undoes it."""
    return [int(i) for i in np.argsort(perm)]


class TransposeTwice(Pattern):
    """Transpose(Transpose(x))."""

    op_types = ("Transpose",)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """One Transpose."""
        first = made_by(node.inputs[0], "Transpose")
        if first is None or shape_of(first.inputs[0]) is None:
            return None
        one, two = perm_of(first), perm_of(node)
        made: ir.Value = op.Transpose(first.inputs[0], perm=[one[p] for p in two])
        return made


class PointwiseOfTranspose(Pattern):
    """f(Transpose(x), constants), all other maps in the same order."""

    op_types: ClassVar[tuple[str, ...]] = MOVES

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Transpose(f(x, constants))."""
        return move(self.context, op, node, getattr(op, node.op_type), {})


class QuantizerOfTranspose(PointwiseOfTranspose):
    """The same of quantizers."""

    op_types = tuple(t for t in foreign_ops.TEXTS if t != "MultiThreshold")
    domains = foreign_ops.DOMAINS

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Transpose(Quant(x))."""
        return move(
            self.context, op, node, getattr(op, node.op_type), {"_domain": node.domain, "_version": foreign_ops.VERSION}
        )


class StepsOfTranspose(Pattern):
    """Steps(Transpose(x)) of the same steps for all."""

    op_types = ("Steps",)
    domains = (STEPS_DOMAIN,)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Transpose(Steps(x))."""
        if any(shape_of(i) is None or (shape_of(i) or (0, 0))[1] != 1 for i in node.inputs[1:]):
            return None
        source = made_by(node.inputs[0], "Transpose")
        if source is None:
            return None
        perm, shape = perm_of(source), shape_of(source.inputs[0])
        inner = op.Steps(source.inputs[0], *node.inputs[1:], _domain=STEPS_DOMAIN, _version=1)
        made: ir.Value = op.Transpose(shaped(inner, shape or (), node.outputs[0]), perm=perm)
        return made


def move(context: Context, op: Any, node: ir.Node, build: Any, extra: dict[str, Any]) -> ir.Value | None:
    """A node after the Transpose of its inputs instead of before it."""
    sources = [made_by(i, "Transpose") for i in node.inputs]
    perms = [perm_of(s) for s in sources if s is not None]
    shape = shape_of(node.outputs[0])
    if not perms or any(p != perms[0] for p in perms) or shape is None or len(shape) != len(perms[0]):
        return None
    perm, inputs = perms[0], []
    for value, source in zip(node.inputs, sources, strict=True):
        if value is None or source is not None:
            inputs.append(None if source is None else source.inputs[0])
            continue
        array = constant(value)
        if array is None:
            return None
        if array.size > 1:
            array = array.reshape((1,) * (len(shape) - array.ndim) + array.shape).transpose(inverse(perm))
            value = constant_node(op, array)
        inputs.append(value)
    inner = shaped(build(*inputs, **node.attributes, **extra), transposed(shape, inverse(perm)), node.outputs[0])
    context.moved(inner, node.outputs[0], tuple(inverse(perm)))
    made: ir.Value = op.Transpose(inner, perm=perm)
    return made


class PadOfTranspose(Pattern):
    """Pad(Transpose(x))."""

    op_types = ("Pad",)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Transpose(Pad(x))."""
        source, pads, shape = made_by(node.inputs[0], "Transpose"), constant(node.inputs[1]), shape_of(node.outputs[0])
        if source is None or pads is None or shape is None or len(pads) != 2 * len(shape):
            return None
        if len(node.inputs) > 3 and node.inputs[3] is not None:
            return None
        perm = perm_of(source)
        back = inverse(perm)
        moved = pads.reshape(2, -1)[:, back].reshape(-1)
        inner = op.Pad(source.inputs[0], constant_node(op, moved), *node.inputs[2:3], **node.attributes)
        self.context.moved(shaped(inner, transposed(shape, back), node.outputs[0]), node.outputs[0], tuple(back))
        made: ir.Value = op.Transpose(inner, perm=perm)
        return made


class ConcatOfTransposes(Pattern):
    """Concat(Transpose(x), Transpose(y))."""

    op_types = ("Concat",)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Transpose(Concat(x, y))."""
        sources, shape = [made_by(i, "Transpose") for i in node.inputs], shape_of(node.outputs[0])
        known = [s for s in sources if s is not None]
        if shape is None or len(known) < len(sources) or any(perm_of(s) != perm_of(known[0]) for s in known):
            return None
        perm = perm_of(known[0])
        axis = perm[attribute(node, "axis", 1) % len(perm)]
        inner = shaped(op.Concat(*(s.inputs[0] for s in known), axis=axis), transposed(shape, inverse(perm)))
        self.context.moved(inner, node.outputs[0], tuple(inverse(perm)))
        made: ir.Value = op.Transpose(inner, perm=perm)
        return made


class MeanOfTranspose(Pattern):
    """ReduceMean(Transpose(x), axes)."""

    op_types = ("ReduceMean",)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """The mean over the axes that these were; without keepdims there is nothing left to transpose."""
        source = made_by(node.inputs[0], "Transpose")
        axes = constant(node.inputs[1]) if len(node.inputs) > 1 else None
        if source is None or axes is None:
            return None
        perm = perm_of(source)
        mapped = np.sort(np.array([perm[a % len(perm)] for a in axes.tolist()], np.int64))
        rest = [p for p in perm if p not in mapped]
        keep = attribute(node, "keepdims", 1)
        if not keep and rest != sorted(rest):
            return None
        mean = op.ReduceMean(source.inputs[0], constant_node(op, mapped), keepdims=keep)
        if not keep:
            return mean  # type: ignore[no-any-return]
        shape = transposed(shape_of(node.outputs[0]), inverse(perm))
        self.context.moved(shaped(mean, shape), node.outputs[0], tuple(inverse(perm)))
        made: ir.Value = op.Transpose(mean, perm=perm)
        return made
