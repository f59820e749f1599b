# SPDX-License-Identifier: Apache-2.0
"""A model of bytes and logits: the loader, biisnet-run and --probe give the same of every frame, byte for byte."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biisnet.runtime import BundleError, Vote, Voter, load, sources
from biisnet.runtime.answers import Answer
from biisnet.runtime.detections import Detection, detector
from biisnet.runtime.levels import GreyLevelsWarning, Samples, as_levels, grey_levels, whole_levels
from biisnet.runtime.platt import UNSCALED, Platt
from biisnet.runtime.probe import Probe
from biisnet.runtime.resize import resize_bilinear, resize_values
from biisnet.runtime.tiles import tiled

from .cbuild import (
    ARM_STATIC,
    EMULATOR,
    HEIGHT,
    HOST_CC,
    INTEGER_PLAN,
    INTEGER_SCALE,
    INTEGER_SHA256,
    INTEGER_STAGES,
    NO_EMULATOR,
    NO_EMULATOR_REASON,
    SANITIZED,
    WIDTH,
    ZIG,
    compile_c,
    integer_reference,
    refused,
    run,
)

MakeBundle = Callable[..., Path]
Bytes = np.ndarray[Any, np.dtype[np.uint8]]
SIZES = [(HEIGHT, WIDTH), (1, 1), (30, 21), (5, 40)]


def picture(height: int = HEIGHT, width: int = WIDTH) -> Bytes:
    return np.random.default_rng(height * width).integers(0, 256, (height, width), dtype=np.uint8)


def expected(image: Bytes) -> np.ndarray[Any, np.dtype[np.int16]]:
    """What it makes of a frame of any size."""
    frame = whole_levels(resize_bilinear(image.astype(np.float32), HEIGHT, WIDTH))
    logits = resize_values(integer_reference(frame), *image.shape)
    assert logits.dtype == np.int16
    return logits


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_a_model_of_bytes(make_integer_bundle: MakeBundle, size: tuple[int, int], threads: int) -> None:
    image = picture(*size)
    with load(make_integer_bundle(), threads) as model:
        assert [(t.dtype, t.meaning, t.scale) for t in (*model.signature.inputs, *model.signature.outputs)] == [
            ("uint8", "image", None),
            ("int16", "logit", INTEGER_SCALE),
        ]
        assert (model.threshold, model.takes_bytes) == (0.5, True)
        logits = model(image)
        assert logits.dtype == np.int16
        np.testing.assert_array_equal(logits, expected(image))
        probability = model.probability(image)
        assert probability.dtype == np.float32
        np.testing.assert_allclose(probability, 1 / (1 + np.exp(-INTEGER_SCALE * logits)), rtol=1e-6)
        np.testing.assert_array_equal(model.mask(image), logits > 0)
        np.testing.assert_array_equal(model.mask(image), probability > 0.5)
        for other in (
            image.astype(np.float32),
            image.astype(np.uint16) * 257,
            np.asfortranarray(image),
            image[:, ::-1][:, ::-1],
        ):
            np.testing.assert_array_equal(model(other), logits)
        for found in model.detect(image):
            box = probability[found.top : found.top + found.height, found.left : found.left + found.width]
            assert found.score == pytest.approx(box[box > 0.5].max()) or found.score in box


def test_a_frame_is_read_where_it_lies(make_integer_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a frame of the model's size and type is copied, or looked at in another type."""
    with load(make_integer_bundle()) as model:
        image, seen = picture(), []
        call = model._library.biisnet_run

        def spy(handle: Any, source: Any, result: Any) -> Any:
            seen.append((source.data, source.dtype, source.row_stride))
            return call(handle, source, result)

        monkeypatch.setattr(model, "_library", type("Spied", (), {"biisnet_run": staticmethod(spy)}))
        model(image)
        model(image[::-1])
        monkeypatch.undo()
    assert seen[0] == (image.ctypes.data, 1, 0)
    assert seen[1][0] != image[::-1].ctypes.data


def test_floats_must_be_whole(make_integer_bundle: MakeBundle) -> None:
    """Levels that are none of bytes are refused, with the way out, which rounds them."""
    image = picture().astype(np.float32)
    with load(make_integer_bundle()) as model:
        np.testing.assert_array_equal(model(image), expected(picture()))
        between = image.copy()
        between[2, 3] = 7.25
        place = 2 * WIDTH + 3
        for call in (model, model.mask, model.detect, model.tiled, model.probability):
            with pytest.raises(
                ValueError, match=rf"image: has levels between whole ones \(pixel {place} is 7.25\), and the"
            ):
                call(between)
        rounded = picture()
        rounded[2, 3] = 7
        np.testing.assert_array_equal(model(between, levels=(0, 255)), expected(rounded))
        np.testing.assert_array_equal(model(np.rint(between)), expected(rounded))
        with pytest.raises(ValueError, match="has samples of no known scale, from"):
            model(image + 9)
        with pytest.warns(GreyLevelsWarning, match="if 1 is white, say --levels 0:1"):
            model((image > 128).astype(np.float32))
        with pytest.raises(TypeError, match="has dtype int16"):
            model(image.astype(np.int16))


@pytest.mark.parametrize("levels", [(7000, 9000), "1%:99%", (-3, 40000)])
def test_counts_of_a_sensor_are_rounded(make_integer_bundle: MakeBundle, levels: Any) -> None:
    """By the rule of levels.py, to the nearest whole level."""
    counts = np.random.default_rng(5).integers(6900, 9100, (HEIGHT, WIDTH)).astype(np.uint16)
    grey = grey_levels(Samples.of_array(counts), as_levels(levels))
    assert (grey != np.rint(grey)).any()
    with load(make_integer_bundle()) as model:
        np.testing.assert_array_equal(model(counts, levels), integer_reference(whole_levels(grey)))


def table(output: bytes) -> list[list[str]]:
    rows = list(csv.reader(io.StringIO(output.decode())))
    assert rows[0] == ["image", *(f.name for f in fields(Detection))]
    return [row[1:] for row in rows[1:]]


@pytest.mark.filterwarnings("ignore::biisnet.runtime.GreyLevelsWarning")  # of a frame of one pixel
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["pgm", "u8", "u16le", "f32", "levels"])
def test_the_runner_equals_python(
    make_integer_bundle: MakeBundle, integer_runner: list[str], tmp_path: Path, size: tuple[int, int], kind: str
) -> None:
    """Mask, probabilities, boxes, centroids and scores: every byte."""
    image = picture(*size)
    counts: np.ndarray[Any, Any] = {
        "u16le": lambda: np.random.default_rng(6).integers(0, 65536, size).astype("<u2"),
        "f32": lambda: image.astype("<f4"),
        "levels": lambda: image.astype("<f4") * 7.3 + 6900,
    }.get(kind, lambda: image)()
    source, levels = tmp_path / "in", None
    head = b"P5 %d %d 255\n" % size[::-1] if kind == "pgm" else b""
    source.write_bytes(head + counts.tobytes())
    options = [] if kind == "pgm" else ["--raw", f"{size[0]}x{size[1]}:{'f32' if kind == 'levels' else kind}"]
    if kind == "levels":
        levels, options = (7000, 8500), [*options, "--levels", "7000:8500"]
    raw, mask, grey_map = tmp_path / "p.f32", tmp_path / "m.pgm", tmp_path / "p.pgm"
    done = run(*integer_runner, "--threads", "2", "--probability", raw, "--mask", mask, *options, source)
    assert (done.returncode, done.stdout) == (0, b"")
    assert run(*integer_runner, "--probability", grey_map, *options, source).returncode == 0
    boxes = table(run(*integer_runner, "--targets", *options, source).stdout)
    count = run(*integer_runner, *options, source).stdout.decode()
    with load(make_integer_bundle()) as model:
        probability, wanted = model.probability(counts, levels), model.mask(counts, levels)
        assert raw.read_bytes() == probability.tobytes()
        pixels = mask.read_bytes().split(b"255\n", 1)[1]
        assert pixels == np.where(wanted, 255, 0).astype(np.uint8).tobytes()
        np.testing.assert_array_equal(
            np.frombuffer(grey_map.read_bytes().split(b"255\n", 1)[1], np.uint8),
            (probability * np.float32(255) + np.float32(0.5)).astype(np.uint8).ravel(),
        )
        assert boxes == [[f"{v:.9g}" for v in astuple(d)] for d in model.detect(counts, levels)]
        assert count.endswith(f"in: {wanted.sum()} of {wanted.size} pixels are target\n")


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (40, 31), (12, 31), (3, 2)])
def test_tiles(
    make_integer_bundle: MakeBundle, integer_runner: list[str], tmp_path: Path, size: tuple[int, int]
) -> None:
    image = picture(*size)
    wanted = tiled(integer_reference, image, (HEIGHT, WIDTH), 1, 1)
    assert wanted.dtype == np.int16
    with load(make_integer_bundle()) as model:
        np.testing.assert_array_equal(model.tiled(image), wanted)
        answer = Answer(model.signature.outputs[0])
    (tmp_path / "in").write_bytes(image.tobytes())
    options = ["--raw", f"{size[0]}x{size[1]}:u8", "--tile", "--probability", tmp_path / "p.f32"]
    assert run(*integer_runner, *options, tmp_path / "in").returncode == 0
    assert (tmp_path / "p.f32").read_bytes() == answer.probability(wanted).tobytes()
    whole = np.pad(image, 1, mode="edge")  # as one large model has it
    if size >= (HEIGHT, WIDTH):
        np.testing.assert_array_equal(wanted, integer_reference(whole)[1:-1, 1:-1])


@pytest.mark.parametrize("threshold", [0.01, 0.3, 0.9])
def test_other_thresholds(make_integer_bundle: MakeBundle, tmp_path: Path, threshold: float, build: Path) -> None:
    """A whole number in the library, which the manifest's probability must be."""
    image, scale = picture(30, 21), 0.0123
    cut = int(Answer(_logit(scale)).threshold(threshold))
    assert cut != 0
    flags = (f"-DPLAN_THRESHOLD={cut}", f"-DPLAN_SCALE={scale!r}")
    shared = ("-fPIC", *sources.SHARED_LDFLAGS)
    library = compile_c(tmp_path / "m.so", (*sources.LIBRARY_SOURCES, INTEGER_PLAN), *flags, *shared)
    files = (*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES, INTEGER_PLAN)
    runner = compile_c(tmp_path / "run", files, *flags)

    def edit(manifest: dict[str, Any], at: float = threshold) -> None:
        manifest.update(threshold=at)
        manifest["outputs"][0].update(scale=scale)

    (tmp_path / "in").write_bytes(image.tobytes())
    options = ["--raw", "30x21:u8", "--mask", tmp_path / "m.pgm", tmp_path / "in"]
    assert run(runner, *options).returncode == 0
    with load(make_integer_bundle(edit, library)) as model:
        wanted = model.probability(image) > np.float32(threshold)
        assert 0 < wanted.sum() < wanted.size
        np.testing.assert_array_equal(model.mask(image), wanted)
        np.testing.assert_array_equal(model(image) > cut, wanted)
        assert sum(d.pixels for d in model.detect(image)) == wanted.sum()
        assert (tmp_path / "m.pgm").read_bytes().endswith(np.where(wanted, 255, 0).astype(np.uint8).tobytes())
    with pytest.raises(BundleError, match=r"not the manifest's \(signature\)"):
        load(make_integer_bundle(lambda m: edit(m, threshold / 2), library))


@pytest.mark.parametrize("where", ["host", "emulated"])
@pytest.mark.parametrize("scale", [0.00390625, 0.123])
def test_scores(make_integer_bundle: MakeBundle, tmp_path: Path, where: str, scale: float) -> None:
    """What the library is told makes scores, here and on the emulated device to the last digit, of a probability of 1
    too; which targets there are, their other numbers, masks and votes are those without it."""
    if where == "emulated" and NO_EMULATOR:
        pytest.skip(NO_EMULATOR_REASON)
    scores, size = Platt(0.390074, -4.24653), f"{HEIGHT}x{WIDTH}:u8"
    flags, shared = (f"-DPLAN_SCALE={scale!r}",), ("-fPIC", *sources.SHARED_LDFLAGS)
    scaled = (*flags, f"-DPLAN_SLOPE={scores.slope!r}", f"-DPLAN_OFFSET={scores.offset!r}")
    library = compile_c(tmp_path / "m.so", (*sources.LIBRARY_SOURCES, INTEGER_PLAN), *scaled, *shared)
    files = (*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES, INTEGER_PLAN)
    extra, compiler, prefix = (ARM_STATIC, ZIG, EMULATOR) if where == "emulated" else (SANITIZED, HOST_CC, ())
    plain, runner = (
        [*prefix, compile_c(tmp_path / name, files, *of, *extra, compiler=compiler)]
        for name, of in (("plain", flags), ("run", scaled))
    )

    def edit(manifest: dict[str, Any], scores: Platt = scores) -> None:
        manifest["outputs"][0].update(scale=scale)
        manifest.update(scores=asdict(scores))

    frames = [picture(HEIGHT, WIDTH), picture(HEIGHT, WIDTH), picture(HEIGHT, WIDTH)[::-1]]
    (tmp_path / "in").write_bytes(frames[0].tobytes())
    (folder := tmp_path / "stream").mkdir()
    for n, frame in enumerate(frames):
        head = f"P5\n{WIDTH} {HEIGHT}\n255\n".encode()
        (folder / f"{n}.pgm").write_bytes(head + np.ascontiguousarray(frame).tobytes())

    def table(program: list[Any], *options: str) -> list[list[str]]:
        done = run(*program, "--targets", *options)
        assert (done.returncode, done.stderr) == (0, b"")
        return [line.split(",") for line in done.stdout.decode().splitlines()[1:]]

    with load(make_integer_bundle(edit, library)) as model:
        assert model.signature.scores == scores
        found = model.detect(frames[0])
        assert found
        probability = model.probability(frames[0])
        if scale > 0.1:
            assert probability.max() == 1
        rows = table(runner, "--raw", size, str(tmp_path / "in"))
        assert [row[7] for row in rows] == [f"{d.score:.9g}" for d in found]
        without = table(plain, "--raw", size, str(tmp_path / "in"))
        assert [row[:7] + row[8:] for row in rows] == [row[:7] + row[8:] for row in without]
        assert [np.float32(row[7]) for row in rows] == [scores.score(np.float32(row[7])) for row in without]
        voter = Voter(Vote(2, 2))
        seen = [(found, voter.see(found)) for found in map(model.detect, frames)]
        kept = [d for found, votes in seen for d, is_kept in zip(found, votes, strict=True) if is_kept]
        assert kept
        assert [row[7] for row in table(runner, "--vote", "2/2", str(folder))] == [f"{d.score:.9g}" for d in kept]
    for program, wanted in ((runner, scores), (plain, UNSCALED)):
        (tmp_path / "m.pgm").unlink(missing_ok=True)
        assert run(*program, "--raw", size, "--mask", tmp_path / "m.pgm", tmp_path / "in").returncode == 0
        assert (
            (tmp_path / "m.pgm").read_bytes().endswith(np.where(probability > 0.5, 255, 0).astype(np.uint8).tobytes())
        )
        assert json.loads(run(*program, "--info").stdout)["scores"] == asdict(wanted)
    with pytest.raises(BundleError, match=r"not the manifest's \(scores\)"):
        load(make_integer_bundle(lambda m: edit(m, UNSCALED), library))


@pytest.mark.parametrize("threshold", ["0", "1e-9", "0.3", "0.5", "0.50097655", "0.7", "0.999999702", "1"])
def test_thresholds_that_are_said(
    make_integer_bundle: MakeBundle, integer_runner: list[str], tmp_path: Path, threshold: str
) -> None:
    """A probability in place of the model's own, one that a logit has (0.50097655 is of 1) included."""
    image = picture()
    (tmp_path / "in").write_bytes(image.tobytes())
    options = ["--raw", f"{HEIGHT}x{WIDTH}:u8", "--threshold", threshold, "--mask", tmp_path / "m.pgm", tmp_path / "in"]
    done = run(*integer_runner, *options)
    assert (done.returncode, done.stderr) == (0, b"")
    with load(make_integer_bundle()) as model:
        wanted = model.probability(image) > np.float32(threshold)
        if threshold in ("0.3", "0.5", "0.7"):
            assert 0 < wanted.sum() < wanted.size
        finds = detector(model.signature, "a test", float(threshold))
        np.testing.assert_array_equal(finds.mask(model(image)), wanted)
    assert (tmp_path / "m.pgm").read_bytes().endswith(np.where(wanted, 255, 0).astype(np.uint8).tobytes())


def _logit(scale: float) -> Any:
    from biisnet.runtime.signature import Tensor

    return Tensor("logit", "int16", (1, 1, HEIGHT, WIDTH), "logit", scale)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda m: m["outputs"][0].update(scale=0.1), r"not the manifest's \(signature\)"),
        (lambda m: m["outputs"][0].pop("scale"), "field outputs is missing or mistyped"),
        (lambda m: m["outputs"][0].update(scale="0.1"), "field outputs is missing or mistyped"),
        (lambda m: m["outputs"][0].update(scale=0), "field outputs is missing or mistyped"),
        (lambda m: m["outputs"][0].update(scale=float("nan")), "field outputs is missing or mistyped"),
        (lambda m: m["outputs"][0].update(scale=1e9), "field outputs is missing or mistyped"),
        (lambda m: m["outputs"][0].update(scale=True), "field outputs is missing or mistyped"),
        (lambda m: m["outputs"][0].update(dtype="float32"), "field outputs is missing or mistyped"),
        (lambda m: m["outputs"][0].update(dtype="uint16"), r"not the manifest's \(signature\)"),
        (lambda m: m["outputs"][0].update(meaning="probability"), r"not the manifest's \(signature\)"),
        (lambda m: (m["outputs"][0].update(meaning="map"), m["outputs"][0].pop("scale")), "but the output is a map"),
        (lambda m: m["inputs"][0].update(dtype="float32"), r"not the manifest's \(signature\)"),
        (lambda m: m["inputs"][0].update(dtype="int16"), "field inputs is missing or mistyped"),
        (lambda m: m["inputs"][0].update(scale=1.0), "field inputs is missing or mistyped"),
    ],
)
def test_a_manifest_that_is_not_so(make_integer_bundle: MakeBundle, edit: Any, message: str) -> None:
    with pytest.raises(BundleError, match=message) as caught:
        load(make_integer_bundle(edit))
    assert ";" in str(caught.value)


def test_it_says_what_it_is(integer_runner: list[str], tmp_path: Path) -> None:
    info = json.loads(run(*integer_runner, "--info").stdout)
    (source,), (result,) = info["inputs"], info["outputs"]
    assert (source["dtype"], source["meaning"]) == ("uint8", "image")
    assert (result["dtype"], result["meaning"], result["scale"]) == ("int16", "logit", INTEGER_SCALE)
    assert (info["threshold"], info["sha256"]) == (0, INTEGER_SHA256)
    assert [stage["name"] for stage in info["stages"]] == INTEGER_STAGES
    (tmp_path / "in").write_bytes(picture().tobytes())
    frame = ["--raw", f"{HEIGHT}x{WIDTH}:u8", tmp_path / "in"]
    assert json.loads(run(*integer_runner, "--bench", "3", *frame).stdout)["runs"] == 3
    assert len(json.loads(run(*integer_runner, "--stages", "2", *frame).stdout)["stages"]) == len(INTEGER_STAGES)


def test_probing(integer_runner: list[str]) -> None:
    """Whole and stage by stage; numbers that are no bytes are refused, not cut."""
    image = picture()[None, None]
    wanted = integer_reference(image[0, 0])
    with Probe(integer_runner, 2) as probe:
        (found,) = probe.run(image)
        assert found.dtype == np.int16
        np.testing.assert_array_equal(found[0, 0], wanted)
        np.testing.assert_array_equal(probe.run(image.astype(np.float32))[0], found)
        probe.write(probe.info["inputs"][0]["offset"], image)
        for stage in range(len(INTEGER_STAGES)):
            probe.run_stage(stage)
        stepped = probe.read_array(probe.info["outputs"][0]["offset"], np.int16, (HEIGHT, WIDTH))
        np.testing.assert_array_equal(stepped, wanted)
        for wrong in (image + np.float32(0.5), image.astype(np.float32) + 256, -image.astype(np.int32), image * np.nan):
            with pytest.raises(ValueError, match="whole numbers from 0 to 255; the model takes uint8"):
                probe.run(wrong)


@pytest.mark.parametrize("value", [7.25, 0.5, 254.99])
def test_the_runner_wants_whole_floats(integer_runner: list[str], tmp_path: Path, value: float) -> None:
    image = picture().astype(np.float32)
    image[1, 2] = value
    image.tofile(tmp_path / "in")
    frame = ["--raw", f"{HEIGHT}x{WIDTH}", tmp_path / "in"]
    done = run(*integer_runner, "--mask", tmp_path / "m.pgm", *frame)
    said = refused(done)
    assert f"has levels between whole ones (pixel {WIDTH + 2} is {value:g}), and the model takes bytes" in said
    assert said.endswith("--levels 0:255")
    assert not (tmp_path / "m.pgm").exists()
    assert run(*integer_runner, "--levels", "0:255", "--mask", tmp_path / "m.pgm", *frame).returncode == 0
    rounded = whole_levels(image)
    assert (
        (tmp_path / "m.pgm")
        .read_bytes()
        .endswith(np.where(integer_reference(rounded) > 0, 255, 0).astype(np.uint8).tobytes())
    )


def test_a_stream_of_bytes(integer_runner: list[str]) -> None:
    images = [np.random.default_rng(n).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8) for n in range(4)]
    command = [*integer_runner, "--raw", f"{HEIGHT}x{WIDTH}:u8", "-"]
    done = subprocess.run(command, input=b"".join(i.tobytes() for i in images), capture_output=True)
    counts = [f"frame-{n:06}: {(integer_reference(i) > 0).sum()} of" for n, i in enumerate(images, 1)]
    lines = done.stdout.decode().splitlines()
    assert [line.split(" of")[0] + " of" for line in lines] == counts
