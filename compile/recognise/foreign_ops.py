# SPDX-License-Identifier: Apache-2.0
"""Operators of Brevitas, QONNX and FINN as functions of standard operators, so that ONNX Runtime runs such files.

They are exported into one of three domains, often without an opset import, by newer Brevitas with one of version 2.
Sources: QONNX's operator definitions (docs/qonnx-custom-ops of fastmachinelearning/qonnx), version 1; of version 2 only
Trunc, which is none of these, has another meaning.

    BipolarQuant(x, scale)                      scale where x >= 0, else -scale
    Quant(x, scale, zero_point, bits)           (clip(round(x/scale + zero_point)) - zero_point) scale, the range from
                                                bits, signed and narrow; one signed bit is the sign
    MultiThreshold(x, thresholds [C or 1, K])   out_scale (number of thresholds <= x) + out_bias
"""

from __future__ import annotations

import onnx
from onnx import FunctionProto, ModelProto
from onnx.parser import parse_function

from ..errors import CompileError
from ..frontend.loader import QUANTIZER_DOMAINS
from ..refusals import recognition

DOMAINS = QUANTIZER_DOMAINS
OPSET = 18
"""The version of the standard operators in the bodies, and the least that a rewritten file is of."""
VERSION = 1
"""The version of the foreign domains in a rewritten file, whatever its own."""
AWAY = "size = Abs (clipped) side = Sign (clipped) {} rounded = Mul (side, whole)"
HALF = "half = Constant <value_float = 0.5> () moved = {} (size, half) whole = {} (moved)"
ROUNDINGS = {
    "ROUND": "rounded = Round (clipped)",
    "FLOOR": "rounded = Floor (clipped)",
    "CEIL": "rounded = Ceil (clipped)",
    "UP": AWAY.format("whole = Ceil (size)"),
    "DOWN": AWAY.format("whole = Floor (size)"),
    "HALF_UP": AWAY.format(HALF.format("Add", "Floor")),
    "HALF_DOWN": AWAY.format(HALF.format("Sub", "Ceil")),
}
"""What Quant's rounding modes do: up and down are away from 0 and to it."""
SAME = {"HALF_EVEN": "ROUND"}

BIPOLAR_QUANT = """
BipolarQuant (X, scale) => (Y)
{
    zero = Constant <value_float = 0.0> ()
    negative = Neg (scale)
    above = GreaterOrEqual (X, zero)
    Y = Where (above, scale, negative)
}
"""
QUANT = """
NAME <signed: int = 1, narrow: int = 1, rounding_mode: string = "ROUND"> (X, scale, zero_point, bits) => (Y)
{
    one = Constant <value_float = 1.0> ()
    two = Constant <value_float = 2.0> ()
    zero = Constant <value_float = 0.0> ()
    signed_int = Constant <value_int: int = @signed> ()
    narrow_int = Constant <value_int: int = @narrow> ()
    is_signed = Cast <to = 1> (signed_int)
    is_narrow = Cast <to = 1> (narrow_int)
    bits_float = Cast <to = 1> (bits)
    exponent = Sub (bits_float, is_signed)
    power = Pow (two, exponent)
    unsigned = Sub (one, is_signed)
    narrow_above = Mul (unsigned, is_narrow)
    most = Sub (power, one)
    upper = Sub (most, narrow_above)
    narrowed = Sub (is_narrow, power)
    lower = Mul (is_signed, narrowed)
    scaled = Div (X, scale)
    shifted = Add (scaled, zero_point)
    at_most = Min (shifted, upper)
    clipped = Max (at_most, lower)
    ROUNDING
    positive = GreaterOrEqual (shifted, zero)
    minus_one = Neg (one)
    sign = Where (positive, one, minus_one)
    is_one = Equal (bits_float, one)
    is_signed_bool = Cast <to = 9> (is_signed)
    is_bipolar = And (is_one, is_signed_bool)
    level = Where (is_bipolar, sign, rounded)
    centred = Sub (level, zero_point)
    Y = Mul (centred, scale)
}
"""
MULTI_THRESHOLD = """
MultiThreshold <out_scale: float = 1.0, out_bias: float = 0.0, out_dtype: string = "", data_layout: string = "NCHW">
    (X, thresholds) => (Y)
{
    planes = Constant <value_ints = [0, 0, -1, 1]> ()
    channel_axes = Constant <value_ints = [0, 2]> ()
    last = Constant <value_ints = [-1]> ()
    scale = Constant <value_float: float = @out_scale> ()
    bias = Constant <value_float: float = @out_bias> ()
    shape = Shape (X)
    flat = Reshape (X, planes)
    steps = Unsqueeze (thresholds, channel_axes)
    above = GreaterOrEqual (flat, steps)
    ones = Cast <to = 1> (above)
    counts = ReduceSum <keepdims = 0> (ones, last)
    count = Reshape (counts, shape)
    scaled = Mul (count, scale)
    Y = Add (scaled, bias)
}
"""


def quant(name: str, rounding: str) -> str:
    """The text of Quant for one rounding: a body cannot choose by an attribute that is a string."""
    return QUANT.replace("NAME", name).replace("ROUNDING", ROUNDINGS[rounding])


TEXTS = {
    "BipolarQuant": BIPOLAR_QUANT,
    "MultiThreshold": MULTI_THRESHOLD,
    **{f"{name}{'' if r == 'ROUND' else r}": quant(f"{name}{'' if r == 'ROUND' else r}", r)
       for name in ("Quant", "IntQuant") for r in ROUNDINGS},
}  # fmt: skip


def bodies(domain: str) -> list[FunctionProto]:
    """The functions of a domain."""
    header = f'<domain: "{domain}", opset_import: ["" : {OPSET}]>'
    return [parse_function(f"{header}\n{text}") for text in TEXTS.values()]


def is_foreign(node: onnx.NodeProto) -> bool:
    """Whether a node is one of these operators."""
    return node.domain in DOMAINS and node.op_type in TEXTS


def name_roundings(model: ModelProto, path: str) -> None:
    """Give Quant nodes that do not round to nearest a name of their own, which says how they round. Raises CompileError
    for a way of rounding that QONNX does not define."""
    for node in model.graph.node:
        if node.domain in DOMAINS and node.op_type in ("Quant", "IntQuant"):
            mode = next((a.s.decode() for a in node.attribute if a.name == "rounding_mode"), "ROUND").upper()
            mode = SAME.get(mode, mode)
            if mode not in ROUNDINGS:
                raise CompileError(
                    f"{path}: layer '{node.name or node.output[0]}' ({node.op_type}): rounding_mode {mode} is none of "
                    f"{', '.join((*ROUNDINGS, *SAME))}",
                    recognition.UNFIT,
                )
            node.op_type += "" if mode == "ROUND" else mode


def add_bodies(model: ModelProto) -> None:
    """Give a model the bodies, and the opset imports, of the foreign operators that it has."""
    used = {(n.domain, n.op_type) for n in model.graph.node if is_foreign(n)}
    have = {(f.domain, f.name) for f in model.functions}
    for domain in sorted({d for d, _ in used}):
        model.functions.extend(f for f in bodies(domain) if (domain, f.name) in used and (domain, f.name) not in have)
    kept = [o for o in model.opset_import if o.domain not in DOMAINS]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    for domain in sorted({n.domain for n in model.graph.node} & set(DOMAINS)):
        model.opset_import.append(onnx.helper.make_opsetid(domain, VERSION))
