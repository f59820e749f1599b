# SPDX-License-Identifier: Apache-2.0
"""Files of other formats that are given for a model: what each is, by its first bytes, and the way from there.

Nothing is unpacked or unpickled: a pickle may run any program.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

HEAD = 4096
"""Bytes that are looked at."""
OPS = "docs/onnx-ops.md says what is compiled"
FROM_TORCH = (
    "load it in the program that defines its network, and save it from there: biisnet.model.weights.save for a network "
    f"of biisnet's layers, torch.onnx.export for others ({OPS})"
)
TO_ONNX = f"export the network to ONNX where it was made ({OPS})"
TORCH = f"a PyTorch checkpoint, a pickle, which is not opened: it may run any program; {FROM_TORCH}"
TORCHSCRIPT = f"a TorchScript archive; {FROM_TORCH}"
EXPORTED = f"a program of torch.export; {FROM_TORCH}"
PICKLE = f"a Python pickle, which is not opened: it may run any program; {FROM_TORCH}"
ONNX = "an ONNX file, which is compiled as it is: biisnet-compile FILE"
SAFETENSORS = "a safetensors file; call it NAME.safetensors"
ENGINE = "made for one device; give the ONNX file that it was made of"
PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)

Test = Callable[[bytes], bool]


def begins(*magic: bytes) -> Test:
    """A test of a file's first bytes."""
    return lambda head: head.startswith(magic)


def is_safetensors(head: bytes) -> bool:
    """The header's length, uint64, then JSON: its first bytes at least."""
    return len(head) > 9 and 2 <= int.from_bytes(head[:8], "little") < 1 << 32 and head[8:10] in (b'{"', b"{}")


def is_onnx(head: bytes) -> bool:
    """`ir_version` first, as all writers have it, then a string (the producer) or the graph."""
    return len(head) > 2 and head[0] == 0x08 and 1 <= head[1] < 32 and head[2] in (0x12, 0x1A, 0x22, 0x2A, 0x3A, 0x42)


FORMATS: Sequence[tuple[Test, str]] = (
    (lambda head: not head, "empty; export or copy it again"),
    (begins(b"version https://git-lfs"), "a pointer of Git LFS and not the file itself; git lfs pull brings that"),
    (lambda head: bool(re.match(rb"\s*<(!doctype\s+)?html", head, re.I)), "a web page; download the file itself"),
    (begins(b"\x89HDF\r\n\x1a\n"), f"an HDF5 file (Keras' .h5, say); {TO_ONNX}"),
    (lambda head: head[4:8] == b"TFL3", f"a TensorFlow Lite model; {TO_ONNX}"),
    (lambda head: head[4:8] == b"ORTM", "an ONNX Runtime model (.ort); give the ONNX file that it was made of"),
    (begins(b"ftrt", b"ptrt"), f"a TensorRT engine, {ENGINE}"),
    (begins(b"RKNN"), f"an RKNN model, {ENGINE}"),
    (begins(b"GGUF"), "a GGUF file of a language model; give an ONNX file"),
    (begins(b"7767517"), f"an ncnn model; {TO_ONNX}"),
    (lambda head: b"<net " in head[:300] and head.lstrip()[:1] == b"<", f"an OpenVINO model; {TO_ONNX}"),
    (begins(b"\x93NUMPY"), "an array of NumPy's; give an ONNX file or a checkpoint"),
    (begins(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P"), TORCH),  # torch.save before 1.6
    (lambda head: len(head) > 1 and head[0] == 0x80 and head[1] in PROTOCOLS, PICKLE),
    (
        begins(b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf\x27\x1c", b"\x28\xb5\x2f\xfd", b"Rar!"),
        "compressed; unpack it",
    ),
    (lambda head: head[257:262] == b"ustar", "a tar; a bundle is compiled already, another one is to be unpacked"),
    (begins(b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"GIF8"), "an image; the model comes first"),
    (begins(b"\x7fELF"), "a program or library; give the ONNX file that it was made of"),
    (is_safetensors, SAFETENSORS),
    (is_onnx, ONNX),
)
"""What a file is, in the order in which it is asked. The first that fits has the words."""


def what_it_is(path: Path) -> str:
    """The format of a file or folder that is not what was wanted, and the way out; empty where it is not known.

    Raises OSError.
    """
    if path.is_dir():
        return of_folder(path)
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"PK\x03\x04"):
        return of_zip(path)
    return next((words for test, words in FORMATS if test(head)), "")


def of_folder(path: Path) -> str:
    """The words for a folder."""
    if (path / "manifest.json").is_file():
        return "a bundle, which is compiled already; give the model that it was made of (model.onnx in it)"
    if (path / "saved_model.pb").is_file():
        return f"a SavedModel of TensorFlow's; {TO_ONNX}"
    return "a folder; give a file"


def of_zip(path: Path) -> str:
    """The words for a zip, by the names in it."""
    try:
        with zipfile.ZipFile(path) as file:
            names = file.namelist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError):
        return "a zip that is truncated (PyTorch's checkpoints are such); copy it again"
    inner = {name.partition("/")[2] for name in names}
    if any(name.startswith("code/") for name in inner) and "constants.pkl" in inner:
        return TORCHSCRIPT
    if "data.pkl" in inner:
        return TORCH
    if "archive_format" in inner or "serialized_exported_program.json" in names:
        return EXPORTED
    if "model.weights.h5" in names:
        return f"a Keras model; {TO_ONNX}"
    if names and all(name.endswith(".npy") for name in names):
        return "arrays of NumPy's; give an ONNX file or a checkpoint"
    within = next((name for name in names if name.endswith((".onnx", ".safetensors"))), "")
    return f"a zip; unpack it{f' and give {within}' if within else ''}"
