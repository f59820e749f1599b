# SPDX-License-Identifier: Apache-2.0
"""Colour images in, classes and maps out: from Python, `biisnet run`, the runner, bench, verify and report."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from biisnet.compile.errors import CompileError, VerificationError
from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.frontend.prepare import Normalisation, prepare
from biisnet.compile.pipeline import compile_model
from biisnet.runtime import BundleError, Vote, load
from biisnet.runtime.bundle import open_bundle
from biisnet.runtime.golden import image_name
from biisnet.targets import emulator, resolve
from biisnet.tools import bench, report
from biisnet.tools.answers import AnswerResult, Wishes
from biisnet.tools.golden import check_golden, compare_values
from biisnet.tools.raw_frames import Raw
from biisnet.tools.run import Wanted, run_frames
from biisnet.tools.verify import verify_bundle

from .cli.damage import damaged
from .colour import CLASSES, HEIGHT, WIDTH, network

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


TASKS = ("classification", "map", "maps")


def quiet(_: str) -> None: ...


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One for each task, normalised as torchvision does."""
    root = tmp_path_factory.mktemp("answers")
    for task in TASKS:
        model = prepare(from_proto(network(task), f"{task}.onnx"), None, Normalisation.of(MEAN, STD))
        verified = compile_model(model, None, resolve("host"), root / task, say=quiet).verified
        assert verified.accumulators > 0
    return {task: root / task for task in TASKS}


def pixels(height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def by_onnx(task: str, image: np.ndarray) -> np.ndarray:
    x = ((image / 255 - np.array(MEAN)) / np.array(STD)).transpose(2, 0, 1)[None].astype(np.float32)
    return onnxruntime.InferenceSession(network(task).SerializeToString()).run(None, {"image": x})[0][0]


def test_from_python(bundles: dict[str, Path]) -> None:
    """Frames of bytes, as a camera has them; a map is twice as large as its image, whatever the image's size."""
    with load(bundles["classification"]) as model:
        scores = by_onnx("classification", pixels()).reshape(-1)
        np.testing.assert_allclose(model(pixels()), scores, atol=1e-5)
        np.testing.assert_array_equal(model(pixels().astype(np.float32)), model(pixels()))
        best = model.classify(pixels(), 3)
        assert [c.index for c in best] == list(np.argsort(-scores)[:3])
        assert model.manifest["model"]["normalisation_mean"] == "123.675,116.28,103.53"
        for wrong in (pixels()[..., 0], pixels().transpose(2, 0, 1), np.zeros((0, 4, 3), np.uint8)):
            with pytest.raises(ValueError, match=r"give pixels of 3 channels \[H, W, 3\]"):
                model(wrong)
        with pytest.raises(BundleError, match="is a model for classification, which finds no targets"):
            model.detect(pixels())
    with load(bundles["map"]) as model:
        np.testing.assert_allclose(model(pixels()), by_onnx("map", pixels()), atol=1e-5)
        assert model(pixels(20, 31)).shape == (3, 40, 62)
        with pytest.raises(BundleError, match="is for map, and gives no classes"):
            model.classify(pixels())


def test_run_gives_classes(bundles: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is the runner's, byte for byte; the best of each frame are told."""
    monkeypatch.chdir(tmp_path)
    bundle, runner = bundles["classification"], bundles["classification"] / "bin" / "biisnet-run"
    (tmp_path / "in").mkdir()
    for n, size in enumerate([(HEIGHT, WIDTH), (31, 50)]):
        Image.fromarray(pixels(*size, n)).save(f"in/{n}.png")
    Image.fromarray(pixels()[..., 0]).save("in/grey.png")
    (tmp_path / "labels.txt").write_text("".join(f"a {n}\n" for n in range(CLASSES)))
    wanted = Wanted(tmp_path / "out", wishes=Wishes(Path("labels.txt"), 3))
    results = list(run_frames(bundle, ["in"], 1, wanted, quiet))
    table = (tmp_path / "out" / "classes.csv").read_text()
    assert table == subprocess.check_output([runner, "--labels", "labels.txt", "--top", "3", "in"], text=True)
    rows = list(csv.DictReader(table.splitlines()))
    assert [r["image"] for r in rows] == [f"in/{n}.png" for n in ("0", "1", "grey") for _ in range(3)]
    assert all(isinstance(r, AnswerResult) and r.line().startswith(f"{r.classes[0].label} ") for r in results)
    lines = (tmp_path / "out" / "frames.jsonl").read_text().splitlines()
    assert [json.loads(line)["classes"][0]["index"] for line in lines] == [int(r["class"]) for r in rows[::3]]
    raw = pixels().tobytes()
    (tmp_path / "in.raw").write_bytes(2 * raw)
    of_raw = list(run_frames(bundle, ["in.raw"], 1, Wanted(None), quiet, raw=Raw(HEIGHT, WIDTH, "u8")))
    with load(bundle) as model:
        assert [r.classes[0] for r in of_raw] == 2 * model.classify(pixels(), 1)  # type: ignore[union-attr]


def test_run_gives_maps(bundles: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As numbers, and of three channels as a picture; the runner's numbers are the same."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(pixels(31, 50)).save("in.png")
    wanted = Wanted(tmp_path / "out", wishes=Wishes(range=(-1, 1)))
    (result,) = run_frames(bundles["map"], ["in.png"], 1, wanted, quiet)
    values = np.load("out/in.values.npy")
    with load(bundles["map"]) as model:
        np.testing.assert_array_equal(values, model(pixels(31, 50)))
    assert values.shape == (3, 62, 100)
    expected = np.rint(np.clip((values.transpose(1, 2, 0).astype(np.float64) + 1) * 127.5, 0, 255))
    np.testing.assert_array_equal(np.asarray(Image.open("out/in.png")), expected)
    runner = bundles["map"] / "bin" / "biisnet-run"
    subprocess.run([runner, "--values", "v.f32", "in.png"], check=True)
    np.testing.assert_array_equal(np.fromfile("v.f32", np.float32).reshape(values.shape), values)
    subprocess.run([runner, "--values", "v.ppm", "--range=-1:1", "in.png"], check=True)
    np.testing.assert_array_equal(np.asarray(Image.open("v.ppm")), expected)
    assert result.line() == "3x62x100 values"
    assert sorted(p.name for p in Path("out").iterdir()) == ["frames.jsonl", "in.png", "in.values.npy"]


def test_what_is_of_another_task(bundles: dict[str, Path], tmp_path: Path) -> None:
    """Refused before anything is written."""
    Image.fromarray(pixels()).save(tmp_path / "in.png")
    labels = tmp_path / "labels.txt"
    labels.write_text("one\n")
    out = tmp_path / "out"
    for task, wanted, message in (
        ("map", Wanted(out, wishes=Wishes(labels)), "is for map; --labels and --top are for classification"),
        ("map", Wanted(out, overlay=True), "is for map; --overlay is for detection"),
        ("map", Wanted(out, vote=Vote(3, 5)), "is for map; --vote is for detection"),
        ("classification", Wanted(out, threshold=0.0), "is for classification; --threshold is for detection"),
        ("classification", Wanted(out, probability=True), "is for classification; --probability is for detection"),
        ("classification", Wanted(out, wishes=Wishes(range=(0, 1))), "--range is for maps"),
        ("classification", Wanted(out, wishes=Wishes(labels)), "labels.txt: has 1 lines, the model has 20 classes"),
        ("classification", Wanted(out, wishes=Wishes(None, 21)), "--top 21: .* has 20 classes"),
    ):
        with pytest.raises(CompileError, match=message):
            list(run_frames(bundles[task], [str(tmp_path / "in.png")], 1, wanted, quiet))
    assert not out.exists()


@pytest.mark.parametrize("task", ["classification", "map"])
def test_all_else(bundles: dict[str, Path], task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is verified, checked by its golden files, timed and reported; the golden frame has three channels a pixel."""
    monkeypatch.chdir(tmp_path)
    bundle = bundles[task]
    Image.fromarray(pixels(20, 31)).save("in.png")
    verified = verify_bundle(bundle, Path("in.png"), 1, quiet)
    count = CLASSES if task == "classification" else 3 * 4 * HEIGHT * WIDTH
    assert f"{count} values of the output within " in verified.summary()
    assert f"{count} values of the output within " in check_golden(bundle, 1).summary()
    with load(bundle) as model:
        frame = np.fromfile(bundle / image_name(model.signature), np.float32).reshape(HEIGHT, WIDTH, 3)
        assert np.ptp(frame, axis=2).max() > 0
        golden = np.fromfile(bundle / "golden" / "probability.f32", np.float32)
        np.testing.assert_allclose(model(frame).reshape(-1), golden, atol=1e-4)
    timed = bench.bench_bundle(bundle, False, bench.BenchOptions((1,), 2, 1), quiet)
    assert [t.runs for t in timed.timings] == [2]
    assert "values of the output within" in report.report_bundle(bundle, quiet)


def test_golden_files_of_a_bundle_with_ties(bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a device may give any ten scores, since one of the signs that they are made of was a tie."""
    with open_bundle(bundles["classification"]) as bundle:
        expected = np.fromfile(bundle.path / "golden" / "probability.f32", np.float32)
        for error, off, passes in ((0.0, 0.5, False), (0.5, 0.5, True), (0.5, 0.6, False)):
            entry = {"device": "this machine", "ties": 1, "tied_error": error}
            monkeypatch.setitem(bundle.manifest, "verification", entry)
            found = (expected + np.float32(off)).tobytes()
            if passes:
                assert compare_values(bundle, [found]).error == pytest.approx(off)
            else:
                with pytest.raises(VerificationError, match="the golden frame's result is wrong: differs by"):
                    compare_values(bundle, [found])


def test_all_outputs_are_compared(bundles: dict[str, Path], tmp_path: Path) -> None:
    """Fails where only the first of several outputs is in the golden files, read by the runner, or compared."""
    bundle, counts = bundles["maps"], (3 * 4 * HEIGHT * WIDTH, 8 * HEIGHT * WIDTH)
    assert f"{sum(counts)} values of the output within " in check_golden(bundle, 1).summary()
    results = []
    for n, golden in enumerate(("probability.f32", "output2.f32")):
        values = tmp_path / f"{n}.f32"
        program = [bundle / "bin" / "biisnet-run", "--output", str(n + 1), "--raw", f"{HEIGHT}x{WIDTH}:f32"]
        subprocess.run([*program, "--values", values, bundle / "golden" / "image.f32"], check=True, capture_output=True)
        results.append(values.read_bytes())
        expected = np.fromfile(bundle / "golden" / golden, np.float32)
        assert expected.size == counts[n]
        np.testing.assert_allclose(np.frombuffer(results[n], np.float32), expected, atol=1e-4)
    with open_bundle(bundle) as opened:
        assert compare_values(opened, results).pixels == sum(counts)
        with pytest.raises(VerificationError, match="the golden frame's output 'dot' is wrong: "):
            compare_values(opened, [results[0], bytes(len(results[1]))])
        with pytest.raises(VerificationError, match="the golden frame's output 'dot' gave 6140 bytes instead of 6144"):
            compare_values(opened, [results[0], results[1][4:]])
        del opened.manifest["files"]["golden/output2.f32"]  # of one that was compiled when there was but one
        assert compare_values(opened, results[:1]).pixels == counts[0]
    wrong = damaged(bundle, tmp_path / "wrong", "golden/output2.f32", bytes(len(results[1])))
    with pytest.raises(VerificationError, match="maps: the golden frame's output 'dot' is wrong: "):
        check_golden(wrong, 1)
    done = subprocess.run([bundle / "bin" / "biisnet-run", "--output", "3", "x.png"], capture_output=True, text=True)
    assert (done.returncode != 0, done.stderr) == (True, "biisnet-run: --output 3: the model has 2\n")


@pytest.mark.emulator
@pytest.mark.parametrize("task", ["classification", "map"])
def test_bytes_on_the_board(task: str, tmp_path: Path) -> None:
    """Fails where a frame of bytes [H, W, 3], as a camera gives it, is another image on the board than in ONNX
    Runtime: channels, mean and standard deviation."""
    target = resolve("rpi4")
    if not (prefix := emulator.command(target)):
        pytest.skip(emulator.why_not_here(target))
    model = prepare(from_proto(network(task), f"{task}.onnx"), None, Normalisation.of(MEAN, STD))
    assert compile_model(model, None, target, tmp_path / task, say=quiet).verified.device
    for seed in range(3):
        (tmp_path / "frame.raw").write_bytes(pixels(seed=seed).tobytes())
        program = [*prefix, tmp_path / task / "bin" / "biisnet-run", "--raw", f"{HEIGHT}x{WIDTH}:u8"]
        values = ["--values", tmp_path / "v.f32", tmp_path / "frame.raw"]
        printed = subprocess.run([*program, *values], check=True, capture_output=True, text=True).stdout
        expected = by_onnx(task, pixels(seed=seed))
        np.testing.assert_allclose(np.fromfile(tmp_path / "v.f32", np.float32), expected.reshape(-1), atol=1e-5)
        if task == "classification":
            best = [int(row["class"]) for row in csv.DictReader(printed.splitlines())]
            assert best == list(np.argsort(-expected.reshape(-1))[:5])
