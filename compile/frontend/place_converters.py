# SPDX-License-Identifier: Apache-2.0
"""Converters of what puts the same numbers into other places: channels, rows and columns."""

from __future__ import annotations

import numpy as np
from tvm import relax
from tvm.ir import Expr
from tvm.relax import op as R  # noqa: N812

from ..ir.limits import MAX_STRIDE
from ..passes.relax_ops import call, channels_of, dtype_of, shape_of
from ..storage import is_integer
from .converters import Node, Results, UnsupportedError, converts

BLOCKS = (2, 4, 8)
"""Sides of the squares that a DepthToSpace makes of channels: a vector is whole squares' rows."""
MAX_PADDED = 65536
"""Channels of a padded map."""


@converts("Concat")
def concat(node: Node) -> Results:
    """On channels."""
    tensors = [node.tensor(i) for i in range(len(node.inputs))]
    node.require(node.attributes["axis"] in (1, -3), "only a concatenation of channels (axis 1) is supported")
    if all(t.same_as(tensors[0]) for t in tensors) and len(tensors) > 1 and is_integer(dtype_of(tensors[0])):
        return [call("tile_channels", tensors[:1], times=len(tensors))]
    return [R.concat(tensors, axis=1)]


@converts("Split")
def split(node: Node) -> Results:
    """On channels."""
    x = node.tensor(0)
    node.require(node.get("axis", 0) in (1, -3), "only a split of channels (axis 1) is supported")
    c = channels_of(x)
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        sizes = node.constant(1).tolist()
    else:
        part = -(-c // node.outputs)
        sizes = [min(part, c - i * part) for i in range(node.outputs)]
    node.require(sum(sizes) == c and min(sizes) > 0, f"parts {sizes} do not fit an input of {c} channels")
    parts = R.split(x, [int(i) for i in np.cumsum(sizes)[:-1]], axis=1)
    return [relax.TupleGetItem(parts, i) for i in range(node.outputs)]


@converts("Pad")
def pad(node: Node) -> Results:
    """mode edge, at the bottom and the right; or channels of a constant."""
    x, mode = node.tensor(0), node.get("mode", "constant")
    pads = node.constant(1).astype(int)
    axes = node.constant(3).astype(int) % 4 if len(node.inputs) > 3 and node.inputs[3] is not None else np.arange(4)
    before, after = np.zeros(4, int), np.zeros(4, int)
    before[axes], after[axes] = pads[: len(axes)], pads[len(axes) :]
    if mode == "constant" and not before[[0, 2, 3]].any() and not after[[0, 2, 3]].any():
        left_out = [max(-int(n), 0) for n in (before[1], after[1])]
        node.require(not any(left_out), f"channels {left_out} are left out; use Slice")
        node.require(channels_of(x) + int(before[1] + after[1]) <= MAX_PADDED, f"more than {MAX_PADDED} channels")
        given = len(node.inputs) > 2 and node.inputs[2] is not None
        value = float(node.constant(2).item()) if given else 0.0
        node.require(not is_integer(dtype_of(x)), "channels of integers cannot be padded")
        parts = [call("fill", [x], channels=int(n), value=value) if n else None for n in (before[1], after[1])]
        wide = [part for part in (parts[0], x, parts[1]) if part is not None]
        return [R.concat(wide, axis=1) if len(wide) > 1 else x]
    node.require(mode == "edge", "only mode 'edge' is supported (zero pads belong to the Conv), or a pad of channels")
    node.require(
        not before.any() and not after[:2].any() and bool((after >= 0).all()),
        "only an extension at the bottom and the right is supported",
    )
    _, _, h, w = shape_of(x)
    return [resized(x, "extend", h + after[2], w + after[3])]


@converts("Slice")
def slice_(node: Node) -> Results:
    """Some channels, which is a Split; or some rows and columns: a crop that keeps the top left corner, or else a
    pooling of single pixels."""
    x = node.tensor(0)
    starts, ends = node.constant(1).tolist(), node.constant(2).tolist()
    axes = node.constant(3).tolist() if len(node.inputs) > 3 and node.inputs[3] is not None else range(len(starts))
    steps = node.constant(4).tolist() if len(node.inputs) > 4 and node.inputs[4] is not None else [1] * len(starts)
    size = shape_of(x)
    node.require(all(1 <= s <= MAX_STRIDE for s in steps), f"steps {steps}: 1 to {MAX_STRIDE} are supported")
    first, last, stride = [0] * 4, list(size), [1] * 4
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        full = size[axis]
        first[axis], last[axis] = (min(max(v + full if v < 0 else v, 0), full) for v in (start, end))
        stride[axis] = step
    empty = next((axis for axis in range(4) if last[axis] <= first[axis]), None)
    if empty is not None:
        at = [a % 4 for a in axes].index(empty)
        name = ("image", "channel", "row", "column")[empty]
        raise UnsupportedError(f"no {name} of {size[empty]} is from {starts[at]} to {ends[at]}")
    node.require(stride[1] == 1, f"channels with step {stride[1]}: all channels of a range are supported")
    pooled = [first[2:] != [0, 0], stride[2:] != [1, 1]]
    if (first[1], last[1]) != (0, size[1]):
        node.require(not any(pooled) and tuple(last[2:]) == size[2:], "channels, or height and width, not both at once")
        places = [p for p in (first[1], last[1]) if 0 < p < size[1]]
        return [relax.TupleGetItem(R.split(x, places, axis=1), 1 if first[1] else 0)]
    if not any(pooled):
        return [resized(x, "crop", last[2], last[3])]
    node.require(not is_integer(dtype_of(x)), "of integers only a crop that keeps the top left corner is supported")
    pads = [-first[2], -first[3], last[2] - size[2], last[3] - size[3]]
    return [R.nn.max_pool2d(x, pool_size=(1, 1), strides=stride[2:], padding=pads)]


@converts("DepthToSpace")
def depth_to_space(node: Node) -> Results:
    """Channels become pixels."""
    x, block, mode = node.tensor(0), int(node.get("blocksize", 0)), node.get("mode", "DCR")
    node.require(block in BLOCKS, f"blocksize {block}: {', '.join(map(str, BLOCKS))} are supported")
    node.require(mode in ("DCR", "CRD"), f"mode {mode}: DCR and CRD are supported")
    node.require(channels_of(x) % block**2 == 0, f"its input's {channels_of(x)} channels are no squares of {block}")
    return [call("depth_to_space", [x], block=block, mode=mode)]


@converts("Gather")
def gather(node: Node) -> Results:
    """Channels in the order of a shuffle."""
    x, order = node.tensor(0), node.constant(1).ravel()
    node.require(node.get("axis", 0) in (1, -3), "only channels (axis 1) can be gathered")
    channels = channels_of(x)
    node.require(
        len(order) == channels and node.constant(1).ndim == 1,
        f"{len(order)} of {channels} channels: a shuffle of all of them is supported, and a Slice of some",
    )
    node.require(bool((order >= -channels).all() and (order < channels).all()), f"there are {channels} channels")
    for groups in range(1, channels + 1):
        if channels % groups == 0 and (order % channels == np.arange(channels).reshape(groups, -1).T.ravel()).all():
            return [x if groups == 1 else call("shuffle_channels", [x], groups=groups)]
    raise UnsupportedError("its order of channels is no shuffle of equal groups")


def resized(x: Expr, name: str, height: int, width: int) -> Expr:
    """`extend` or `crop`, or nothing where the size stays."""
    return x if shape_of(x)[2:] == (height, width) else call(name, [x], height=int(height), width=int(width))
