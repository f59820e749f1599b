# SPDX-License-Identifier: Apache-2.0
"""A bundle that takes bytes and gives logits: what people call on it, here and on the emulated device."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from biisnet.compile.errors import CompileError, VerificationError
from biisnet.compile.verification.scene import scene
from biisnet.runtime import load, sources
from biisnet.runtime.answers import Answer
from biisnet.runtime.bundle import RUNNER, read_bundle
from biisnet.runtime.golden import image_name, result_names
from biisnet.runtime.levels import Levels
from biisnet.tools import bench, evaluate
from biisnet.tools.golden import check_golden, compare_probabilities
from biisnet.tools.raw_frames import Raw
from biisnet.tools.run import Wanted, run_frames

from ..runtime.cbuild import (
    ARM_SHARED,
    ARM_STATIC,
    EMULATOR,
    HEIGHT,
    HOST_CC,
    INTEGER_PLAN,
    NO_EMULATOR,
    NO_EMULATOR_REASON,
    WIDTH,
    ZIG,
    compile_c,
    integer_reference,
    of_integers,
    write_bundle,
)

SHARED = ("-fPIC", *sources.SHARED_LDFLAGS)
GOLDEN = scene(HEIGHT, WIDTH, 3)


def quiet(_: str) -> None: ...


def build(root: Path, compiler: tuple[str, ...], flags: tuple[str, ...], static: tuple[str, ...], edit: Any) -> Path:
    """A bundle with library, runner and golden files."""
    files = (*sources.LIBRARY_SOURCES, INTEGER_PLAN)
    library = compile_c(root / "m.so", files, *flags, *SHARED, compiler=compiler)
    runner = compile_c(root / "run", (*files, *sources.RUNNER_SOURCES), *static, compiler=compiler)
    bundle = write_bundle(root / "bundle", library, edit, runner)
    signature = read_bundle(bundle).signature
    (bundle / "golden").mkdir()
    (bundle / image_name(signature)).write_bytes(GOLDEN.tobytes())
    (bundle / result_names(signature)[0]).write_bytes(integer_reference(GOLDEN).tobytes())
    return bundle


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("host"), HOST_CC, (), (), of_integers)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if NO_EMULATOR:
        pytest.skip(NO_EMULATOR_REASON)

    def edit(manifest: dict[str, Any]) -> None:
        of_integers(manifest)
        manifest["target"].update(name="rpi4", arch="aarch64", cpu="cortex-a72", features=["asimd"])

    return build(tmp_path_factory.mktemp("board"), ZIG, ARM_SHARED, ARM_STATIC, edit)


@pytest.fixture(params=["here", "board"])
def bundle(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


def runner_of(bundle: Path) -> list[str]:
    arm = "rpi4" in (bundle / "manifest.json").read_text()
    return [*(EMULATOR if arm else ()), str(bundle / RUNNER)]


@pytest.mark.parametrize("tile", [False, True])
@pytest.mark.parametrize("kind", ["pgm", "deep", "u8", "levels"])
def test_run_is_the_runners(bundle: Path, tmp_path: Path, kind: str, tile: bool) -> None:
    """Table, mask and probabilities, byte for byte, of frames of another size than the bundle's."""
    grey = np.random.default_rng(0).integers(0, 256, (30, 21), dtype=np.uint8)
    counts = np.random.default_rng(1).integers(0, 9300, (30, 21)).astype("<u2")
    source = tmp_path / {"pgm": "in.pgm", "deep": "in.png"}.get(kind, "in.raw")
    if kind == "pgm":
        source.write_bytes(b"P5 21 30 255\n" + grey.tobytes())
    elif kind == "deep":
        Image.fromarray(counts * 7).save(source)
    else:
        source.write_bytes(grey.tobytes() if kind == "u8" else counts.tobytes())
    text = {"u8": "30x21:u8", "levels": "30x21:u16le"}.get(kind)
    levels = Levels.parse("6500:8000") if kind == "levels" else None
    wanted = Wanted(tmp_path / "out", probability=True)
    raw = Raw.parse(text) if text else None
    (result,) = run_frames(bundle, [str(source)], 2, wanted, quiet, tile=tile, levels=levels, raw=raw)
    options = [*(["--raw", text] if text else []), *(["--levels", str(levels)] if levels else [])]
    options += ["--tile"] if tile else []
    program = [*runner_of(bundle), *options]
    table = subprocess.run([*program, "--targets", source], capture_output=True, check=True).stdout
    assert (tmp_path / "out" / "targets.csv").read_bytes() == table
    files = ["--mask", tmp_path / "m.pgm", "--probability", tmp_path / "p.f32"]
    subprocess.run([*program, *files, source], check=True)
    probability = np.load(tmp_path / "out" / "in.probability.npy")
    assert probability.tobytes() == (tmp_path / "p.f32").read_bytes()
    mask = np.asarray(Image.open(tmp_path / "out" / "in.mask.png"))
    np.testing.assert_array_equal(mask, np.asarray(Image.open(tmp_path / "m.pgm")))
    assert 0 < result.target_pixels < mask.size


def test_floats_between_levels(here: Path, tmp_path: Path) -> None:
    """Refused by name, with the way out."""
    frame = np.full((HEIGHT, WIDTH), 17.5, np.float32)
    frame[::2] = 100
    frame.tofile(tmp_path / "in.raw")
    source, raw = str(tmp_path / "in.raw"), Raw.parse(f"{HEIGHT}x{WIDTH}")
    with pytest.raises(CompileError, match=r"in\.raw: has levels between whole .*pixel 9 is 17\.5.*--levels 0:255"):
        list(run_frames(here, [source], 1, Wanted(None), quiet, raw=raw))
    (result,) = run_frames(here, [source], 1, Wanted(None), quiet, raw=raw, levels=Levels.parse("0:255"))
    assert result.target_pixels == (integer_reference(np.rint(frame).astype(np.uint8)) > 0).sum()


def test_eval_asks_for_probabilities(bundle: Path) -> None:
    emulate = "rpi4" in (bundle / "manifest.json").read_text()
    with evaluate.open_predictor(str(bundle), None, emulate=emulate, threads=1, say=quiet) as predictor:
        found = predictor.predict(GOLDEN.astype(np.float32))
    answer = Answer(read_bundle(bundle).signature.outputs[0])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, answer.probability(integer_reference(GOLDEN)))


def test_golden_files(bundle: Path, tmp_path: Path) -> None:
    """One logit that differs is seen, in either form of the result."""
    check = check_golden(bundle, 1)
    assert (check.mask_pixels, check.mask_pixels_differing, check.probability_error) == (HEIGHT * WIDTH, 0, 0)
    program = [*runner_of(bundle), "--raw", f"{HEIGHT}x{WIDTH}:u8", "--probability", tmp_path / "p.f32"]
    opened = read_bundle(bundle)
    subprocess.run([*program, bundle / image_name(opened.signature)], check=True)
    found = (tmp_path / "p.f32").read_bytes()
    assert compare_probabilities(opened, found).error == 0
    path = bundle / result_names(opened.signature)[0]
    good = path.read_bytes()
    wrong = np.frombuffer(good, "<i2").copy()
    wrong[5] += 1
    path.write_bytes(wrong.tobytes())
    try:
        with pytest.raises(VerificationError, match="1 of 117 values, and none may"):
            check_golden(bundle, 1)
        with pytest.raises(VerificationError, match="1 of 117 values, and none may"):
            compare_probabilities(opened, found)
    finally:
        path.write_bytes(good)
    with pytest.raises(VerificationError, match="gave 464 bytes instead of 468"):
        compare_probabilities(opened, found[:-4])


def test_bench(here: Path) -> None:
    timed = bench.bench_bundle(here, False, bench.BenchOptions((1,), 2, 1), quiet)
    assert [t.runs for t in timed.timings] == [2]
    assert [s.name for s in timed.stages] == ["sums", "around", "edges"]


def test_the_loader_has_the_golden_result(here: Path) -> None:
    with load(here) as model:
        np.testing.assert_array_equal(model(GOLDEN), integer_reference(GOLDEN))
