# SPDX-License-Identifier: Apache-2.0
"""The receptive field that is stated is the one that a network has, and tiles give what the whole gives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from biisnet.compile.frontend import load_model
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.plan import ReceptiveField
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Add, Convolution, Load
from biisnet.compile.passes.receptive_field import receptive_field
from biisnet.compile.pipeline import PLAN_STEPS, compile_model, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.schedules import DEFAULT
from biisnet.compile.verification.scene import scene
from biisnet.runtime import load
from biisnet.targets import resolve

from .graphs import shipped_program

TILE = (64, 68)


def convolved(window: Window, size: tuple[int, int] = (16, 16)) -> Program:
    """One convolution."""
    source = Buffer("x", "x", 1, 16, 16, external=0)
    result = Buffer("y", "y", 1, *size, external=0)
    e = Convolution(1, source, np.ones((1, 1, *window.kernel), np.float32), np.zeros(1, np.float32), window)
    return Program("net", [Stage.of("s", (), (e,), [result])], [source], [result])


def test_windows() -> None:
    assert receptive_field(convolved(Window((3, 3), pads=(1, 1, 1, 1)))) == ReceptiveField(1, 1)
    assert receptive_field(convolved(Window((5, 5), pads=(4, 4, 4, 4), dilations=(2, 2)))) == ReceptiveField(4, 1)
    assert receptive_field(convolved(Window((2, 2), pads=(0, 0, 1, 1)))) == ReceptiveField(1, 1)
    assert receptive_field(convolved(Window((3, 1), pads=(1, 0, 1, 0)))) is None  # other columns than rows
    assert receptive_field(convolved(Window((3, 3)), (14, 14))) is None
    assert receptive_field(convolved(Window((2, 2), strides=(2, 2)), (8, 8))) is None


def test_maps_of_different_scales_in_one_stage() -> None:
    """Nothing that the importer makes; but no field is stated for it."""
    program = convolved(Window((2, 2), strides=(2, 2)), (8, 8))
    (low,) = program.outputs
    wrong = Buffer("z", "z", 1, 8, 8, external=0)
    program.stages.append(Stage.of("sum", (), (Add(1, Load(1, low), Load(1, program.inputs[0])),), [wrong]))
    assert receptive_field(Program("net", program.stages, program.inputs, [wrong])) is None


def test_of_the_shipped_network() -> None:
    """Whatever the size that it is compiled for."""
    fields = {receptive_field(shipped_program(size, None)) for size in ((256, 256), (16, 24), (61, 35))}
    assert fields == {ReceptiveField(35, 4)}


@pytest.fixture(scope="module")
def u_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small U, with random weights whose half of pixels are targets."""
    torch = pytest.importorskip("torch")
    from biisnet.model import NetworkConfig
    from biisnet.model.export import export_file
    from biisnet.model.network import build

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("u") / "u.onnx"
    export_file(build(NetworkConfig(channels=8, encoder_blocks=(1,), bottleneck_blocks=1, decoder_blocks=(1,))), path)
    return path


def compiled(path: Path, size: tuple[int, int], target: str, folder: Path) -> Path:
    compile_model(load_model(path), size, resolve(target), folder, say=lambda _: None, verify=False)
    return folder


def test_it_is_no_larger_and_no_smaller(u_onnx: Path, tmp_path: Path) -> None:
    """A pixel's change reaches results `radius` away, and none beyond."""
    plan = make_plan(load_model(u_onnx), TILE, resolve("host"), Progress(PLAN_STEPS, lambda _: None, None), DEFAULT)
    field = receptive_field(plan.program)
    assert field
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, TILE).astype(np.float32)
    farthest = 0
    with load(compiled(u_onnx, TILE, "host", tmp_path / "u")) as model:
        before = model(image)
        for y in range(28, 28 + field.stride):
            for value in (0, 255, 1e4, 1e6):
                changed = image.copy()
                changed[y, 32] = value
                rows, columns = np.nonzero(model.infer(changed) != before)  # beyond what a frame may have
                farthest = max(farthest, np.abs(rows - y).max(), np.abs(columns - 32).max())
    assert farthest == field.radius


def test_tiles_are_the_whole(u_onnx: Path, tmp_path: Path) -> None:
    """Bit for bit."""
    small = compiled(u_onnx, TILE, "host", tmp_path / "small")
    for size in ((120, 100), (64, 132), (65, 70)):
        large = compiled(u_onnx, size, "host", tmp_path / "large")  # one path: the last one's library is not kept
        with load(small) as tile, load(large) as whole:
            image = scene(*size, 1)
            found, expected = tile.tiled(image), whole(image)
            radius, stride = (tile.manifest["receptive_field"][k] for k in ("radius", "stride"))
        bottom, right = (radius * ((n - t) % stride > 0) for n, t in zip(size, TILE, strict=True))
        inside = np.s_[: size[0] - bottom, : size[1] - right]
        np.testing.assert_array_equal(found[inside], expected[inside])
        assert np.ptp(expected[inside]) > 1e-3


def test_frames_of_several_planes(tmp_path: Path) -> None:
    """They are not cut into tiles, and compile and verify like others."""
    torch = pytest.importorskip("torch")
    from biisnet.model import NetworkConfig
    from biisnet.model.export import export_file
    from biisnet.model.network import build

    torch.manual_seed(0)
    config = NetworkConfig(in_channels=3, channels=8, encoder_blocks=(1,), bottleneck_blocks=1, decoder_blocks=(1,))
    export_file(build(config), tmp_path / "colour.onnx")
    model = load_model(tmp_path / "colour.onnx")
    done = compile_model(model, (24, 20), resolve("host"), tmp_path / "bundle", say=lambda _: None)
    assert done.verified.stages > 0
    assert json.loads((tmp_path / "bundle" / "manifest.json").read_text())["receptive_field"] is None
