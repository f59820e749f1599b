# SPDX-License-Identifier: Apache-2.0
"""The proof that no sum of an integer network leaves 16 bits, whatever the frame: intervals, operator by operator.

It reads the ONNX graph alone, and so holds for the file and not for what made it. Every int8 map may have any value of
a byte; sums may wrap in between, what is requantised may not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from ...ops import DOMAIN
from ...ops.requantize import INT8, INT16
from ..errors import CompileError
from ..frontend.loader import OnnxModel
from ..ir.sums import SUM_HIGH, SUM_LOW, Proof
from ..refusals import integers
from . import intervals
from .intervals import Interval

Ends = tuple[Interval, ...]
"""What a value may be: the intervals of its summands, which are added up saturating; [C] each."""


GREY, BYTE, WORD = (
    (np.full(1, low), np.full(1, high))
    for low, high in ((0, 255), (intervals.LOW, intervals.HIGH), (SUM_LOW, SUM_HIGH))
)


def prove(model: OnnxModel) -> Proof:
    """The proof of an integer network. Raises CompileError, which names the layer, where a sum may leave 16 bits or an
    operator is none of an integer network's."""
    constants = {t.name: numpy_helper.to_array(t) for t in model.proto.graph.initializer}
    values: dict[str, Ends] = {}
    for source in model.proto.graph.input:
        if source.name not in constants:
            if source.type.tensor_type.elem_type != onnx.TensorProto.UINT8:
                raise CompileError(
                    f"{model.path}: input '{source.name}': an integer network's is uint8, grey levels", integers.INPUTS
                )
            values[source.name] = (GREY,)
    sizes = set(constants)  # what is computed from shapes and constants alone
    sums, most = 0, 0
    for node in model.proto.graph.node:
        if not node.domain and (node.op_type == "Shape" or all(n in sizes for n in node.input if n)):
            sizes |= set(node.output)
            continue
        rule = RULES.get((node.domain, node.op_type))
        layer = f"{model.path}: layer '{node.name or node.output[0]}' ({node.op_type})"
        if rule is None:
            raise CompileError(
                f"{layer}: is no operator of an integer network; see docs/onnx-ops.md", integers.OPERATOR
            )
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        try:
            found = rule(Inputs(list(node.input), values, constants, attributes))
        except (LookupError, ValueError) as e:
            raise CompileError(f"{layer}: its inputs do not fit: {e}", integers.INPUTS) from e
        if node.op_type == "Requantize":
            low, high = (min(int(p[0].min()) for p in found), max(int(p[1].max()) for p in found))
            if low < SUM_LOW or high > SUM_HIGH:
                raise CompileError(
                    f"{layer}: its sums may be {low} to {high}, more than 16 bits hold; quantise it again",
                    integers.OVERFLOW,
                )
            sums, most = sums + len(found[0][0]), max(most, -low, high)
            found = (WORD if attributes.get("to", INT8) == INT16 else BYTE,)
        values |= dict.fromkeys(node.output, found)
    return Proof(sums, most)


@dataclass(frozen=True)
class Inputs:
    """Inputs of a node."""

    names: list[str]
    values: dict[str, Ends]
    constants: dict[str, npt.NDArray[Any]]
    attributes: dict[str, Any]

    def ends(self, i: int) -> Ends:
        """What input `i` may be."""
        return self.values[self.names[i]]

    def one(self, i: int) -> Interval:
        """The same, of a value that is no sum of halves."""
        (ends,) = self.ends(i)
        return ends

    def constant(self, i: int) -> npt.NDArray[Any]:
        """The constant that input `i` is."""
        return self.constants[self.names[i]]

    def is_given(self, i: int) -> bool:
        """Whether there is an input `i`."""
        return len(self.names) > i and bool(self.names[i])


def passed_on(i: Inputs) -> Ends:
    """Whole maps stay what they are. Raises ValueError for sums, whose channels are not followed."""
    maps = [i.one(n) for n, name in enumerate(i.names) if name in i.values]
    if any(len(low) > 1 for low, _ in maps):
        raise ValueError("it moves sums; stored maps are supported")
    return ((np.min([low for low, _ in maps], 0), np.max([high for _, high in maps], 0)),)


def padded(i: Inputs) -> Ends:
    """What the map is. Raises ValueError for padding with a number that may be none of the map's."""
    if i.attributes.get("mode", b"constant") == b"constant":
        raise ValueError("it pads with a constant; with numbers of the map is supported")
    return passed_on(i)


def two_slope(i: Inputs) -> Ends:
    """Of any byte."""
    low, high = i.one(0)
    if low.min() < intervals.LOW or high.max() > intervals.HIGH:
        raise ValueError("its input is more than a byte")
    return (intervals.slope_ends(i.constant(1), i.constant(2)),)


def count(i: Inputs) -> Ends:
    """Half as many as there are taps, in a byte."""
    weights = i.constant(1)
    if not (np.abs(weights.astype(np.int64)) == 1).all():
        raise ValueError("its weights are -1 and +1")
    low, high = intervals.count_ends(weights[0].size)
    return ((np.full(1, low), np.full(1, high)),)


def hinge(i: Inputs) -> Ends:
    """At the ends of its input and at the knee."""
    low, high = i.one(0)
    a, b, k = (i.constant(c) for c in (1, 2, 3))
    return (intervals.hinge_ends(a, b, k, int(low.min()), int(high.max())),)


def sum_pool(i: Inputs) -> Ends:
    """Four times."""
    low, high = i.one(0)
    return ((4 * low, 4 * high),)


def convolution(i: Inputs) -> Ends:
    """Of grey levels."""
    low, high = i.one(0)
    if low.min() < 0 or high.max() > 255:
        raise ValueError("its input is no grey level")
    if i.is_given(3) and i.constant(3).any():
        raise ValueError("its weights have a zero point")
    zero_point = i.constant(2) if i.is_given(2) else np.zeros(1, np.uint8)
    if zero_point.size != 1:
        raise ValueError("its zero points differ; one for all channels is supported")
    return (intervals.convolution_ends(i.constant(1), int(zero_point.ravel()[0])),)


def added(i: Inputs) -> Ends:
    """The sum of both; halves stay apart."""
    (a, *more), (b, *others) = i.ends(0), i.ends(1)
    return ((a[0] + b[0], a[1] + b[1]), *more, *others)


def reduced(i: Inputs) -> Ends:
    """Two halves of the channels."""
    if i.constant(1).tolist() != [1]:
        raise ValueError("a sum over the channels (axis 1) is supported")
    low, high = i.one(0)
    if len(low) == 1:  # of how many channels
        raise ValueError("it adds up channels that share a constant; a constant a channel is supported")
    return intervals.halves((low, high))


def requantized(i: Inputs) -> Ends:
    """What is shifted: the constant goes to the first half."""
    first, *others = i.ends(0)
    b = i.constant(1).astype(np.int64)
    if i.attributes.get("to", INT8) not in (INT8, INT16) or (others and i.attributes.get("to", INT8) != INT16):
        raise ValueError("a sum over channels is requantised to 16 bits")
    return ((first[0] + b, first[1] + b), *others)


RULES: dict[tuple[str, str], Callable[[Inputs], Ends]] = {
    (DOMAIN, "IntegerBinaryConv2d"): count,
    (DOMAIN, "IntegerTwoSlope"): two_slope,
    (DOMAIN, "IntegerHinge"): hinge,
    (DOMAIN, "IntegerSumPool"): sum_pool,
    (DOMAIN, "Requantize"): requantized,
    ("", "ConvInteger"): convolution,
    ("", "Pad"): padded,
    ("", "Add"): added,
    ("", "ReduceSum"): reduced,
    **dict.fromkeys(
        [("", op) for op in ("Concat", "Split", "Slice", "Identity")] + [(DOMAIN, "IntegerUpsample")], passed_on
    ),
}
"""Operators of an integer network: what their results may be."""
