# SPDX-License-Identifier: Apache-2.0
"""BN5xx: networks that `--precision int8` makes no integers of, and integer networks that are none."""

from __future__ import annotations

from .refusal import Refusal

FORM = Refusal(
    code="BN501",
    title="a layer without an integer form",
    means="`--precision int8` makes integers of the whole network, and of this layer, or of this form of it, it has "
    "none: full-precision convolutions within the network, max pools, nearest-neighbour interpolation, padding with a "
    "level, an odd number of channels a group, outputs that are no probabilities.",
    supported="What docs/integer.md says of which networks.",
    ways=(
        "Compile it with `--precision float32`, which takes the same file.",
        "Replace the layer by one that has an integer form, and train again.",
    ),
    example="net.onnx: layer 'pool' has no integer form: max_pool2d has none; use --precision float32",
)
SCALE = Refusal(
    code="BN502",
    title="a layer whose sums fit 16 bits at no scale",
    means="A map's step is made larger until no frame can drive its sums out of 16 bits. The constants of this layer "
    "are so large that none of 1e12 is enough, or their product is infinite: mostly its training has diverged.",
    supported="Layers whose sums fit at a step of at most 1e12.",
    ways=(
        "Compile it with `--precision float32`.",
        "Look for weights that have diverged in this layer, and train on from before.",
    ),
    example="net.onnx: layer 'embedding' has no integer form: its sums do not fit 16 bits at any scale; use "
    "--precision float32",
)
ALREADY = Refusal(
    code="BN503",
    title="an integer network that is to be quantised",
    means="The file is an integer network already, whose constants were calibrated when it was written.",
    supported="`--precision int8`, and `--calibrate`, of float networks.",
    ways=("Leave `--precision` and `--calibrate` out.", "Give the float network that it was made of."),
    example="net.onnx: is an integer network already; leave --precision out, or give the float one",
)
FRAMES = Refusal(
    code="BN504",
    title="calibration frames that do not fit",
    means="Scales are chosen on frames as the camera gives them. There are none, they are no bytes, or they are of "
    "different sizes.",
    supported="One frame and more, uint8 [H, W] or [C, H, W], all of one size.",
    ways=("Give a folder of images of one size: `--calibrate DIR`.", "Leave `--calibrate` out."),
    example="net.onnx: calibration frames have sizes [(4, 4), (4, 6)]; one is supported",
)
SIZE = Refusal(
    code="BN505",
    title="a size that the integer network cannot compute",
    means="A layer's size is computed in the file from a map that the integer network does not store, since it has "
    "gone into another one.",
    supported="Sizes that follow from the image or from stored maps, and fixed ones.",
    ways=("Export the network for a fixed size.", "Compute the size from the image."),
    example="net.onnx: layer 'crop': its size is computed from 'embedding.centred', which the integer network has not; "
    "export the network for a fixed size",
)
OPERATOR = Refusal(
    code="BN506",
    title="an operator that is none of integer networks",
    means="The file says that it is an integer network, and has a layer of which nothing is known of how large its "
    "integers become; so nothing can be proved of its sums.",
    supported="The integer operators of docs/onnx-ops.md.",
    ways=("Write the file anew: `biisnet export --precision int8`.",),
    example="net.onnx: layer 'y' (Relu): is no operator of an integer network; see docs/onnx-ops.md",
)
INPUTS = Refusal(
    code="BN507",
    title="an integer operator whose inputs do not fit",
    means="A layer of an integer network reads what its operator is not defined for: sums where it takes bytes, or "
    "constants of another form.",
    supported="What the operators' rows in docs/onnx-ops.md say.",
    ways=("Write the file anew: `biisnet export --precision int8`.",),
    example="net.onnx: layer 'slope' (IntegerTwoSlope): its inputs do not fit: its input is more than a byte",
)
OVERFLOW = Refusal(
    code="BN508",
    title="sums that may leave 16 bits",
    means="Before an integer network is compiled it is proved that no frame whatever can drive a sum out of 16 bits. "
    "Of this layer one could: mostly the file was changed by hand.",
    supported="Sums from -32768 to 32767, for any frame.",
    ways=("Quantise it again: `biisnet export --precision int8` never writes such a file.",),
    example="net.onnx: layer 'y' (Requantize): its sums may be 0 to 48129, more than 16 bits hold; quantise it again",
)
