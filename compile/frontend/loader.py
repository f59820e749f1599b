# SPDX-License-Identifier: Apache-2.0
"""Reads an ONNX file as an untrusted thing: what is wrong with it is one line that names the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError, Message
from onnx import numpy_helper
from onnx.external_data_helper import uses_external_data

from ...ops import DOMAIN, INTEGER_VERSION, REGISTRY
from ...runtime.platt import UNSCALED, Platt
from ...runtime.signature import SCALES, TASKS
from ..errors import CompileError
from ..foreign_files import ONNX, what_it_is
from ..refusals import files
from ..weight_provenance import RANDOM, TRAINED, UNSTATED

LOGIT_SCALE = f"{DOMAIN}.logit_scale"
"""Metadata property: what a logit in integers is to be multiplied by."""
SCORES = f"{DOMAIN}.scores"
"""Metadata property: slope and offset that make a detection's score, with a comma between."""

QUANTIZER_DOMAINS = ("onnx.brevitas", "qonnx.custom_op.general", "finn.custom_op.general")
"""Domains of the quantizers of Brevitas, QONNX and FINN (compile/recognise/foreign_ops.py)."""
RECOGNISED_FROM, SIGN_OF_ZERO = "recognised_from", "sign_of_zero"
"""Metadata of a file that was rewritten (compile/recognise): the original's SHA-256, what Sign(0) was said to be."""
PREPARED_FROM = "prepared_from"
"""Metadata of a file that its user said more of (prepare.py): the original's SHA-256."""


@dataclass(frozen=True)
class OnnxModel:
    """A checked ONNX model, and the file it came from."""

    proto: onnx.ModelProto
    path: str
    sha256: str
    """Digest of the file, in hexadecimal digits."""
    data: bytes = b""
    """The file, byte for byte: what `sha256` is of."""
    called: str = ""
    """The name that it was given elsewhere, where it has none itself."""

    @property
    def metadata(self) -> dict[str, str]:
        """The model's metadata properties."""
        return {p.key: p.value for p in self.proto.metadata_props}

    @property
    def threshold(self) -> float:
        """A pixel is a target where the probability is greater."""
        return float(self.metadata.get("threshold", 0.5))

    @property
    def scores(self) -> Platt:
        """What makes a detection's score of its highest probability."""
        return Platt.parse(self.metadata[SCORES]) if SCORES in self.metadata else UNSCALED

    @property
    def task(self) -> str | None:
        """The task that it states; None where it leaves that to its shapes (task.py)."""
        return self.metadata.get("task")

    @property
    def logit_scale(self) -> float | None:
        """What a logit in integers is to be multiplied by; None of networks that have none."""
        return float(self.metadata[LOGIT_SCALE]) if LOGIT_SCALE in self.metadata else None

    @property
    def seed(self) -> int | None:
        """The seed of random weights; None for others."""
        return int(self.metadata["seed"]) if "seed" in self.metadata else None

    @property
    def weights(self) -> str:
        """One of `weight_provenance.WORDS`: what the file says of where its weights come from."""
        if self.seed is not None:
            return RANDOM
        # the exporter writes the configuration into every file, and a seed unless the weights are trained
        return TRAINED if "config" in self.metadata else UNSTATED

    @property
    def name(self) -> str:
        """The name it gives itself, or was given, or its file's."""
        return self.metadata.get("model") or self.called or Path(self.path).stem


def load_model(path: Path, called: str = "") -> OnnxModel:
    """Read and check an ONNX file; `called` is its name where the file is a copy under another one.

    Raises CompileError where it is not there, is no ONNX, is truncated, has weights in other files, does not pass
    the ONNX checker, or has weights that are not finite.
    """
    try:
        data = b"" if path.is_dir() else path.read_bytes()
        proto = onnx.ModelProto()
        try:
            proto.ParseFromString(data)
            unfit = not proto.graph.node and "not an ONNX model: it has no graph, or one without output"
        except DecodeError:
            unfit = "not an ONNX file, or a truncated one; export it again"
        if unfit:
            foreign = what_it_is(path)
            raise CompileError(f"{path}: {f'is {foreign}' if foreign and foreign != ONNX else unfit}", files.FORMAT)
    except OSError as e:
        raise CompileError(f"{path}: cannot be read: {e.strerror}", files.UNREADABLE) from e
    check(proto, str(path))
    return OnnxModel(proto, str(path), hashlib.sha256(data).hexdigest(), data, called)


def from_proto(proto: onnx.ModelProto, name: str) -> OnnxModel:
    """A model that was made in this process. Raises CompileError as `load_model` does."""
    check(proto, name)
    data = proto.SerializeToString(deterministic=True)
    return OnnxModel(proto, name, hashlib.sha256(data).hexdigest(), data)


def check(proto: onnx.ModelProto, path: str) -> None:
    """Raise CompileError where the model is not valid, or its weights are not finite."""
    if not proto.graph.node or not proto.graph.output:
        raise CompileError(f"{path}: not an ONNX model: it has no graph, or one without output", files.FORMAT)
    check_version(proto, path)
    bodies = {(f.domain, f.name) for f in proto.functions}
    for node in proto.graph.node:
        if node.domain == DOMAIN and (node.domain, node.op_type) not in bodies:
            raise CompileError(
                f"{path}: lacks the function body of {DOMAIN}::{node.op_type}; export it again", files.BODY
            )
    for tensor in tensors(proto):  # the checker would look for it in the working folder
        if uses_external_data(tensor):
            raise CompileError(
                f"{path}: weight '{tensor.name}' is in another file; save the model as one file (torch.onnx.export: "
                "external_data=False)",
                files.EXTERNAL,
            )
    try:
        onnx.checker.check_model(with_imports(proto))
    except (onnx.checker.ValidationError, ValueError) as e:  # the latter where Python's protobuf reads more than ONNX's
        raise CompileError(f"{path}: not a valid ONNX model: {first_line(e)}", files.INVALID) from e
    check_metadata(OnnxModel(proto, path, ""))
    for tensor in proto.graph.initializer:
        try:
            values = numpy_helper.to_array(tensor)
        except (OSError, TypeError, ValueError) as e:
            raise CompileError(f"{path}: weight '{tensor.name}' cannot be read: {first_line(e)}", files.INVALID) from e
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise CompileError(
                f"{path}: weight '{tensor.name}' has NaN or infinite values; train or export it again",
                files.NOT_FINITE,
            )
        # of other operators than ours float16 is widened, exactly (compile/recognise)
        widened = values.dtype == np.float16 and not any(n.domain == DOMAIN for n in proto.graph.node)
        if values.dtype.kind == "f" and values.dtype != np.float32 and not widened:
            raise CompileError(
                f"{path}: weight '{tensor.name}' is {values.dtype}; float32 is supported", files.WEIGHT_TYPE
            )


def with_imports(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model, with the opset imports that exporters of quantizers leave out."""
    missing = {n.domain for n in proto.graph.node} & set(QUANTIZER_DOMAINS) - {o.domain for o in proto.opset_import}
    if not missing:
        return proto
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    model.opset_import.extend(onnx.helper.make_opsetid(domain, 1) for domain in sorted(missing))
    return model


def check_version(proto: onnx.ModelProto, path: str) -> None:
    """Raise CompileError where a file's version of com.biisnet is newer than ours, or older than an operator in it."""
    version = next((o.version for o in proto.opset_import if o.domain == DOMAIN), None)
    if version is None:
        return
    if not 1 <= version <= INTEGER_VERSION:
        raise CompileError(
            f"{path}: imports version {version} of {DOMAIN}; 1 to {INTEGER_VERSION} are known: install a newer biisnet",
            files.VERSION,
        )
    for node in proto.graph.node:
        op = REGISTRY.get(node.op_type) if node.domain == DOMAIN else None
        if op is not None and op.since > version:
            raise CompileError(
                f"{path}: layer '{node.name or node.op_type}': {op.name} came with version {op.since} of {DOMAIN}, the "
                f"file imports {version}; export it again",
                files.VERSION,
            )


def tensors(message: Message) -> Iterator[onnx.TensorProto]:
    """Every tensor of a model, those of nodes and function bodies too."""
    if isinstance(message, onnx.TensorProto):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if isinstance(value, Message) else value:
                yield from tensors(part)


def check_metadata(model: OnnxModel) -> None:
    """Raise CompileError where the threshold, the seed, the logits' scale or what makes scores is no number that makes
    sense, or the task none of TASKS."""
    for field, of, fits in (
        ("threshold", "threshold", lambda v: 0 <= v <= 1),
        ("seed", "seed", lambda v: v is None or v >= 0),
        ("task", "task", lambda v: v is None or v in TASKS),
        (SCORES, "scores", lambda v: True),  # else there is none
        (LOGIT_SCALE, "logit_scale", lambda v: v is None or SCALES[0] <= v <= SCALES[1]),
    ):
        try:
            valid = fits(getattr(model, of))
        except ValueError:
            valid = False
        if not valid:
            raise CompileError(
                f"{model.path}: its metadata says {field} {model.metadata[field]!r}; export it again", files.METADATA
            )


def first_line(error: Exception) -> str:
    """An error's message on one line."""
    return " ".join(str(error).split())[:300]
