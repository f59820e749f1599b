# SPDX-License-Identifier: Apache-2.0
"""BN0xx: files."""

from __future__ import annotations

from .refusal import Refusal

FORMAT = Refusal(
    code="BN001",
    title="not an ONNX file",
    means="The file is of another format, or was cut off when it was copied. Its first bytes tell what it is; where "
    "that is known, the line names it and the way from there. PyTorch's checkpoints are pickles, which may run any "
    "program and are never opened.",
    supported="ONNX files with a graph that has nodes and outputs; `.safetensors` checkpoints of biisnet's own layers.",
    ways=(
        "Export the network where it is defined: `torch.onnx.export(network, image, 'net.onnx')`.",
        "Copy or download the file again; of a pointer of Git LFS, `git lfs pull`.",
    ),
    example="net.onnx: not an ONNX file, or a truncated one; export it again",
)
UNREADABLE = Refusal(
    code="BN002",
    title="a file that cannot be read",
    means="The system does not give the file's content: it is not there, or you may not read it.",
    supported="Files that this user can read.",
    ways=("Check the path, and with `ls -l` who may read it.",),
    example="net.onnx: cannot be read: No such file or directory",
)
INVALID = Refusal(
    code="BN003",
    title="not a valid ONNX model",
    means="It can be parsed, and breaks ONNX's own rules: a name that no node makes, an operator that its opset does "
    "not have, a weight whose bytes are not as many as its shape says. The words after the colon are those of ONNX's "
    "checker.",
    supported="Models that `onnx.checker.check_model` accepts.",
    ways=(
        "Export it again with a newer exporter, or with opset 18.",
        "Where a script has edited the graph, run `onnx.checker.check_model` in it.",
    ),
    example="net.onnx: not a valid ONNX model: …",
)
EXTERNAL = Refusal(
    code="BN004",
    title="weights in another file",
    means="The model was saved with external data: its weights are in files beside it, whose paths it names. A file "
    "from elsewhere is not let name others.",
    supported="Models that are one file, which is at most 2 GB.",
    ways=(
        "`onnx.save(onnx.load('net.onnx'), 'whole.onnx')`, in the folder that has both.",
        "`torch.onnx.export(..., external_data=False)`.",
    ),
    example="net.onnx: weight 'w' is in another file; save the model as one file (torch.onnx.export: "
    "external_data=False)",
)
NOT_FINITE = Refusal(
    code="BN005",
    title="weights that are NaN or infinite",
    means="A weight, or a constant that is computed of weights, is no finite number. Mostly the training diverged; a "
    "division by a scale or a variance of 0 in the graph does it too.",
    supported="Finite weights.",
    ways=(
        "Go back to a checkpoint before the loss became NaN, and train on at a lower rate.",
        "Put a smallest scale under divisions: `scale.clamp(min=1e-8)`.",
    ),
    example="net.onnx: weight 'w' has NaN or infinite values; train or export it again",
)
WEIGHT_TYPE = Refusal(
    code="BN006",
    title="weights of another floating-point type",
    means="A weight is float64, or float16 in a file of com.biisnet operators.",
    supported="float32; in files of other operators float16 too, which is widened exactly.",
    ways=("`network.float()` before the export.",),
    example="net.onnx: weight 'w' is float64; float32 is supported",
)
VERSION = Refusal(
    code="BN007",
    title="another version of com.biisnet",
    means="The file imports a version of the operators that this biisnet does not know, or an older one than an "
    "operator in it came with.",
    supported="Versions 1 and 2, and in each the operators that it has.",
    ways=("Install a newer biisnet.", "Export the file again with the biisnet that is installed."),
    example="net.onnx: imports version 3 of com.biisnet; 1 to 2 are known: install a newer biisnet",
)
BODY = Refusal(
    code="BN008",
    title="a com.biisnet operator without its body",
    means="Every com.biisnet operator in a file has its meaning beside it, as a function of standard operators, by "
    "which ONNX Runtime runs it. This file has lost one: some tools that simplify graphs throw functions away.",
    supported="Files as `biisnet export` writes them, or with `biisnet.ops.REGISTRY[name].function()` for each "
    "operator.",
    ways=("Export it again, and give it without a simplifier in between.",),
    example="net.onnx: lacks the function body of com.biisnet::RPReLU; export it again",
)
METADATA = Refusal(
    code="BN009",
    title="metadata that make no sense",
    means="A metadata property of the file that counts here has a value that it cannot have.",
    supported="`threshold` from 0 to 1, `seed` from 0, `task` of detection, segmentation, classification or map, "
    "`com.biisnet.logit_scale` a positive number, `com.biisnet.scores` two of which the first is positive.",
    ways=("Take the property out, or set it right: `onnx.helper.set_model_props(model, {...})`.",),
    example="net.onnx: its metadata says threshold 'high'; export it again",
)
