# SPDX-License-Identifier: Apache-2.0
"""BN3xx: layers. First what any layer may have, then what one operator is not supported with."""

from __future__ import annotations

import re

from .refusal import Refusal

OPERATOR = Refusal(
    code="BN301",
    title="an operator that is not supported",
    means="There is no kernel for this operator, and nothing falls back to another runtime.",
    supported="Add, ArgMax, AveragePool, BatchNormalization, Clip, Concat, Conv, ConvInteger, DepthToSpace, Div, "
    "Dropout, Exp, Flatten, Gather, Gemm, GlobalAveragePool, Greater, GreaterOrEqual, HardSigmoid, HardSwish, "
    "Identity, LayerNormalization, LeakyRelu, Less, LessOrEqual, Log, LogSoftmax, MatMul, MaxPool, Mul, Neg, PRelu, "
    "Pad, ReduceMax, ReduceMean, ReduceSum, Relu, Resize, Round, Sigmoid, Sign, Slice, Softmax, Split, Sqrt, Sub, "
    "Tanh, TopK, Transpose, in the forms of docs/onnx-ops.md and docs/other-networks.md; Cast, Equal, Reshape, Where "
    "and quantisers as binarized networks have them; com.biisnet's; any operator whose inputs are all constant.",
    ways=(
        "Replace the layer by supported ones: `Sigmoid`, `Clip`, `PRelu` for other activations, a `Conv` for most "
        "linear layers.",
        "Leave it out of the export where it belongs to training, or comes after the network.",
        "Cut the network there (`onnx.utils.extract_model`), and compute the rest yourself.",
    ),
    example="net.onnx: layer 'y': operator Erf is not supported; `biisnet explain BN301` names those that are",
)
SUPPORTED = frozenset(re.findall(r"\b[A-Z]\w+", OPERATOR.supported))
"""The operators that the page names."""
UNFIT = Refusal(
    code="BN302",
    title="inputs or attributes that do not fit",
    means="Shapes, types or attributes of a layer contradict each other: a weight for other channels than there are, "
    "an attribute of another length. The words after the colon are those of ONNX, TVM or numpy.",
    supported="Layers that ONNX Runtime runs.",
    ways=(
        "Run the file in ONNX Runtime, which refuses it too.",
        "Export it again, for the shape that it is used with.",
    ),
    example="net.onnx: layer 'y' (Conv): its inputs or attributes do not fit: …",
)
RESTRICTED = Refusal(
    code="BN303",
    title="a form of an operator that is not supported",
    means="The operator is supported, and not with these shapes or attributes; the line says which are.",
    supported="What the operator's row in docs/onnx-ops.md says.",
    ways=("Export the layer in the form that the line names.",),
    example="net.onnx: layer 'y' (BatchNormalization): its constants do not fit 4 channels, or a variance is negative",
)
NOT_CONSTANT = Refusal(
    code="BN304",
    title="an input that must be a constant",
    means="A weight, a bound or a shape is computed from the image: a dynamic convolution, an attention, a Clip whose "
    "bound is learned from its input.",
    supported="Weights, scales, bounds, shapes and axes that follow from the file alone. What is computed of constants "
    "is a constant, and so is all that is computed of a shape.",
    ways=(
        "Make it a parameter of the network, or a buffer.",
        "Export in eval mode, where such values are mostly fixed.",
    ),
    example="net.onnx: layer 'y' (Conv): input 1 must be a constant",
)
NOT_OF_IMAGE = Refusal(
    code="BN305",
    title="a constant where a map belongs",
    means="The layer's input follows from weights alone, and its operator is not one that is computed when compiling "
    "(one of com.biisnet), or only this input of several is.",
    supported="Maps that depend on the image.",
    ways=("Compute the layer before the export, and put its result there as a weight.",),
    example="net.onnx: layer 'y' (RPReLU): input 0 must depend on the image",
)
PER_CHANNEL = Refusal(
    code="BN306",
    title="a constant that varies within a map",
    means="A map is added to, multiplied by or compared with a constant of a value a pixel, a row or a column. Kernels "
    "have constants for channels alone. A vector [C] without trailing ones is, by ONNX's rules, a value a column.",
    supported="A scalar, [1, C, 1, 1] or [C, 1, 1].",
    ways=(
        "In PyTorch `bias.view(1, -1, 1, 1)`.",
        "A positional map can be added to the image by who makes it, or be a depthwise convolution's bias where it is "
        "the same in each channel.",
    ),
    example="net.onnx: layer 'y' (Add): a constant of shape (10,): a scalar or one value a channel is supported",
)
AUTO_PAD = Refusal(
    code="BN307",
    title="auto_pad",
    means="The layer asks for pads that follow from its input's size.",
    supported="Explicit `pads`. In files of other operators than com.biisnet's `auto_pad` of a convolution is settled "
    "at the size that is compiled for.",
    ways=("Export explicit pads: in PyTorch `padding=1` instead of `padding='same'`.",),
    example="net.onnx: layer 'y' (Conv): auto_pad is not supported; export explicit pads",
)
PADS = Refusal(
    code="BN308",
    title="pads out of range",
    means="A window reaches further beyond the map's border than maps have margins for, or pads are negative (a crop).",
    supported="pads of 0 to 16 on each side.",
    ways=("Crop with a Slice before the layer.", "Take two layers of smaller windows for one of a very large one."),
    example="net.onnx: layer 'y' (Conv): pads [17, 0, 0, 0]: 0 to 16 are supported",
)
STRIDES = Refusal(
    code="BN309",
    title="strides out of range",
    means="A window moves on by more pixels than a kernel loads at once.",
    supported="strides of 1 to 16.",
    ways=("Two layers one after the other, whose strides have that product.",),
    example="net.onnx: layer 'y' (Conv): strides [1, 17]: 1 to 16 are supported",
)
BINARY_TAPS = Refusal(
    code="BN310",
    title="too many binary weights an output",
    means="An accumulator is counted in 16 bits, which this many taps could leave. Files are rewritten before, and a "
    "layer of more taps becomes the sum of several: this is said of one that could not be cut so.",
    supported="16384 binary weights an output: 1820 channels of 3x3, or a fully connected layer of 16384 inputs.",
    ways=("Split the channels in two, convolve each half, and add the two maps.",),
    example="net.onnx: layer 'y' (BinaryConv2d): 16416 binary weights an output: 16384 are supported; split its "
    "channels in two",
)
WINDOW = Refusal(
    code="BN311",
    title="a window that is larger than its map",
    means="Nothing would be left of the map at the size that is compiled for. Networks that halve their maps five "
    "times need 32 pixels.",
    supported="Windows that fit at least once, pads included.",
    ways=("Compile for a larger `--size`.",),
    example="net.onnx: layer 'y' (Conv): its window does not fit: the result is (1, 6, 0, 8)",
)
BYTES = Refusal(
    code="BN312",
    title="bytes in a float layer",
    means="The image is uint8, and a layer of floating point reads it without a Cast.",
    supported="float32 images; uint8 ones behind a Cast to float32, or in an integer network.",
    ways=("Export with an example image of float32.", "Begin the network with `image.float()`."),
    example="net.onnx: layer 'y' (Relu): its input is uint8; float32 is supported, or a Cast of the image",
)

SUM = Refusal(
    code="BN321",
    title="two maps of shapes that do not go together",
    means="Both inputs of a sum, a product or a quotient depend on the image, and a side of one is neither as long as "
    "the other's nor 1: a shortcut of another size, mostly at odd heights and widths.",
    supported="Two maps of one shape; or one with sides of 1 where the other's are longer (a gate [1, C, 1, 1], a "
    "plane [1, 1, H, W]); or a map and a constant a channel.",
    ways=(
        "Bring both to one size first: `Resize`, `AveragePool`, a 1x1 `Conv`.",
        "Compile for a `--size` that all strides divide.",
    ),
    example="net.onnx: layer 'y' (Add): shapes (1, 4, 6, 10) and (1, 4, 3, 5) differ",
)
PRODUCT = Refusal(
    code="BN322",
    title="a product of maps of integers",
    means="In an integer network both inputs of a Mul depend on the image.",
    supported="Products of float32 maps.",
    ways=("Give the float network, and `--precision int8`.",),
    example="net.onnx: layer 'y' (Mul): a product of maps of integers is not supported",
)
DIVISION = Refusal(
    code="BN323",
    title="a division by zero",
    means="A constant by which a map is divided is 0 in at least one channel, so that its values would be infinite.",
    supported="Constants that are not 0, a value a channel; or a map.",
    ways=("Look for a scale that has died in training, and put a smallest one under it: `scale.clamp(min=1e-8)`.",),
    example="net.onnx: layer 'y' (Div): division by zero",
)
CLIP = Refusal(
    code="BN324",
    title="a Clip between bounds that are none",
    means="Its bounds are in the wrong order, or there is more than one of a side.",
    supported="Two constant scalars, the lower one first; either may be left out.",
    ways=("For bounds a channel, scale by a `Mul`, clip, and scale back.",),
    example="net.onnx: layer 'y' (Clip): its bounds 1.0 and -1.0 are not in order",
)
CONVOLUTION = Refusal(
    code="BN325",
    title="a float convolution of another form",
    means="It is of one or three dimensions, its bias is not one value an output, or it has more weights in floating "
    "point than an embedded board should carry.",
    supported="Two dimensions, a bias [M], at most 4194304 weights; groups and dilations.",
    ways=(
        "Binarize a layer that large, or split it in groups.",
        "A Conv1d is a Conv2d of height 1: `x.unsqueeze(2)` before, weights [M, C, 1, k].",
    ),
    example="net.onnx: layer 'y' (Conv): 4194308 full-precision weights: 4194304 are supported",
)
AVERAGE = Refusal(
    code="BN326",
    title="an AveragePool of another form",
    means="It has dilations, `ceil_mode`, pads that are not counted, or a window that is too large or larger than its "
    "map. In files that are rewritten large windows become several small ones, as far as their sides have factors.",
    supported="Windows of up to 64 pixels with sides of 1 to 32, pads with `count_include_pad` 1, strides 1 to 16.",
    ways=(
        "Two poolings one after the other for one of a large window.",
        "`count_include_pad=True`, PyTorch's default, and `ceil_mode=False`.",
    ),
    example="net.onnx: layer 'y' (AveragePool): a window of [9, 9]: up to 64 pixels with sides of 1 to 32 are "
    "supported",
)
MAX_POOL = Refusal(
    code="BN327",
    title="a MaxPool of another form",
    means="It has dilations, `ceil_mode`, a second output, pads as wide as its window, or a window that is too large.",
    supported="Windows of 1x1 to 16x16, pads less than those, strides 1 to 16, one output.",
    ways=(
        "`ceil_mode=False`; where the last row counts, pads of 1 at the bottom and the right do the same.",
        "Leave Indices out (`return_indices=False`), and unpool by a `Resize`.",
    ),
    example="net.onnx: layer 'y' (MaxPool): kernel_shape [17, 17]: two sides of 1 to 16 are supported",
)
RESIZE = Refusal(
    code="BN328",
    title="a Resize of another form",
    means="Its factor is not 2, 4 or 8, or its pixels lie otherwise than those that there are kernels for.",
    supported="2, 4 and 8 times the height and width: `linear` with half-pixel centres, without `antialias`; `nearest` "
    "with `asymmetric` and `floor`, or `half_pixel` and `round_prefer_floor` or `round_prefer_ceil`.",
    ways=(
        "`F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)`, or `mode='nearest'`.",
        "`nn.PixelShuffle(factor)` of a convolution with factor**2 times the channels.",
    ),
    example="net.onnx: layer 'y' (Resize): scales [1.0, 1.0, 3.0, 3.0]: [1, 1, 2, 2] is supported, and 4 and 8 times",
)
CHANNELS = Refusal(
    code="BN329",
    title="a Concat or Split of rows or columns",
    means="Maps are joined or cut along height, width or the batch, or the parts do not add up.",
    supported="Concat and Split of channels, axis 1.",
    ways=("Join along channels, and say so in the layers that follow.",),
    example="net.onnx: layer 'y' (Concat): only a concatenation of channels (axis 1) is supported",
)
PAD = Refusal(
    code="BN330",
    title="a Pad of its own",
    means="A Pad of height and width that no convolution takes in: of a constant before another layer than a "
    "convolution, reflected, at the top or the left.",
    supported="Constant pads before a convolution, which become its own; constant pads of channels; mode `edge` at the "
    "bottom and the right.",
    ways=(
        "Let the convolution pad: `Conv2d(padding=1)` pads with 0.",
        "Put the Pad directly before its convolution, after the activation.",
    ),
    example="net.onnx: layer 'y' (Pad): only mode 'edge' is supported (zero pads belong to the Conv), or a pad of "
    "channels",
)
SLICE = Refusal(
    code="BN331",
    title="a Slice of another form",
    means="It goes backwards or in long steps, cuts channels and pixels at once, takes every other channel, or takes "
    "nothing.",
    supported="Rows and columns with steps of 1 to 16; or channels with step 1.",
    ways=(
        "Two Slices one after the other: one of channels, one of height and width.",
        "Every other channel is half of a channel shuffle: a `Gather` of all channels, and a Slice of the first half.",
    ),
    example="net.onnx: layer 'y' (Slice): steps [17]: 1 to 16 are supported",
)
BINARY_LAYER = Refusal(
    code="BN332",
    title="a com.biisnet layer whose constants do not fit",
    means="Weights, scales, levels or thresholds have other shapes than the layer's channels and outputs ask for.",
    supported="The shapes in docs/onnx-ops.md.",
    ways=("Export it again; who writes such files finds `pack_weights` in `biisnet.ops`.",),
    example="net.onnx: layer 'y' (RPReLU): constants of shape (3,) do not fit an input of 4 channels",
)
INTEGER_LAYER = Refusal(
    code="BN333",
    title="a layer of an integer network of another form",
    means="Types, shapes or values are not those by which an integer network is exact.",
    supported="The operators of com.biisnet version 2, and `ConvInteger` of the frame, as docs/onnx-ops.md has them; "
    "`biisnet export --precision int8` writes them.",
    ways=(
        "Export the integer network again.",
        "Of another tool's integer file, give the float network and `--precision int8`.",
    ),
    example="net.onnx: layer 'y' (ConvInteger): int8 weights [M, C, kh, kw] are supported",
)
SHUFFLE = Refusal(
    code="BN334",
    title="channels in another order than a shuffle's",
    means="A Gather takes some channels, one of them twice, or all in an order of its own; or a DepthToSpace makes "
    "squares of another size.",
    supported="A Gather of all channels in the order of a shuffle of equal groups; DepthToSpace `DCR` and `CRD` with "
    "blocks of 2, 4 and 8.",
    ways=(
        "Put the order into the weights of the convolution before it.",
        "Take a Slice where channels follow each other.",
    ),
    example="net.onnx: layer 'y' (Gather): its order of channels is no shuffle of equal groups",
)
REDUCTION = Refusal(
    code="BN335",
    title="a reduction of anything but channels",
    means="A ReduceMean, ReduceMax or ReduceSum over rows, columns or the batch, or one whose result has fewer "
    "dimensions.",
    supported="Channels, with `keepdims` 1. In files that are rewritten the mean over height and width is an average "
    "of all.",
    ways=("`AdaptiveAvgPool2d(1)` over height and width.", "`keepdim=True`."),
    example="net.onnx: layer 'y' (ReduceMax): axes [2]: those of channels [1] with keepdims 1",
)

OF_OPERATOR: dict[str, Refusal] = {
    "Add": SUM,
    "AveragePool": AVERAGE,
    "BinaryConv2d": BINARY_LAYER,
    "BinaryWeightConv2d": BINARY_LAYER,
    "Clip": CLIP,
    "Concat": CHANNELS,
    "Conv": CONVOLUTION,
    "ConvInteger": INTEGER_LAYER,
    "DepthToSpace": SHUFFLE,
    "Div": DIVISION,
    "DotBinaryConv2d": BINARY_LAYER,
    "Gather": SHUFFLE,
    "IntegerBinaryConv2d": INTEGER_LAYER,
    "IntegerHinge": INTEGER_LAYER,
    "IntegerSumPool": INTEGER_LAYER,
    "IntegerTwoSlope": INTEGER_LAYER,
    "IntegerUpsample": INTEGER_LAYER,
    "MaxOut": BINARY_LAYER,
    "MaxPool": MAX_POOL,
    "Mul": PRODUCT,
    "Pad": PAD,
    "RPReLU": BINARY_LAYER,
    "ReDistribution": BINARY_LAYER,
    "ReduceMax": REDUCTION,
    "ReduceMean": REDUCTION,
    "ReduceSum": REDUCTION,
    "Requantize": INTEGER_LAYER,
    "Resize": RESIZE,
    "Slice": SLICE,
    "Split": CHANNELS,
    "Sub": SUM,
}
"""Operator -> its own page, where its converter refuses a node and says no other one; RESTRICTED for the rest."""
