# SPDX-License-Identifier: Apache-2.0
"""What a bundle is: the same bytes for the same input, whole or not there, readable as folder and as tar."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biisnet.compile import pipeline
from biisnet.compile.emit import bundle as bundle_module
from biisnet.compile.emit.codegen import generate
from biisnet.compile.emit.manifest import target_of
from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import OnnxModel
from biisnet.compile.pipeline import compile_model
from biisnet.compile.verification import VerificationError
from biisnet.compile.verification.scene import scene
from biisnet.runtime import load
from biisnet.runtime.bundle import read_bundle
from biisnet.targets import resolve

SIZE = (24, 20)
TinyBundle = Callable[[str], Path]


def build(model: OnnxModel, output: Path) -> None:
    compile_model(model, SIZE, resolve("host"), output, say=lambda _: None, verify=False)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("target", ["host", "rpi4"])
def test_same_input_same_bytes(target: str, tiny: OnnxModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled in two places, by two runs of all steps: the tar is the same, and holds nothing of either place."""
    monkeypatch.setattr(pipeline, "generate", generate)  # by LLVM each time, no object that was kept
    tars = []
    for place in ("one", "another/and/deeper"):
        output = tmp_path / place / "bundle"
        compile_model(tiny, SIZE, resolve(target), output, say=lambda _: None, verify=False)
        tars.append((output.parent / "bundle.tar").read_bytes())
        for name, data in contents(output).items():
            assert str(tmp_path).encode() not in data, name
            assert str(Path(bundle_module.__file__).parent).encode() not in data, name
    assert tars[0] == tars[1]


def test_the_tar_is_the_folder(tiny_bundle: TinyBundle) -> None:
    """Sorted, dateless, nobody's; only the runner can be executed. The loader takes either."""
    bundle = tiny_bundle("host")
    archive = bundle.with_name(bundle.name + ".tar")
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        packed = {m.name: tar.extractfile(m).read() for m in members}  # type: ignore[union-attr]
    assert packed == {f"{bundle.name}/{name}": data for name, data in contents(bundle).items()}
    assert [m.name for m in members] == sorted(m.name for m in members)
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}
    assert [m.name for m in members if m.mode & 0o111] == [f"{bundle.name}/bin/biisnet-run"]
    assert os.access(bundle / "bin" / "biisnet-run", os.X_OK)
    image = scene(*SIZE)
    with load(bundle) as first, load(archive) as second:
        np.testing.assert_array_equal(first(image), second(image))


def test_the_manifest(tiny_bundle: TinyBundle, tiny: OnnxModel, manifest_of: Callable[[Path], dict[str, Any]]) -> None:
    bundle = tiny_bundle("rpi4")
    manifest = manifest_of(bundle)
    read_bundle(bundle)  # complete for the loader, sha256 of every file right
    assert set(manifest["files"]) | {"manifest.json", "SHA256SUMS"} == set(contents(bundle))
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=bundle, check=True)
    shape = [1, 1, *SIZE]
    assert manifest["inputs"] == [{"name": "image", "dtype": "float32", "shape": shape, "meaning": "image"}]
    output = {"name": "probability", "dtype": "float32", "shape": shape, "meaning": "probability"}
    assert (manifest["outputs"], manifest["task"]) == ([output], "detection")
    assert manifest["model"] == {"name": "custom", "sha256": tiny.sha256, "weights": "random", "seed": 0}
    assert manifest["target"] == {
        "name": "rpi4",
        "triple": "aarch64-linux-gnu",
        "cpu": "cortex-a72",
        "arch": "aarch64",
        "features": ["asimd"],
        "llvm_features": ["+slow-paired-128"],
    }
    assert target_of(manifest).llvm == resolve("rpi4").llvm  # `biisnet report` compiles it anew
    assert (manifest["schema"], manifest["abi"], manifest["glibc"], manifest["threshold"]) == (3, 3, "2.28", 0.5)
    assert [s["name"] for s in manifest["stages"]][-1] == "probability"
    assert manifest["arena_bytes"] > 0
    assert "grey levels" in manifest["preprocessing"]
    assert {"biisnet", "apache-tvm", "onnx", "ziglang"} <= set(manifest["tools"])
    assert {"verification", "plan_sha256"} <= set(manifest)
    assert set(manifest["kernels"]) == {s["kernel"] for s in manifest["stages"]}
    assert all(
        set(k["schedule"]) == {"channels", "counted", "unrolled", "vectors", "outer", "band", "within", "pixels"}
        for k in manifest["kernels"].values()
    )
    assert {k["record"] for k in manifest["kernels"].values()} == {None}  # no record is of a kernel so small
    # the model that it carries is the one it was made from
    assert hashlib.sha256((bundle / "model.onnx").read_bytes()).hexdigest() == tiny.sha256


@pytest.mark.parametrize("target", ["host", "rpi4"])
def test_the_golden_output(
    target: str, tiny_bundle: TinyBundle, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """What a user runs on the board to see that it works: the runner on the golden input."""
    prefix: list[str] = []
    if target != "host":
        request.getfixturevalue("emulated")
        from biisnet.targets.emulator import command

        prefix = command(resolve(target)) or []
    bundle = tiny_bundle(target)
    arguments: list[str | Path] = [
        "--raw",
        "24x20",
        "--probability",
        tmp_path / "out.f32",
        bundle / "golden" / "image.f32",
    ]
    subprocess.run([*prefix, bundle / "bin" / "biisnet-run", *arguments], check=True, capture_output=True)
    found, golden = (np.fromfile(p, np.float32) for p in (tmp_path / "out.f32", bundle / "golden" / "probability.f32"))
    np.testing.assert_allclose(found, golden, atol=1e-5)


# ---- whole or not at all ----

STEPS = ["import_onnx", "cut_stages", "prepare", "generate", "link_runner", "check_bundle", "link_library"]
SLOW = ["prepare", "generate", "write_objects", "link_runner", "check_bundle", "link_library", "link_archive"]


@pytest.fixture
def old(tiny_bundle: TinyBundle, tmp_path: Path) -> Path:
    """An output where a bundle is already: a marked copy."""
    import shutil

    output = Path(shutil.copytree(tiny_bundle("host"), tmp_path / "bundle"))
    (output / "mark").write_text("old")
    (tmp_path / "bundle.tar").write_text("old")
    return output


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, VerificationError])
@pytest.mark.parametrize("step", STEPS)
def test_an_error_leaves_the_old_bundle(
    step: str, error: type[BaseException], old: Path, tiny: OnnxModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error("in the middle")

    fail.__name__ = step
    before = contents(old.parent)
    monkeypatch.setattr(pipeline, step, fail)
    for other in SLOW:
        if other != step:
            monkeypatch.setattr(pipeline, other, lambda *_: None)
    with pytest.raises(error, match="in the middle"):
        compile_model(tiny, SIZE, resolve("host"), old, say=lambda _: None)
    assert contents(old.parent) == before  # no staging folder either


def test_an_error_at_the_last_move(old: Path, tiny: OnnxModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old bundle was to change places with the new one, and could not: it is where it was."""
    before = contents(old.parent)

    def fail(_: Path, other: Path) -> None:
        raise OSError(28, "No space left on device", str(other))

    monkeypatch.setattr(bundle_module, "swap", fail)
    with pytest.raises(CompileError, match=r"bundle: cannot be written: No space left on device"):
        build(tiny, old)
    assert contents(old.parent) == before


def test_folders_made_for_nothing_go_again(tiny: OnnxModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(pipeline, "cut_stages", fail)
    fail.__name__ = "cut_stages"
    with pytest.raises(RuntimeError):
        build(tiny, tmp_path / "a" / "b" / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_new_bundle_replaces_the_old_one_whole(old: Path, tiny: OnnxModel) -> None:
    build(tiny, old)
    assert not (old / "mark").exists()
    read_bundle(old)
    assert sorted(p.name for p in old.parent.iterdir()) == ["bundle", "bundle.tar"]


@pytest.mark.parametrize("step", ["generate", "link_runner", "check_bundle"])
def test_a_killed_compilation_leaves_the_old_bundle(step: str, old: Path, tiny_onnx: Path) -> None:
    """kill -9 gives nobody a chance to clean up: a hidden folder may stay, the bundle must."""
    before = contents(old.parent)
    program = f"""
import os
from biisnet.compile import pipeline
from biisnet.tools.cli import compile_main
pipeline.{step} = lambda *_: os.kill(os.getpid(), {int(signal.SIGKILL)})
compile_main()
"""
    arguments = [str(tiny_onnx), "--target", "host", "--size", "24x20", "-o", str(old)]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    after = contents(old.parent)
    assert {name: data for name, data in after.items() if not name.startswith(".")} == before
    assert len({name.split("/")[0] for name in after if name.startswith(".")}) <= 1
    json.loads((old / "manifest.json").read_text())


def test_what_killed_compilations_left_goes(tmp_path: Path) -> None:
    """The next one of that name removes it, but nothing of today's and nobody else's."""
    before = time.time() - 25 * 3600
    names = (".b.abcd1234", ".b.efgh5678", ".b.other123", ".c.abcd1234", ".b.long.abcd1234")
    for name in names:
        (tmp_path / name / ("build" if "other" not in name else "notes")).mkdir(parents=True)
    for name in names:
        if "efgh" not in name:
            os.utime(tmp_path / name, (before, before))
    with bundle_module.BundleWriter(tmp_path / "b"):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names[1:])
