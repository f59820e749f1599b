# SPDX-License-Identifier: Apache-2.0
"""What several folders' tests share: models and bundles, each compiled once a run however many workers there are."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biisnet.compile import pipeline
from biisnet.compile.emit import runner
from biisnet.compile.frontend import OnnxModel, load_model
from biisnet.compile.pipeline import compile_model
from biisnet.compile.tuning import bench
from biisnet.compile.verification.scene import scene
from biisnet.model import NetworkConfig, shipped_onnx
from biisnet.targets import pricing, resolve
from biisnet.targets.emulator import MISSING, find_emulator
from biisnet.targets.toolchain import ToolchainError

from .machine_code import Kept, Once

TINY_SIZE = (24, 20)  # neither side is a multiple of 16
FRAME_SIZE = (256, 256)
VARIANT_SEED = 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="accumulators on all 20 images (or BIISNET_FULL=1)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "emulator: runs on the emulated device")


@pytest.fixture(scope="session")
def emulated() -> None:
    """Skips where the emulator is missing; in CI it must be there."""
    if find_emulator(resolve("rpi4")) is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)


@pytest.fixture(scope="session")
def llvm() -> None:
    """Skips where llvm-mca is missing (in CI tests/run installs it)."""
    try:
        pricing.find_llvm("llvm-mca")
    except ToolchainError as e:
        pytest.skip(f"{e} (llvm-objdump comes with it)")


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """`once(name, make)`: the path of what `make(path)` made, by the first worker that asked."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    root = root / "shared"
    root.mkdir(exist_ok=True)

    def get(name: str, make: Callable[[Path], object]) -> Path:
        path = root / name
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                make(path)
        return path

    return get


@pytest.fixture(scope="session", autouse=True)
def kept_machine_code(once: Once) -> Iterator[None]:
    """Whoever compiles in these processes takes kernels from machine_code.py."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (pipeline, runner, bench):
            patch.setattr(module, "generate", partial(Kept, once=once))
        yield


@pytest.fixture(scope="session")
def tiny_onnx(once: Once) -> Path:
    """One Binary Block of 8 channels with random weights, symbolic height and width.

    Its last bias is such that half of the scene's pixels are targets, none at the threshold itself: a wrong map shows
    in the mask.
    """

    def make(path: Path) -> None:
        torch = pytest.importorskip("torch")
        from biisnet.model.export import export_file
        from biisnet.model.network import build

        network = build(NetworkConfig(channels=8, encoder_blocks=(), decoder_blocks=(), bottleneck_blocks=1))
        with torch.no_grad():
            image = torch.from_numpy(scene(*TINY_SIZE).astype(np.float32))[None, None]
            logits = network(image).flatten().sort().values
            network.head.bias -= logits[len(logits) // 2 - 1 : len(logits) // 2 + 1].mean()
        export_file(network, path)

    return once("tiny.onnx", make)


@pytest.fixture(scope="session")
def tiny(tiny_onnx: Path) -> OnnxModel:
    """The tiny network, as the compiler reads it."""
    return load_model(tiny_onnx)


@pytest.fixture(scope="session")
def tiny_bundle(once: Once, tiny: OnnxModel) -> Callable[[str], Path]:
    """`tiny_bundle(target)`: the tiny network, 24x20, compiled (and verified where the emulator is)."""

    def get(target: str) -> Path:
        return once(
            f"tiny-{target}", lambda path: compile_model(tiny, TINY_SIZE, resolve(target), path, say=lambda _: None)
        )

    return get


@pytest.fixture(scope="session")
def variant_onnx(once: Once) -> Callable[[str], Path]:
    """`variant_onnx(name)`: a network by its name with random weights, of seed VARIANT_SEED, exported."""

    def get(name: str) -> Path:
        def make(path: Path) -> None:
            pytest.importorskip("torch")
            from biisnet.model.export import export_file
            from biisnet.model.network import build

            export_file(build(name, VARIANT_SEED), path)

        return once(f"{name}.onnx", make)

    return get


@pytest.fixture(scope="session")
def shipped() -> OnnxModel:
    """The default network with its trained weights."""
    path = shipped_onnx()
    assert path is not None
    return load_model(path)


@pytest.fixture(scope="session")
def shipped_bundle(once: Once, shipped: OnnxModel) -> Callable[[str], Path]:
    """`shipped_bundle(target)`: the default network at 256x256, not verified yet. Takes half a minute."""

    def get(target: str) -> Path:
        def make(path: Path) -> None:
            compile_model(shipped, FRAME_SIZE, resolve(target), path, say=lambda _: None, verify=False)

        return once(f"biisnet-{target}", make)

    return get


@pytest.fixture(scope="session")
def manifest_of() -> Callable[[Path], dict[str, Any]]:
    """A bundle's manifest."""
    return lambda bundle: json.loads((bundle / "manifest.json").read_text())
