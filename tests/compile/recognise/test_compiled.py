# SPDX-License-Identifier: Apache-2.0
"""A network of other operators, from its file to a verified bundle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx

from biisnet.compile.frontend import load_model
from biisnet.compile.frontend.loader import RECOGNISED_FROM, SIGN_OF_ZERO
from biisnet.compile.onnx_runtime import session
from biisnet.compile.pipeline import compile_model
from biisnet.compile.recognise import recognise
from biisnet.targets import resolve

from .networks import C, Net


def network() -> tuple[Net, str]:
    """Channels last, a residual block whose signs may be 0, a strict threshold, a grouped layer, a head of scores."""
    net = Net((1, 8, 8, 3))
    x = net.stem(source=net.op("Transpose", "image", perm=[0, 3, 1, 2]))
    y = net.norm(net.conv(net.op("Sign", net.op("Add", x, net.op("Relu", x))), net.signs(C, C, 3, 3)))
    y = net.op("Add", y, x)
    padded = net.op("Pad", net.op("Sign", y), np.array([0, 0, 1, 1, 0, 0, 1, 1]), np.float32([-1.0]))
    y = net.norm(net.conv(padded, net.signs(C, C, 3, 3), [0] * 4))
    above = net.op("Cast", net.op("Greater", y, np.float32([0.25])), to=onnx.TensorProto.FLOAT)
    y = net.norm(net.conv(above, net.signs(C, 2, 3, 3), group=4, strides=[2, 2]))
    y = net.op("Flatten", net.op("GlobalAveragePool", net.op("Relu", y)), axis=1)
    return net, net.op("Gemm", y, net.normal(10, C), net.normal(10), transB=1)


def test_from_a_foreign_file_to_a_verified_bundle(tmp_path: Path) -> None:
    """Fails where a bundle of a foreign network computes other scores than its file, or does not tell where it is
    from."""
    net, output = network()
    path = tmp_path / "foreign.onnx"
    path.write_bytes(net.proto(output).SerializeToString())
    model = load_model(path)
    lines: list[str] = []
    verified = compile_model(model, (8, 8), resolve("rpi4"), tmp_path / "pi", say=lines.append).verified
    assert verified.device
    assert "layers  3 of 5 convolutions are binary" in lines
    assert any("two bits an activation, since Sign(0) is 0 and may occur" in line for line in lines)
    manifest = json.loads((tmp_path / "pi" / "manifest.json").read_text())
    assert manifest["model"][RECOGNISED_FROM] == model.sha256
    assert manifest["model"]["name"] == "foreign"

    image = np.random.default_rng(1).integers(0, 256, (1, 8, 8, 3)).astype(np.float32)
    (expected,) = session(model.proto).run(None, {"image": image})
    kept = load_model(tmp_path / "pi" / "model.onnx")  # what the bundle was verified against
    (found,) = session(kept.proto).run(None, {"image": image.transpose(0, 3, 1, 2)})
    assert np.allclose(found.ravel(), expected.ravel(), rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_the_users_word_is_in_the_manifest(tmp_path: Path) -> None:
    """Fails where a bundle does not say that Sign(0) was taken as something that it is not."""
    net = Net()
    x = net.stem()
    model = net.model(net.conv(net.op("Sign", net.op("Add", x, net.op("Relu", x))), net.signs(C, C, 3, 3)))
    found = recognise(model, None, 1)
    compile_model(found, (8, 8), resolve("host"), tmp_path / "b", say=lambda _: None, verify=False)
    assert json.loads((tmp_path / "b" / "manifest.json").read_text())["model"][SIGN_OF_ZERO] == "+1"
