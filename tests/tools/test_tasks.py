# SPDX-License-Identifier: Apache-2.0
"""Bundles of models that find no targets: what asks for targets says so in a line, all else works."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import OnnxModel, load_model
from biisnet.compile.pipeline import compile_model
from biisnet.compile.verification.scene import scene
from biisnet.runtime import BundleError, load
from biisnet.targets import resolve
from biisnet.tools import bench, evaluate, report
from biisnet.tools.run import Wanted, run_frames

SIZE = (24, 20)
REFUSED = "is a model for map, which finds no targets"


@pytest.fixture(scope="module")
def other(tiny: OnnxModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny network, which says that it is for maps; verified as such."""
    root = tmp_path_factory.mktemp("other")
    proto = onnx.ModelProto.FromString(tiny.data)
    proto.metadata_props.add(key="task", value="map")
    onnx.save(proto, root / "map.onnx")
    compile_model(load_model(root / "map.onnx"), SIZE, resolve("host"), root / "map", say=lambda _: None)
    return root / "map"


def quiet(_: str) -> None: ...


def test_what_needs_targets_refuses(other: Path, tmp_path: Path) -> None:
    """Before anything is written or asked of a board."""
    frame = tmp_path / "frame.pgm"
    frame.write_bytes(b"P5\n20 24\n255\n" + scene(*SIZE).tobytes())
    with pytest.raises(CompileError, match="is for map; --tile is for detection"):
        list(run_frames(other, [str(frame)], 1, Wanted(None), quiet, tile=True))
    with (
        pytest.raises(BundleError, match=REFUSED),
        evaluate.open_predictor(str(other), None, emulate=False, threads=1, say=quiet),
    ):
        pass


def test_all_else_works(other: Path) -> None:
    """The same network: its map is the detection's probability. It is verified without a mask."""
    image = np.fromfile(other / "golden" / "image.f32", np.float32).reshape(SIZE)
    with load(other) as model:
        expected = np.fromfile(other / "golden" / "probability.f32", np.float32).reshape(SIZE)
        np.testing.assert_allclose(model(image), expected, atol=1e-5)
        verification = model.manifest["verification"]
    assert verification["stages"] > 0
    assert verification["mask_pixels_differing"] == 0
    timed = bench.bench_bundle(other, False, bench.BenchOptions((1,), 2), quiet)
    assert [t.runs for t in timed.timings] == [2]
    assert "<html" in report.report_bundle(other, quiet)
