# SPDX-License-Identifier: Apache-2.0
"""BN1xx: what goes in and comes out, and what the user says of it."""

from __future__ import annotations

from .refusal import Refusal

INPUTS = Refusal(
    code="BN101",
    title="another number of inputs than one",
    means="A network is compiled for one image a run. Masks, states of the frame before and second cameras are further "
    "inputs. Weights that are listed among the inputs, as old exporters do, do not count.",
    supported="One input, an image [1, C, H, W].",
    ways=(
        "Put the images into the channels of one, and split them in the network.",
        "Make the other input a constant, where it is always the same.",
    ),
    example="net.onnx: has 2 inputs; one image [1, C, H, W] is supported",
)
INPUT_TYPE = Refusal(
    code="BN102",
    title="an input of another type",
    means="The image's elements are neither float32 nor bytes.",
    supported="float32; uint8 where it is only cast, or the network is an integer one; float16 in files of other "
    "operators than com.biisnet's, which is widened.",
    ways=("Export with an example image of float32.",),
    example="net.onnx: input 'x' is DOUBLE; grey levels [1, C, H, W] as float32, or uint8 of an integer network, are "
    "supported",
)
INPUT_SHAPE = Refusal(
    code="BN103",
    title="an input that is no image",
    means="The input has other than four dimensions, a batch of more than one, or channels whose number the file does "
    "not say.",
    supported="[1, C, H, W] with a fixed C; batch, height and width may be symbolic. [1, H, W, C] in files that begin "
    "with a Transpose.",
    ways=(
        "Export with an example image [1, C, H, W].",
        "Leave channels out of `dynamic_axes` and `dynamic_shapes`.",
    ),
    example="net.onnx: input 'x' has 3 dimensions; [1, C, H, W] is supported",
)
SIZE = Refusal(
    code="BN104",
    title="a size that the file does not leave open",
    means="The file was exported for one height and width, and `--size` asks for another one.",
    supported="`--size` for sides that are symbolic in the file.",
    ways=(
        "Leave `--size` out.",
        "Export with symbolic height and width: `dynamic_shapes={'x': {2: Dim.AUTO, 3: Dim.AUTO}}`.",
    ),
    example="net.onnx: input 'x' is fixed at 6x10, --size asks for 64x64; leave --size out, or export with symbolic "
    "height and width",
)
SIDE = Refusal(
    code="BN105",
    title="a height or width below 1",
    means="The file says that an image has no rows, or no columns.",
    supported="Sides from 1.",
    ways=("Export with an example image that has pixels.",),
    example="net.onnx: input 'x' is 1x4x0x10; height and width must be at least 1",
)
TOO_LARGE = Refusal(
    code="BN106",
    title="an image that is too large",
    means="The sizes that the file or the user says are beyond what is compiled.",
    supported="At most 4096 channels of 8192x8192.",
    ways=(
        "Compile for a smaller size, and run large frames in tiles: `biisnet run --tile`.",
        "Export with symbolic height and width.",
    ),
    example="net.onnx: input 'x' is 1x40000x40000; at most 4096 channels of 8192x8192 are supported; export it for "
    "smaller frames, or with symbolic height and width",
)
OUTPUTS = Refusal(
    code="BN107",
    title="too many outputs",
    means="A bundle gives a few results a run; this file names more, mostly maps within the network that were left as "
    "outputs.",
    supported="1 to 4 outputs.",
    ways=(
        "Take outputs out that nobody reads: `onnx.utils.extract_model`.",
        "Concatenate them, where their sizes agree.",
    ),
    example="net.onnx: has 5 outputs; 4 are supported",
)
CONSTANT_OUTPUT = Refusal(
    code="BN108",
    title="an output that does not depend on the image",
    means="An output follows from weights alone, so that there is nothing to compile.",
    supported="Outputs that depend on the input.",
    ways=("Take the output out of the export.", "Look for a branch that was cut off by mistake."),
    example="net.onnx: an output does not depend on the image; nothing to compile",
)
NORMALISATION = Refusal(
    code="BN111",
    title="--mean and --std that are none",
    means="The numbers cannot be those of a normalisation `(level - mean) / std`.",
    supported="Finite numbers, of `--std` above 0; one for all channels, or one for each.",
    ways=("Those of ImageNet are `--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225`.",),
    example="--mean 0 --std 0: give finite numbers, of --std above 0",
)
NORMALISED_IMAGE = Refusal(
    code="BN112",
    title="--mean and --std for another image",
    means="The network's image has another number of channels than there are numbers, or is of another type than "
    "float32, and nothing behind it makes it that.",
    supported="One image of float32, or of bytes that are cast to it.",
    ways=(
        "Give one number for each channel, or one for all.",
        "Export a network of float16 in float32 (`model.float()`).",
        "Put the normalisation into the network and export it.",
    ),
    example="net.onnx: --mean and --std are of 3 channels, its image is [1, 4, 6, 10]",
)
TASK = Refusal(
    code="BN113",
    title="a task that there is not",
    means="`--task` is none of the tasks that a bundle may have.",
    supported="detection, segmentation, classification, map.",
    ways=("Leave it out: mostly it follows from the network's shapes.",),
    example="--task seeing: give map, detection, segmentation or classification",
)
TASK_SHAPE = Refusal(
    code="BN114",
    title="a task that the shapes do not allow",
    means="The metadata or `--task`, or for detection `--threshold` or `--scores`, say a task whose outputs have other "
    "shapes than those of the network.",
    supported="detection: from one plane to one of its size. classification: scores [1, N] or [1, N, 1, 1]. "
    "segmentation and map: maps.",
    ways=(
        "Say another `--task`; map is always right.",
        "Leave `--threshold` and `--scores` out, which are of detections.",
    ),
    example="net.onnx: its task is said to be detection, which is from one plane to one of its size; it is from "
    "[1, 3, 8, 6] to [1, 1, 8, 6]; state another task, and leave --threshold and --scores, which say so too, out",
)
LOGITS = Refusal(
    code="BN115",
    title="logits in integers without a scale, or a scale without them",
    means="The property `com.biisnet.logit_scale` says what an integer logit is to be multiplied by. It belongs to "
    "networks whose outputs are such logits, and to no others.",
    supported="Both or neither.",
    ways=("Export the integer network again: `biisnet export --precision int8` writes both.",),
    example="net.onnx: its metadata has com.biisnet.logit_scale, and no output is a logit in integers; export it again",
)
THRESHOLD = Refusal(
    code="BN116",
    title="a threshold that does not fit",
    means="`--threshold` is no probability, or the network is for another task than detection, whose outputs have no "
    "threshold.",
    supported="0 to 1, of networks for detection.",
    ways=(
        "`biisnet eval --fa-budget` prints the threshold that keeps within a false-alarm budget.",
        "Leave it out: without it 0.5, or the file's own, is taken.",
    ),
    example="--threshold 2: give a probability from 0 to 1, above which a pixel is a target",
)
SCORES = Refusal(
    code="BN117",
    title="a scaling of scores that does not fit",
    means="`--scores` is no slope above 0 and an offset, or the network is for another task than detection, whose "
    "outputs have no scores to scale.",
    supported="Two finite numbers with a comma between, the first above 0, of networks for detection.",
    ways=(
        "`biisnet eval --fit-scores` prints both.",
        "Leave it out: without it a score is the highest probability, or what the file's own make of it.",
    ),
    example="--scores 0,1: give SLOPE,OFFSET, finite numbers, the slope above 0",
)
