# SPDX-License-Identifier: Apache-2.0
"""The whole pipeline on one page: network -> ONNX file -> bundle -> probability map."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from biisnet.compile.frontend import load_model
from biisnet.compile.pipeline import compile_model
from biisnet.compile.verification.scene import scene
from biisnet.model import NetworkConfig
from biisnet.runtime import load
from biisnet.targets import resolve


def test_the_whole_pipeline(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from biisnet.model.export import export_file
    from biisnet.model.network import build

    # model/: a network in PyTorch, here the smallest U there is, with random weights
    network = build(NetworkConfig(channels=8, encoder_blocks=(1,), bottleneck_blocks=1, decoder_blocks=(1,)), seed=1)

    # model/export: to an ONNX file with one-bit weights, height and width left open
    onnx_file = tmp_path / "tiny.onnx"
    export_file(network, onnx_file)

    # compile/: to machine code for one size and one device (targets/), proved stage by stage
    bundle = tmp_path / "tiny-host"
    summary = compile_model(load_model(onnx_file), (30, 45), resolve("host"), bundle, say=print)
    assert summary.verified.device == "this machine"
    assert summary.verified.accumulators > 0  # of its binary convolutions, all equal to ONNX Runtime's

    # runtime/: grey levels in, probabilities out; numpy is all that it needs
    image = scene(30, 45)
    with load(bundle) as model:
        probability = model(image)

    # three ways to compute the same thing
    frame = image.astype(np.float32)[None, None]
    session = onnxruntime.InferenceSession(onnx_file, providers=["CPUExecutionProvider"])
    (by_onnx_runtime,) = session.run(None, {"image": frame})
    by_torch = network(torch.from_numpy(frame)).sigmoid().detach().numpy()
    np.testing.assert_allclose(probability, by_onnx_runtime[0, 0], atol=1e-5)
    np.testing.assert_allclose(probability, by_torch[0, 0], atol=1e-5)
