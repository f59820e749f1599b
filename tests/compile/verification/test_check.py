# SPDX-License-Identifier: Apache-2.0
"""`biisnet verify` and the end of a compilation: good bundles, damaged ones, and no emulator."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import Model
from biisnet.compile.pipeline import compile_model
from biisnet.compile.verification import VerificationError, check
from biisnet.runtime import BundleError
from biisnet.runtime.bundle import SUMS, sums_text
from biisnet.targets import emulator, resolve
from biisnet.tools.verify import target_of, verify_bundle

SIZE = (24, 20)
TinyBundle = Callable[[str], Path]


def quiet(line: str) -> None:
    """Progress goes nowhere."""


@pytest.fixture
def copy(tiny_bundle: TinyBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host bundle to damage; the working folder is empty otherwise."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(tiny_bundle("host"), tmp_path / "bundle"))


@pytest.mark.parametrize("threads", [1, 3])
def test_a_good_bundle(tiny_bundle: TinyBundle, threads: int) -> None:
    bundle = tiny_bundle("host")
    for form in (bundle, bundle.with_name(bundle.name + ".tar")):
        verified = verify_bundle(form, None, threads, quiet)
        assert (verified.device, verified.stages, verified.accumulators) == ("this machine", 4, 8 * 24 * 20)
        assert (verified.mask_pixels, verified.mask_pixels_differing) == (24 * 20, 0)
        assert verified.stage_error <= 1e-5
        assert "integer accumulators of 1 of 1 binary convolutions equal" in verified.summary()


def test_on_an_image_of_another_size(copy: Path, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (37, 51), np.uint8)
    Image.fromarray(image).save(tmp_path / "frame.png")
    verified = verify_bundle(copy, tmp_path / "frame.png", 1, quiet)
    assert (verified.mask_pixels, verified.mask_pixels_differing) == (24 * 20, 0)


def test_tensors_of_a_failure(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where they have no name for a bundle that is `.`, or stay when all is well again."""
    monkeypatch.chdir(copy)
    with monkeypatch.context() as broken:
        broken.setattr(check, "run_by_stage", lambda *_: [np.zeros((1, *SIZE), np.float32)])
        with pytest.raises(VerificationError, match=r"bundle\.failed\.npz"):
            verify_bundle(Path(), None, 1, quiet)
    assert (copy / "bundle.failed.npz").is_file()
    verify_bundle(Path(), None, 1, quiet)
    assert not (copy / "bundle.failed.npz").exists()


@pytest.mark.emulator
def test_on_the_emulated_device(tiny_bundle: TinyBundle, emulated: None) -> None:
    assert verify_bundle(tiny_bundle("rpi4"), None, 1, quiet).device == "an emulated cortex-a72"


@pytest.mark.parametrize("name", ["lib/libbiisnet_model.so", "lib/libbiisnet_model.a", "bin/biisnet-run", "model.onnx"])
def test_a_flipped_byte(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(BundleError, match=f"{name}: differs from its sha256"):
        verify_bundle(copy, None, 1, quiet)


def edit(bundle: Path, **fields: Any) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps(manifest | fields))
    (bundle / SUMS).write_text(sums_text(bundle, manifest["files"]))


def test_a_bundle_of_another_version(copy: Path) -> None:
    edit(copy, plan_sha256="0" * 64)
    with pytest.raises(CompileError, match="another version of biisnet; compile it again"):
        verify_bundle(copy, None, 1, quiet)


def test_no_emulator(tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundle is written all the same, and it says that it is not verified, and what to do."""
    monkeypatch.setattr(emulator.shutil, "which", lambda name: None)
    summary = compile_model(tiny, SIZE, resolve("rpi4"), tmp_path / "b", say=quiet)
    assert summary.bundle.is_dir()
    assert summary.verified.device == ""
    assert summary.verified.summary() == f"not verified: {emulator.MISSING}"
    manifest = json.loads((summary.bundle / "manifest.json").read_text())
    assert manifest["verification"]["reason"] == emulator.MISSING
    assert verify_bundle(summary.bundle, None, 1, quiet).device == ""


def test_not_asked(tiny: Model, tmp_path: Path) -> None:
    summary = compile_model(tiny, SIZE, resolve("host"), tmp_path / "b", say=quiet, verify=False)
    assert summary.verified.summary() == "not verified: --no-verify was given"


def test_the_target_comes_back_from_the_manifest(
    tiny_bundle: TinyBundle, manifest_of: Callable[[Path], dict[str, Any]]
) -> None:
    for name in ("host", "rpi4"):
        target, again = resolve(name), target_of(manifest_of(tiny_bundle(name)))
        for field in ("name", "arch", "cpu", "features", "emulated_cpu", "glibc"):
            assert getattr(again, field) == getattr(target, field)
