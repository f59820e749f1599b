# SPDX-License-Identifier: Apache-2.0
"""What people give for a model: each format is named, and nothing in it is run."""

from __future__ import annotations

import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.foreign_files import ONNX, SAFETENSORS, what_it_is
from biisnet.compile.frontend import load_model
from biisnet.compile.frontend.loader import Model
from biisnet.tools.checkpoints import check_checkpoint

HEADS = [
    (b"", "empty"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS"),
    (b"\n<!DOCTYPE html>\n<html>", "a web page"),
    (b"<html><body>404", "a web page"),
    (b"\x89HDF\r\n\x1a\n" + bytes(64), "an HDF5 file"),
    (b"\x1c\0\0\0TFL3" + bytes(64), "a TensorFlow Lite model"),
    (b"\x1c\0\0\0ORTM" + bytes(64), "an ONNX Runtime model"),
    (b"ftrt" + bytes(64), "a TensorRT engine"),
    (b"RKNN" + bytes(64), "an RKNN model"),
    (b"GGUF" + bytes(64), "a GGUF file"),
    (b"7767517\n12 13\n", "an ncnn model"),
    (b'<?xml version="1.0"?>\n<net name="n" version="11">', "an OpenVINO model"),
    (b"\x93NUMPY\x01\0", "an array of NumPy's"),
    (b"\x1f\x8b\x08" + bytes(64), "compressed"),
    (b"\x7fELF\x02", "a program or library"),
    (b"\xff\xd8\xff\xe0", "an image"),
    (b"PK\x03\x04" + bytes(30), "a zip that is truncated"),
    (b"hello\n", ""),
    (bytes(1000), ""),
]


@pytest.mark.parametrize(("head", "words"), HEADS)
def test_by_the_first_bytes(head: bytes, words: str, tmp_path: Path) -> None:
    (path := tmp_path / "model.onnx").write_bytes(head)
    found = what_it_is(path)
    assert found.startswith(words)
    assert bool(found) == bool(words)
    with pytest.raises(CompileError, match=f"is {words}" if words else "not an ONNX") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(CompileError, match=f"is {words}" if words else "not a safetensors file"):
        check_checkpoint(path)


class Trap:
    """A pickle that says when it is opened."""

    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("unpickled",)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_are_not_opened(protocol: int, tmp_path: Path) -> None:
    (path := tmp_path / "model.pkl").write_bytes(pickle.dumps(Trap(), protocol))
    with pytest.raises(CompileError, match=r"is a Python pickle, which is not opened.*torch\.onnx\.export"):
        load_model(path)


@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.pth.tar"])
@pytest.mark.parametrize("zipped", [True, False])
def test_checkpoints_of_pytorch(name: str, zipped: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / name
    torch.save({"w": torch.zeros(3)}, path, _use_new_zipfile_serialization=zipped)
    for read in (load_model, check_checkpoint):
        with pytest.raises(CompileError, match=r"is a PyTorch checkpoint, a pickle.*biisnet\.model\.weights\.save"):
            read(path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_programs_of_pytorch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.jit.save(torch.jit.script(torch.nn.Conv2d(1, 1, 1)), str(tmp_path / "script.pt"))
    assert what_it_is(tmp_path / "script.pt").startswith("a TorchScript archive")
    torch.export.save(torch.export.export(torch.nn.Conv2d(1, 1, 1), (torch.zeros(1, 1, 2, 2),)), tmp_path / "net.pt2")
    assert what_it_is(tmp_path / "net.pt2").startswith("a program of torch.export")


def test_zips_and_folders(tmp_path: Path, tiny: Model) -> None:
    def zipped(*names: str) -> str:
        with zipfile.ZipFile(tmp_path / "zip", "w") as file:
            for name in names:
                file.writestr(name, b"")
        return what_it_is(tmp_path / "zip")

    assert zipped("metadata.json", "config.json", "model.weights.h5").startswith("a Keras model")
    assert zipped("nets/net.onnx", "README").endswith("unpack it and give nets/net.onnx")
    assert zipped("README") == "a zip; unpack it"
    np.savez(tmp_path / "arrays.npz", a=np.zeros(2))
    assert what_it_is(tmp_path / "arrays.npz").startswith("arrays of NumPy's")
    with tarfile.open(tmp_path / "net.tar", "w") as tar:
        tar.add(tmp_path / "zip", "zip")
    assert what_it_is(tmp_path / "net.tar").startswith("a tar; a bundle is compiled already")
    for name, words in (("manifest.json", "a bundle"), ("saved_model.pb", "a SavedModel"), ("x", "a folder")):
        (folder := tmp_path / name[0]).mkdir()
        (folder / name).touch()
        with pytest.raises(CompileError, match=f"is {words}"):
            load_model(folder)


def test_each_of_ours_given_for_the_other(tmp_path: Path, tiny: Model) -> None:
    onnx.save(tiny.proto, tmp_path / "net")
    assert what_it_is(tmp_path / "net") == ONNX
    with pytest.raises(CompileError, match="is an ONNX file, which is compiled as it is: biisnet-compile"):
        check_checkpoint(tmp_path / "net")
    header = b'{"__metadata__":{}}'
    (tmp_path / "weights").write_bytes(len(header).to_bytes(8, "little") + header)
    assert what_it_is(tmp_path / "weights") == SAFETENSORS
    with pytest.raises(CompileError, match=r"is a safetensors file; call it NAME\.safetensors"):
        load_model(tmp_path / "weights")
