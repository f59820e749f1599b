# SPDX-License-Identifier: Apache-2.0
"""BN2xx: what is said of a network as a whole when it is recognised."""

from __future__ import annotations

from .refusal import Refusal

NO_BINARY = Refusal(
    code="BN201",
    title="no binary convolution",
    means="Nothing in the network is one-bit activations times one-bit weights, which this compiler is for. Mostly the "
    "float twin of a binarized network was exported by mistake; or the weights are binary and the activations are not "
    "(BinaryConnect), or the other way round. What looks binary is named with the reason why it was not taken.",
    supported="Networks with at least one binary convolution or fully connected layer; docs/other-networks.md has the "
    "forms that are recognised.",
    ways=(
        "Export the binarized network, with its `sign` in the graph.",
        "`--allow-float` compiles it as it is.",
    ),
    example="net.onnx: has no binary convolution, all of it is floating point; give the binarized network, or "
    "--allow-float to compile it as it is",
)
DOMAIN = Refusal(
    code="BN202",
    title="operators of unknown domains",
    means="An operator that is not ONNX's own means what its author says, and neither this file nor biisnet knows "
    "that. Nothing could be proved of such a network.",
    supported="ONNX's domain, `com.biisnet`, the quantizers of `onnx.brevitas`, `qonnx.custom_op.general` and "
    "`finn.custom_op.general`, and domains whose operators are functions of the model.",
    ways=(
        "Export with standard operators: in PyTorch without `symbolic` methods and custom operators.",
        "Add each operator's body to the model as a function (`onnx.helper.make_function`).",
    ),
    example="net.onnx: operators of unknown domains: layer 'Fancy_2' (somebody.else::Fancy); export it with standard "
    "operators, those of onnx.brevitas, qonnx.custom_op.general, finn.custom_op.general, or with their bodies as "
    "functions of the model",
)
UNFIT = Refusal(
    code="BN203",
    title="layers that do not fit together",
    means="ONNX's shape inference finds attributes and shapes that contradict each other. The words after the colon "
    "are its own.",
    supported="Graphs whose shapes follow from the input's.",
    ways=("Run the file in ONNX Runtime, which names the layer.", "Export it again."),
    example="net.onnx: its layers do not fit together: …",
)
ENDLESS = Refusal(
    code="BN204",
    title="patterns that do not come to an end",
    means="Rewriting the network in com.biisnet operators goes round in circles: a fault of biisnet's, not of the "
    "file.",
    supported="Any file: this must not happen.",
    ways=("Please report the file.",),
    example="net.onnx: its patterns do not come to an end; report this file",
)
NO_MAP = Refusal(
    code="BN205",
    title="a binarized value that is no map",
    means="A value is binarized whose shape is neither a map nor a vector that is made of one: a sequence, a matrix of "
    "attention, one of five dimensions.",
    supported="Binarized maps [1, C, H, W], and vectors made of such.",
    ways=("Binarize before the Reshape that leads there.", "Leave that layer in floating point."),
    example="net.onnx: 'out' is of shape [3,8,8]: binarized maps [1, C, H, W], and vectors made of such, are supported",
)
OPSET = Refusal(
    code="BN206",
    title="an old opset that cannot be raised",
    means="The file is of an older version of ONNX's operators, and ONNX's own converter cannot write it in a newer "
    "one.",
    supported="Opset 18 and newer; older ones as far as ONNX's converter raises them.",
    ways=("Export it with `opset_version=18`.",),
    example="net.onnx: is of opset 5 and cannot be raised to 18 (…); export it with opset 18 or newer",
)
PROOF = Refusal(
    code="BN207",
    title="a rewritten network that computes something else",
    means="The proof has found that the network in com.biisnet operators gives other values than the file: a fault of "
    "biisnet's rewriting. Nothing was compiled.",
    supported="Any file: this must not happen.",
    ways=("Please report the file.", "Export it in com.biisnet operators, which are not rewritten."),
    example="net.onnx: rewriting it in com.biisnet operators changes 'out' by … of its largest value; report "
    "this file, or give it in com.biisnet operators",
)
RUNTIME = Refusal(
    code="BN208",
    title="a file that ONNX Runtime does not run",
    means="The proof needs the file's own values, and ONNX Runtime refuses it. The words after the colon are its own: "
    "mostly a type that it has no kernel for, or shapes that fit ONNX's rules and not each other.",
    supported="Files that ONNX Runtime runs on a CPU.",
    ways=("Run it in ONNX Runtime alone, and mend what that says.", "Export it in float32 with opset 18."),
    example="net.onnx: ONNX Runtime refuses it: …",
)
