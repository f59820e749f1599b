# SPDX-License-Identifier: Apache-2.0
"""biisnet-run: an image in, mask and probability map out, here and on the emulated device."""

import csv
import json
import os
import re
import subprocess
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from biisnet.runtime import sources
from biisnet.runtime.classes import best_classes
from biisnet.runtime.detections import Detection, detect
from biisnet.runtime.resize import resize_bilinear
from biisnet.runtime.tiles import tiled

from .cbuild import (
    EMULATOR,
    HEIGHT,
    NO_EMULATOR,
    NO_EMULATOR_REASON,
    PLAN,
    RADIUS,
    SANITIZED,
    SHA256,
    STAGES,
    STRIDE,
    WIDTH,
    Floats,
    compile_c,
    reference,
    refused,
    run,
)


def _image(height: int = HEIGHT, width: int = WIDTH) -> Floats:
    return np.random.default_rng(height * width).integers(0, 256, (height, width)).astype(np.float32)


def _write_pgm(path: Path, image: Floats) -> Path:
    height, width = image.shape
    head = b"P5\n# made by a test\n%d %d\n255\n" % (width, height)
    path.write_bytes(head + image.astype(np.uint8).tobytes())
    return path


def _read_pgm(path: Path) -> Floats:
    match = re.fullmatch(rb"P5\n(\d+) (\d+)\n255\n(.*)", path.read_bytes(), re.S)
    assert match
    width, height, data = match.groups()
    return np.frombuffer(data, np.uint8).reshape(int(height), int(width)).astype(np.float32)


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (1, 1), (30, 21), (5, 40)])
def test_probability_and_mask(runner: list[str], tmp_path: Path, size: tuple[int, int], threads: int) -> None:
    image = _image(*size)
    expected = resize_bilinear(reference(resize_bilinear(image, HEIGHT, WIDTH))["probability"], *size)
    source = _write_pgm(tmp_path / "in.pgm", image)
    raw, mask = tmp_path / "p.f32", tmp_path / "mask.pgm"
    done = run(*runner, "--threads", str(threads), "--probability", raw, f"--mask={mask}", source)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    probability = np.fromfile(raw, "<f4").reshape(size)
    np.testing.assert_allclose(probability, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(_read_pgm(mask), np.where(probability > 0.5, 255, 0))
    grey_map = tmp_path / "p.pgm"
    assert run(*runner, "--probability", grey_map, source).returncode == 0
    np.testing.assert_allclose(_read_pgm(grey_map), probability * 255, atol=0.501)
    assert {path.name for path in tmp_path.iterdir()} == {"in.pgm", "p.f32", "p.pgm", "mask.pgm"}


@pytest.mark.parametrize("threshold", ["0", "0.25", "0.7300000191", "1"])
def test_a_threshold_that_is_said(host_runner: Path, tmp_path: Path, threshold: str) -> None:
    image = _write_pgm(tmp_path / "in.pgm", _image())
    files = ["--probability", tmp_path / "p.f32", "--mask", tmp_path / "m.pgm"]
    assert run(host_runner, "--threshold", threshold, *files, image).returncode == 0
    wanted = np.fromfile(tmp_path / "p.f32", "<f4").reshape(HEIGHT, WIDTH) > np.float32(threshold)
    np.testing.assert_array_equal(_read_pgm(tmp_path / "m.pgm"), np.where(wanted, 255, 0))
    for wrong in ("-0.1", "1.01", "nan", "half", ""):
        said = f"--threshold {wrong}: give a probability from 0 to 1"
        assert said in refused(run(host_runner, "--threshold", wrong, image))


def test_raw_input_counts_target_pixels(runner: list[str], tmp_path: Path) -> None:
    image = _image()
    image.tofile(tmp_path / "in.raw")
    done = run(*runner, "--raw", f"{HEIGHT}x{WIDTH}", tmp_path / "in.raw")
    targets = int((reference(image)["probability"] > 0.5).sum())
    assert done.stdout.decode().endswith(f"in.raw: {targets} of {HEIGHT * WIDTH} pixels are target\n")


def test_bench_and_info_are_json(runner: list[str], tmp_path: Path) -> None:
    source = _write_pgm(tmp_path / "in.pgm", _image())
    done = run(*runner, "--bench", "5", "--threads", "2", source)
    timing = json.loads(done.stdout)
    assert (timing["runs"], timing["threads"]) == (5, 2)
    assert 0 < timing["min_ms"] <= timing["median_ms"] <= timing["p95_ms"] <= timing["p99_ms"]
    assert timing["load_ms"] > 0
    assert timing["first_ms"] > 0
    ballast = bytearray(b"x") * 200_000_000  # what started the program is not the program
    again = json.loads(run(*runner, "--bench", "1", source).stdout)
    assert 1e5 < again["peak_bytes"] < len(ballast)
    series = json.loads(run(*runner, "--bench", "7", "--times", source).stdout)
    times = sorted(series["times_ms"])
    found = [series[name] for name in ("min_ms", "median_ms", "p95_ms", "p99_ms")]
    assert found == [times[0], times[3], times[6], times[6]]
    stages = json.loads(run(*runner, "--stages", "3", "--probability", tmp_path / "after.f32", source).stdout)
    assert [s["name"] for s in stages["stages"]] == STAGES
    assert all(s["median_ms"] >= 0 for s in stages["stages"])
    np.testing.assert_allclose(
        np.fromfile(tmp_path / "after.f32", np.float32), reference(_image())["probability"].ravel(), atol=1e-6
    )
    info = json.loads(run(*runner, "--info").stdout)
    assert info["model"] == 'tiny "box"'
    assert (info["sha256"], info["task"], info["threshold"]) == (SHA256, "detection", 0.5)
    assert [info[k][0]["meaning"] for k in ("inputs", "outputs")] == ["image", "probability"]
    assert {t["dtype"] for k in ("inputs", "outputs") for t in info[k]} == {"float32"}
    assert info["inputs"][0]["shape"] == [1, 1, HEIGHT, WIDTH]
    assert [stage["name"] for stage in info["stages"]] == STAGES
    assert b"ABI 3" in run(*runner, "--version").stdout
    assert b"--roi" in run(*runner, "--help").stdout


@pytest.mark.parametrize(
    "size", [(HEIGHT, WIDTH), (HEIGHT + 1, WIDTH), (40, 31), (27, 50), (17, 10), (12, 31), (40, 8), (3, 2)]
)
def test_tiles_are_those_of_python(runner: list[str], tmp_path: Path, size: tuple[int, int]) -> None:
    image = _image(*size)
    expected = tiled(lambda tile: reference(tile)["probability"], image, (HEIGHT, WIDTH), RADIUS, STRIDE)
    image.tofile(tmp_path / "in.raw")
    raw = ("--raw", "x".join(map(str, size)), tmp_path / "in.raw")
    done = run(*runner, "--tile", "--threads", "2", "--probability", tmp_path / "p.f32", *raw)
    assert (done.returncode, done.stderr) == (0, b"")
    np.testing.assert_allclose(np.fromfile(tmp_path / "p.f32", "<f4").reshape(size), expected, rtol=0, atol=1e-6)


def test_tiles_that_cannot_be(host_runner: Path, tmp_path: Path) -> None:
    files = (*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES, PLAN)
    image = _write_pgm(tmp_path / "in.pgm", _image(40, 31))
    without = compile_c(tmp_path / "without", files, "-DFIELD_RADIUS=0", "-DFIELD_STRIDE=0")
    assert "this model cannot work in tiles" in refused(run(without, "--tile", image))
    close = compile_c(tmp_path / "close", files, "-DFIELD_RADIUS=4", "-DFIELD_STRIDE=2")
    assert (
        "tiles of 9 pixels have no inside, for results depend on 4 pixels around; compile for at least 10"
        in refused(run(close, "--tile", image))
    )
    for option in (["--bench", "2"], ["--roi"], ["--stages", "2"]):
        assert "--tile: what is measured is one run of the model" in refused(run(host_runner, "--tile", *option, image))


def test_a_model_that_finds_no_targets(tmp_path: Path) -> None:
    """It can be described and timed; what asks for targets is refused, and says what the model is for."""
    files, image = (*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES, PLAN), _write_pgm(tmp_path / "in.pgm", _image())
    task = ("-DPLAN_TASK=BIISNET_TASK_CLASSIFICATION", "-DPLAN_THRESHOLD=0")
    runner = compile_c(tmp_path / "other", files, *task, *SANITIZED)
    assert json.loads(run(runner, "--info").stdout)["task"] == "classification"
    assert json.loads(run(runner, "--bench", "3", image).stdout)["runs"] == 3
    assert len(json.loads(run(runner, "--stages", "1", image).stdout)["stages"]) == len(STAGES)
    options: list[tuple[str | Path, ...]] = [
        ("--mask", tmp_path / "m.pgm"), ("--targets",), ("--probability", tmp_path / "p.f32"), ("--tile",),
        ("--vote", "3/5"), ("--threshold", "0"),
    ]  # fmt: skip
    for asked in options:
        assert "the model is for classification, and finds no targets" in refused(run(runner, *asked, image))
    assert sorted(os.listdir(tmp_path)) == ["in.pgm", "other"]


def _of_task(folder: Path, task: str, edit: tuple[str, str] = ("", "")) -> Path:
    """The small plan as a model for another task."""
    plan = folder / "plan.c"
    assert edit[0] in PLAN.read_text()
    plan.write_text(PLAN.read_text().replace(*edit))
    files = (*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES, plan)
    of = (f"-DPLAN_TASK=BIISNET_TASK_{task.upper()}", "-DPLAN_THRESHOLD=0")
    return compile_c(folder / task, files, *of, *SANITIZED)


def test_classes(tmp_path: Path) -> None:
    """The table is that of the Python interface; what is no list of labels is refused, whatever bytes it has."""
    runner, image = _of_task(tmp_path, "classification"), _image()
    source, labels = _write_pgm(tmp_path / "in,1.pgm", image), tmp_path / "labels.txt"
    names = [f'class "{n}", or so' for n in range(HEIGHT * WIDTH)]
    scores = reference(image)["probability"].reshape(-1)
    for text, count in (("\n".join(names), 7), ("\r\n".join(names) + "\r\n", HEIGHT * WIDTH)):
        labels.write_text(text, newline="")
        done = run(runner, "--labels", labels, f"--top={count}", source)
        assert (done.returncode, done.stderr) == (0, b"")
        rows = list(csv.reader(done.stdout.decode().splitlines()))
        assert rows[0] == ["image", "rank", "class", "label", "score"]
        best = best_classes(scores, count, names)
        assert [(r[0], int(r[1]), int(r[2]), r[3]) for r in rows[1:]] == [
            (str(source), k, c.index, c.label) for k, c in enumerate(best, 1)
        ]
        np.testing.assert_allclose([float(r[4]) for r in rows[1:]], [c.score for c in best], atol=1e-6)
    assert run(runner, source).stdout.count(b"\n") == 1 + 5
    count = HEIGHT * WIDTH
    for content, message in (
        (b"", f"has 0 lines, the model has {count} classes"),
        (b"\n" * (count + 1), f"has {count + 1} lines"),
        (b"\0" * count, "is no text"),
    ):
        labels.write_bytes(content)
        assert message in refused(run(runner, "--labels", labels, source))
    assert f"--top {count + 1}: the model has {count} classes" in refused(run(runner, "--top", str(count + 1), source))
    assert "no/labels.txt: cannot be opened" in refused(run(runner, "--labels", "no/labels.txt", source))


def test_values_of_a_map(tmp_path: Path) -> None:
    """Fails where a frame of another size gets another map than one resized as it was, or a picture other levels."""
    runner = _of_task(tmp_path, "map")
    for size in ((HEIGHT, WIDTH), (30, 21), (1, 1)):
        image = _image(*size)
        source = _write_pgm(tmp_path / "in.pgm", image)
        expected = resize_bilinear(reference(resize_bilinear(image, HEIGHT, WIDTH))["probability"], *size)
        assert run(runner, "--values", tmp_path / "v.f32", source).returncode == 0
        found = np.fromfile(tmp_path / "v.f32", "<f4").reshape(size)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert run(runner, "--values", tmp_path / "v.pgm", "--range", "0.25:0.75", source).returncode == 0
        levels = np.rint(np.clip((found.astype(np.float64) - 0.25) * 255 / 0.5, 0, 255))
        np.testing.assert_array_equal(_read_pgm(tmp_path / "v.pgm"), levels)
        assert run(runner, source).stdout.decode().endswith(f"1 x {size[0]} x {size[1]} values\n")
    for arguments, message in (
        (("--values", "v.ppm"), "v.ppm: the output has 1 channels; name it .f32 or .pgm"),
        (("--values", "v.png"), "v.png: unknown form of values; name it .f32, .pgm or .ppm"),
        (("--values", source), "in.pgm: is the image itself"),
        (("--range", "0:1"), "--range goes with --values"),
        (("--values", "v.pgm", "--range", "1:0"), "--range 1:0: give which values are black and white"),
        (("--values", "v.pgm", "--range", "nan:1"), "--range nan:1: give which values are black and white"),
        (("--labels", source), "the model is for map, and --top and --labels are for classification"),
    ):
        assert message in refused(run(runner, *arguments, source))


def test_pixels_of_three_channels(tmp_path: Path) -> None:
    """Fails where raw pixels or an image's colours reach the model in another order; where a grey image is not the same
    in all. The model's rows are the three channels, each a third of the plane."""
    rest = "}};\nstatic const bn_tensor output"
    shape = (f".shape = {{1, 1, H, W{rest}", f".shape = {{1, 3, H / 3, W{rest}")
    plan = tmp_path / "plan.c"
    plan.write_text("#undef PLAN_HEIGHT\n#define PLAN_HEIGHT 12\n" + PLAN.read_text().replace(*shape))
    assert shape[1] in plan.read_text()
    files = (*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES, plan)
    flags = ("-DPLAN_TASK=BIISNET_TASK_MAP", "-DPLAN_THRESHOLD=0", "-DFIELD_RADIUS=0", "-DFIELD_STRIDE=0")
    runner = compile_c(tmp_path / "colour", files, *flags, *SANITIZED)
    third = 12 // 3
    pixels = np.random.default_rng(5).integers(0, 256, (third, WIDTH, 3), dtype=np.uint8)

    def values(*arguments: str | Path) -> Floats:
        done = run(runner, "--values", tmp_path / "v.f32", *arguments)
        assert (done.returncode, done.stderr) == (0, b"")
        return np.fromfile(tmp_path / "v.f32", "<f4")

    def expected(image: np.ndarray) -> Floats:
        planes = image.transpose(2, 0, 1).reshape(-1, WIDTH).astype(np.float32)
        return reference(planes)["probability"].reshape(-1)

    raw = tmp_path / "in.raw"
    for kind, dtype, scale in (("u8", "u1", 1), ("u16le", "<u2", 257), ("u16be", ">u2", 257), ("f32", "<f4", 1)):
        (pixels.astype(dtype) * np.array(scale, dtype)).astype(dtype).tofile(raw)
        found = values("--raw", f"{third}x{WIDTH}:{kind}", raw)
        np.testing.assert_allclose(found, expected(pixels), atol=1e-6)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    np.testing.assert_allclose(values(tmp_path / "in.png"), expected(pixels), atol=1e-6)
    grey = np.stack([pixels[..., 0]] * 3, -1)
    for name in ("grey.png", "grey.pgm"):
        Image.fromarray(pixels[..., 0]).save(tmp_path / name)
        np.testing.assert_allclose(values(tmp_path / name), expected(grey), atol=1e-6)
    pixels.tofile(raw)
    wrong = refused(run(runner, "--raw", f"{third}x{WIDTH - 1}:u8", raw))
    assert f"in.raw: has {third * WIDTH * 3} bytes, and {third}x{WIDTH - 1} pixels of 3 samples of 1 are" in wrong


@pytest.mark.skipif(NO_EMULATOR, reason=NO_EMULATOR_REASON)
def test_roi_brackets_once(arm_runner: Path, tmp_path: Path) -> None:
    source = _write_pgm(tmp_path / "in.pgm", _image())
    done = run(EMULATOR[0], "-strace", *EMULATOR[1:], arm_runner, "--roi", source)
    assert done.returncode == 0
    calls = re.findall(rb"prctl\((0x[0-9a-f]+|-?\d+),", done.stderr)
    assert [int(call, 0) for call in calls] == [0x41373201, 0x41373202]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no image given"),
        (["a.pgm", "b.pgm"], "only one image"),
        (["--frob", "x"], "no such option"),
        (["--mask"], "needs a value"),
        (["--threads"], "--threads: needs a value"),
        (["--threads", "0", "IN"], "--threads 0: give a whole number from 1 to 64"),
        (["--threads", "two", "IN"], "whole number"),
        (["--output", "0", "IN"], "--output 0: give a whole number from 1 to 8"),
        (["--output", "2", "IN"], "--output 2: the model has 1"),
        (["--bench", "0", "IN"], "whole number"),
        (["--times", "IN"], "--times goes with --bench"),
        (["--targets", "--bench", "2", "IN"], "--targets: a measurement prints one line of JSON"),
        (["--targets", "--stages", "2", "IN"], "--targets: a measurement prints one line of JSON"),
        (["--tile=1", "IN"], "--tile: takes no value"),
        (["--mask", "IN.pgm", "IN.pgm"], "IN.pgm: is the image itself"),
        (["--probability", "IN.pgm", "IN.pgm"], "IN.pgm: is the image itself"),
        (["FIFO"], "FIFO: is not a regular file"),
        (["--raw", "7", "IN"], "--raw 7: give the height and width"),
        (["--raw", "9x99999999", "IN"], "give the height and width"),
        (["--raw", "3x3", "IN"], "3x3 samples of 4 are 36; correct --raw HxW:TYPE"),
        (["--raw", "3x3:u16", "IN"], "--raw 3x3:u16: give the height and width, and u8, u16le, u16be or f32"),
        (["--raw", "3x3:", "IN"], "give the height and width"),
        (["--raw", "1x1", "NAN"], "pixel 0 is not finite"),
        (["--raw", "1x1", "--levels", "1%:99%", "NAN"], "pixel 0 is not finite"),
        (["--levels", "IN"], "--levels"),
        (["--levels", "7:7", "IN"], "--levels 7:7: LOW must be below HIGH"),
        (["--levels", "0:101%", "IN"], "--levels 0:101%: give LOW:HIGH in the sensor's counts"),
        (["--levels", "0x1:9", "IN"], "--levels 0x1:9: give LOW:HIGH"),
        (["--levels", "0:inf", "IN"], "--levels 0:inf: give LOW:HIGH"),
        (["--levels", "7000:9000", "IN"], "has samples from 0 to 255, and --levels 7000:9000 leave none of them"),
        (["--", "--missing.png"], "--missing.png: cannot be opened"),
        (["missing.png"], "cannot be opened"),
        (["/"], "has no .png and no .pgm"),
        (["/dev/null"], "not a regular file"),
        (["TEXT"], "neither PNG nor PGM"),
        (["--mask", "mask.png", "IN"], "name it .pgm"),
        (["--probability", "p.txt", "IN"], "name it .pgm or .f32"),
        (["--probability", "m.pgm", "--mask", "m.pgm", "IN"], "give two names"),
        (["--probability", "m.pgm", "--mask", "./m.pgm", "IN"], "give two names"),
        (["--probability", "/tmp/m.pgm", "--mask", "/tmp/../tmp/m.pgm", "IN"], "give two names"),
        (["--probability", "nowhere/m.pgm", "--mask", "nowhere/m.pgm", "IN"], "give two names"),
        (["--mask", "nowhere/m.pgm", "IN"], "cannot be written"),
        (["--mask", "DIR.pgm", "IN"], "not a regular file"),
    ],
)
def test_errors_are_one_line(host_runner: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    for name in ("IN", "IN.pgm"):
        _write_pgm(tmp_path / name, _image())
    os.mkfifo(tmp_path / "FIFO")
    (tmp_path / "TEXT").write_text("hello")
    (tmp_path / "NAN").write_bytes(np.array([np.nan], np.float32).tobytes())
    (tmp_path / "DIR.pgm").mkdir()
    names = [str(tmp_path / word) if (tmp_path / word).exists() else word for word in arguments]
    assert message in refused(run(host_runner, *names))


def test_nothing_half_written_stays(host_runner: Path, tmp_path: Path) -> None:
    """The first output could be written, the second could not: neither appears."""
    source = _write_pgm(tmp_path / "in.pgm", _image())
    done = run(host_runner, "--mask", tmp_path / "m.pgm", "--probability", tmp_path / "no" / "p.f32", source)
    assert "cannot be written" in refused(done)
    assert os.listdir(tmp_path) == ["in.pgm"]


TITLES = ["image", *(f.name for f in fields(Detection))]


def _targets(output: bytes) -> list[dict[str, str]]:
    rows = list(csv.reader(output.decode().splitlines()))
    assert rows[0] == TITLES
    return [dict(zip(TITLES, row, strict=True)) for row in rows[1:]]


def _expected(name: str, image: Floats) -> list[tuple[str, Detection]]:
    low = resize_bilinear(image, HEIGHT, WIDTH)
    return [(name, d) for d in detect(resize_bilinear(reference(low)["probability"], *image.shape), 0.5)]


def _same(found: list[dict[str, str]], expected: list[tuple[str, Detection]]) -> None:
    assert len(found) == len(expected)
    for row, (name, d) in zip(found, expected, strict=True):
        assert row["image"] == name
        for title, value in asdict(d).items():
            assert float(row[title]) == pytest.approx(value, abs=1e-5), (title, row, d)


def test_targets_of_a_folder(runner: list[str], tmp_path: Path) -> None:
    """By name, whatever else lies there; a name with a comma is quoted."""
    images = {"b.pgm": _image(), "a, c.pgm": _image(30, 21), "Z.PGM": _image(9, 9)}
    (folder := tmp_path / "frames").mkdir()
    for name, image in images.items():
        _write_pgm(folder / name, image)
    (folder / "notes.txt").write_text("none")
    (folder / ".hidden.pgm").write_text("none")
    (folder / "folder.pgm").mkdir()
    (folder / "._b.pgm").write_text("what macOS leaves on other systems' disks")
    done = run(*runner, "--targets", folder)
    assert (done.returncode, done.stderr) == (0, b"")
    expected = [pair for name in sorted(images) for pair in _expected(f"{folder}/{name}", images[name])]
    assert expected
    _same(_targets(done.stdout), expected)
    lines = run(*runner, folder).stdout.decode().splitlines()
    assert [line.split(":")[0] for line in lines] == [f"{folder}/{name}" for name in sorted(images)]


def test_targets_of_a_stream(runner: list[str]) -> None:
    """Each frame's lines are there before the next frame is."""
    command = [*runner, "--targets", "--raw", f"{HEIGHT}x{WIDTH}", "-"]
    images = [np.random.default_rng(n).integers(0, 256, (HEIGHT, WIDTH)).astype(np.float32) for n in range(3)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    output = b""
    for n, image in enumerate(images, 1):
        process.stdin.write(image.tobytes())
        process.stdin.flush()
        expected = [pair for k, i in enumerate(images[:n], 1) for pair in _expected(f"frame-{k:06}", i)]
        while len(output.splitlines()) < 1 + len(expected):
            output += process.stdout.readline()
        _same(_targets(output), expected)
    process.stdin.close()
    assert process.stdout.read() == b""
    assert process.wait() == 0


def test_components_are_those_of_python(host_runner: Path, tmp_path: Path) -> None:
    """Of maps that are upscaled noise: arms, rings and corners that touch."""
    output, source, targets = tmp_path / "p.f32", ["--raw", "60x50", tmp_path / "in.f32"], 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        rng.choice([0, 255], (60, 50)).astype(np.float32).tofile(tmp_path / "in.f32")
        assert run(host_runner, "--probability", output, *source).returncode == 0
        expected = detect(np.fromfile(output, np.float32).reshape(60, 50), 0.5)
        _same(_targets(run(host_runner, "--targets", *source).stdout), [(str(source[-1]), d) for d in expected])
        targets += len(expected)
    assert targets > 40


def test_frames_that_are_refused(runner: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    _write_pgm(tmp_path / "full" / "a.pgm", _image())
    raw = ["--raw", f"{HEIGHT}x{WIDTH}"]

    def fed(*options: str | Path, given: bytes = b"") -> str:
        command = [*runner, *map(str, options)]
        return refused(subprocess.run(command, input=given, capture_output=True))

    assert "has no .png and no .pgm" in fed(tmp_path / "empty")
    (tmp_path / "empty" / "folder.pgm").mkdir()
    assert "has no .png and no .pgm" in fed(tmp_path / "empty")
    assert "is more than one image" in fed("--mask", tmp_path / "m.pgm", tmp_path / "full")
    assert "is more than one image" in fed("--bench", "3", tmp_path / "full")
    assert "is more than one image" in fed("--probability", tmp_path / "p.f32", *raw, "-")
    assert "--raw is for one file or standard input" in fed(*raw, tmp_path / "full")
    assert "give their size with --raw" in fed("-")
    frame = _image().tobytes()
    folder = os.open(tmp_path, os.O_RDONLY)
    unread = subprocess.run([*runner, *raw, "-"], stdin=folder, capture_output=True)
    os.close(folder)
    assert "-: cannot be read (Is a directory)" in refused(unread)
    assert f"ends after 5 of the {len(frame)} bytes of frame 2" in fed(*raw, "-", given=frame + b"12345")
    assert "frame-000001: pixel 0 is not finite" in fed(
        *raw, "-", given=np.full(HEIGHT * WIDTH, np.nan, "<f4").tobytes()
    )
    assert "-: ended before the first frame" in fed("--targets", *raw, "-")
    assert not list(tmp_path.glob("*.pgm"))


@pytest.mark.parametrize("name", ["a.bmp", "b.JPG", "c.tiff", "d.WebP"])
def test_images_that_only_python_reads(host_runner: Path, tmp_path: Path, name: str) -> None:
    """Fails where a folder's frames are left out without a word."""
    (folder := tmp_path / "frames").mkdir()
    _write_pgm(folder / "a.pgm", _image())
    (folder / name).write_bytes(b"")
    assert f"{name}: is neither PNG nor PGM, which is all that is read here" in refused(run(host_runner, folder))


RAW = {"u8": "u1", "u16le": "<u2", "u16be": ">u2", "f32": "<f4"}


@pytest.mark.parametrize("kind", RAW)
def test_raw_samples_with_levels(runner: list[str], tmp_path: Path, kind: str) -> None:
    """Counts of every type, from a file and as a stream of two frames, are the grey levels that they stand for."""
    image = _image()
    counts = (image if kind == "u8" else image * 8 + 7000).astype(RAW[kind])
    levels = "0:255" if kind == "u8" else "7000:9040"
    counts.tofile(tmp_path / "in.raw")
    options = ["--raw", f"{HEIGHT}x{WIDTH}:{kind}", "--levels", levels, "--targets"]
    done = run(*runner, *options, tmp_path / "in.raw")
    assert (done.returncode, done.stderr) == (0, b"")
    assert _expected("in", image)
    _same(_targets(done.stdout), _expected(str(tmp_path / "in.raw"), image))
    streamed = subprocess.run([*runner, *options, "-"], input=2 * counts.tobytes(), capture_output=True)
    assert streamed.returncode == 0
    _same(_targets(streamed.stdout), [p for n in (1, 2) for p in _expected(f"frame-{n:06}", image)])
    percent = run(*runner, *options[:2], "--levels=0%:100%", "--targets", tmp_path / "in.raw")
    if image.min() == 0 and image.max() == 255:
        assert percent.stdout == done.stdout


def test_floats_of_another_scale_are_refused(host_runner: Path, tmp_path: Path) -> None:
    for image, said in (
        (_image() * 2, "from 0 to "),
        (_image() - 9, "from -9 to "),
        (_image() + 293.15, "from 293.15"),
    ):
        image.astype(np.float32).tofile(tmp_path / "in.raw")
        message = refused(run(host_runner, "--raw", f"{HEIGHT}x{WIDTH}", tmp_path / "in.raw"))
        assert said in message
        assert "say what is black and what is white with --levels LOW:HIGH" in message


@pytest.mark.parametrize(
    ("counts", "options", "said"),
    [
        (_image() / 64 + 100, ["f32"], "; if that is the sensor's range, say --levels 100:"),
        (_image() * 64, ["u16le"], "samples from 0 to 16"),
        (
            _image() + 8000,
            ["u16be"],
            f"say --levels {8000 + _image().min():g}:{8000 + _image().max():g}, or --levels 1%:99%",
        ),
        (_image() / 255, ["f32"], "if 1 is white, say --levels 0:1"),
        (_image() + 200, ["u16le", "--levels", "9000:9900"], "of which --levels 9000:9900 make 0 of 255 grey levels"),
        (_image(), ["f32"], None),
        (_image() * 257, ["u16le"], None),
        (_image() + 8000, ["u16be", "--levels", "8000:8255"], None),
        (_image() * 0 + 100, ["u8"], None),
    ],
)
def test_levels_that_look_wrong_are_said_once(
    host_runner: Path, counts: Floats, options: list[str], said: str | None
) -> None:
    frame = counts.astype(RAW[options[0]]).tobytes()
    command = [host_runner, "--raw", f"{HEIGHT}x{WIDTH}:{options[0]}", *options[1:], "-"]
    done = subprocess.run(command, input=3 * frame, capture_output=True)
    notes = done.stderr.decode()
    assert done.returncode == 0
    if said is None:
        assert notes == ""
    else:
        assert len(notes.splitlines()) == 1
        assert notes.startswith("biisnet-run: note: all 3 frames have samples from ")
        assert said in notes
