# SPDX-License-Identifier: Apache-2.0
"""`biisnet eval`: the same figures from every engine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from biisnet.model.scenes import scenes

SHARE = 2 / 110
"""Two pixels of the four frames' 110, of targets and detections, may differ, where a sign within rounding error of zero
flips."""
COUNT = 4


@pytest.fixture
def data(here: Path) -> Path:
    """Scenes on disk, in SIRST's layout."""
    for folder in ("images", "masks", "idx_427"):
        (here / "data" / folder).mkdir(parents=True)
    frames = scenes(COUNT, 200, 240, seed=1)
    for frame in frames:
        Image.fromarray(frame.image.astype(np.uint8)).save(here / "data" / "images" / f"{frame.name}.png")
        Image.fromarray(frame.mask).save(here / "data" / "masks" / f"{frame.name}_pixels0.png")
    (here / "data" / "idx_427" / "test.txt").write_text("\n".join(f.name for f in frames))
    return here / "data"


@pytest.fixture
def figures(here: Path, data: Path, cli: Callable[..., Any]) -> Callable[..., dict]:
    """`figures(model, options...)`: the metrics on `data`, as they stand in the JSON."""

    def get(model: str | Path, *options: str) -> dict:
        done = cli("eval", model, "--data", data, "-o", "out.json", *options)
        assert done.code == 0, done.err
        result = json.loads((here / "out.json").read_text())
        assert result["frames"] == COUNT
        assert f"mIoU {100 * result['metrics']['miou']:.2f} %" in done.out
        return result

    return get


def expect_equal(one: dict[str, float], other: dict[str, float]) -> None:
    """But for a pixel or two."""
    assert one["miou"] == pytest.approx(other["miou"], abs=SHARE)
    # one pixel of a frame whose targets have a dozen together
    assert one["niou"] == pytest.approx(other["niou"], abs=1 / 12 / COUNT)
    assert one["pd"] == other["pd"]
    assert one["fa"] == pytest.approx(other["fa"], abs=2 / (COUNT * 256 * 256))


def test_in_integers(figures: Callable[..., dict], cli: Callable[..., Any], here: Path, data: Path) -> None:
    """The integer network of a preset, and the file that `export` makes of it: the same figures."""
    options = ["--precision", "int8", "--calibrate", str(data), "--calibrate-frames", "2"]
    found = figures("biisnet-lite", *options)
    assert found["engine"] == "ONNX Runtime, in integers"
    assert cli("export", "biisnet-lite", "-o", "int8.onnx", *options).code == 0
    of_file = figures("int8.onnx")
    assert of_file["metrics"] == found["metrics"]
    assert of_file["roc"] == found["roc"]
    assert found["metrics"]["pd"] > 0.5
    done = cli("eval", "int8.onnx", "--data", data, "--precision", "int8")
    assert done.code == 2
    assert "int8.onnx: is an integer network already" in done.err


def test_pytorch_and_onnx_runtime(figures: Callable[..., dict]) -> None:
    pytest.importorskip("torch")
    from biisnet.model import shipped_onnx

    by_torch, by_onnx = figures("biisnet"), figures(shipped_onnx() or "")
    assert (by_torch["engine"], by_onnx["engine"]) == ("PyTorch", "ONNX Runtime")
    assert by_torch["metrics"]["miou"] > 0.1  # SIRST's weights find made-up targets too
    expect_equal(by_onnx["metrics"], by_torch["metrics"])


@pytest.mark.parametrize(("target", "options"), [("host", []), ("rpi4", ["--emulate"])])
def test_bundles(
    target: str,
    options: list[str],
    figures: Callable[..., dict],
    shipped_bundle: Callable[[str], Path],
    request: pytest.FixtureRequest,
) -> None:
    """The host's bundle and the emulated board's."""
    from biisnet.model import shipped_onnx

    if options:
        request.getfixturevalue("emulated")
    found, wanted = figures(shipped_bundle(target), *options), figures(shipped_onnx() or "")
    expect_equal(found["metrics"], wanted["metrics"])


def test_roc_and_pictures(here: Path, figures: Callable[..., dict]) -> None:
    from biisnet.model import shipped_onnx

    result = figures(
        shipped_onnx() or "",
        "--overlays",
        "pictures",
        "--roc",
        "roc.png",
        "--threshold",
        "0.4",
        "--reliability",
        "r.png",
    )
    assert result["threshold"] == 0.4
    assert (here / "r.png").read_bytes().startswith(b"\x89PNG")
    assert sum(b["detections"] for b in result["reliability"]["bins"]) > 0
    by_threshold = {point["threshold"]: point for point in result["roc"]}
    assert by_threshold[0.4] == {"threshold": 0.4, **result["metrics"]}
    assert by_threshold[0.05]["fa"] >= by_threshold[0.95]["fa"]
    with Image.open(here / "roc.png") as picture:
        assert picture.size[0] > 100
    pictures = sorted((here / "pictures").iterdir())
    assert len(pictures) == COUNT
    colours = set()
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.size == (512, 512)
            colours |= set(map(tuple, np.asarray(picture).reshape(-1, 3).tolist()))
    assert (60, 220, 90) in colours  # a hit


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["biisnet"], "one of --data DIR"),
        (["sibnn", "--synthetic"], "preset 'sibnn' has no trained weights; train it: biisnet train sibnn --data DIR"),
        (
            ["biisnet", "--synthetic", "--emulate"],
            "--emulate runs bundles; compile it first: biisnet-compile biisnet --target rpi4",
        ),
        (["nowhere.onnx", "--synthetic"], "nowhere.onnx"),
        (["biisnet", "--synthetic", "--overlays", "nowhere/pictures"], "there is no folder nowhere"),
        (["biisnet", "--synthetic", "--roc", "nowhere/roc.png"], "there is no folder nowhere"),
        (["biisnet", "--synthetic", "--roc", "."], ".: is a folder; give a file"),
        (["biisnet", "--data", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_bad_input(arguments: list[str], message: str, here: Path, cli: Callable[..., Any]) -> None:
    pytest.importorskip("torch")
    assert message in cli("eval", *arguments, "-o", "out.json").message
    assert not (here / "out.json").exists()


def test_bundles_for_another_device_or_size(tiny_bundle: Callable[[str], Path], cli: Callable[..., Any]) -> None:
    assert "--emulate runs it on an emulated cortex-a72" in cli("eval", tiny_bundle("rpi4"), "--synthetic").message
    assert "needs no --emulate" in cli("eval", tiny_bundle("host"), "--synthetic", "--emulate").message
    assert "takes frames of 24x20" in cli("eval", tiny_bundle("host"), "--synthetic", "--size", "32x32").message


def test_made_up_scenes_are_a_data_set(here: Path, cli: Callable[..., Any]) -> None:
    assert cli("scenes", "-o", "set", "--count", "3", "--size", "48x64").out == "set: 3 frames of 48x64, seed 0\n"
    done = cli("eval", "biisnet-lite", "--data", "set", "--split", "all", "--size", "48x64", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["frames"] == 3
    assert cli("scenes", "-o", "set").message == "set: is there already; give a new folder"
    assert "give HEIGHTxWIDTH" in cli("scenes", "-o", "other", "--size", "0x5").message


def test_native_size(figures: Callable[..., dict], data: Path) -> None:
    """The network's own result at each frame's own size, and the protocol named; not the resized one's figures."""
    torch = pytest.importorskip("torch")
    from biisnet.model import shipped_onnx, shipped_weights, weights
    from biisnet.model.metrics import evaluate

    network = weights.load(shipped_weights("biisnet"))
    frames = scenes(COUNT, 200, 240, seed=1)
    with torch.no_grad():
        maps = [torch.sigmoid(network(torch.from_numpy(f.image)[None, None]))[0, 0].numpy() for f in frames]
    expected = evaluate(maps, [f.mask for f in frames], 0.5).as_dict()
    native, resized = figures("biisnet", "--native"), figures("biisnet")
    assert (native["protocol"], native["size"]) == ("native", None)
    assert (resized["protocol"], resized["size"]) == ("resized", [256, 256])
    assert native["metrics"] == pytest.approx(expected)
    assert native["metrics"] != resized["metrics"]
    assert native["targets"] == resized["targets"] > 0
    expect_equal(figures(shipped_onnx() or "", "--native")["metrics"], native["metrics"])


def test_bundles_at_native_size(
    figures: Callable[..., dict], tiny_bundle: Callable[[str], Path], tiny_onnx: Path, cli: Callable[..., Any]
) -> None:
    """In tiles, with the figures of the network as large as the frames."""
    found, wanted = figures(tiny_bundle("host"), "--native"), figures(tiny_onnx, "--native")
    assert found["engine"] == "this machine, in tiles of 24x20"
    expect_equal(found["metrics"], wanted["metrics"])
    done = cli("eval", tiny_bundle("host"), "--synthetic", "--scenes", "2", "--native")
    assert done.out.startswith("2 frames at native size, padded and not resized: mIoU ")
    done = cli("eval", tiny_bundle("host"), "--synthetic", "--scenes", "2")
    assert done.out.startswith("2 frames resized to 24x20: mIoU ")


def test_native_size_of_models_that_have_one(here: Path, cli: Callable[..., Any], checkpoint: Path, data: Path) -> None:
    assert cli("export", checkpoint, "-o", "fixed.onnx", "--size", "32x40").code == 0
    said = cli("eval", "fixed.onnx", "--data", data, "--native").message
    assert said == "fixed.onnx: takes frames of 32x40 only; --native needs one of symbolic sides"
    said = cli("eval", checkpoint, "--data", data, "--native", "--size", "32x40").message
    assert said == "--native takes frames at their own size; leave --size out"


def test_masks_without_any_target(cli: Callable[..., Any], data: Path, checkpoint: Path) -> None:
    """Fails where the figures of a wrong folder of masks look like those of a bad network."""
    for path in (data / "masks").iterdir():
        Image.fromarray(np.zeros((200, 240), np.uint8)).save(path)
    done = cli("eval", checkpoint, "--data", data, "-o", "out.json")
    assert done.code == 0
    assert done.out.startswith(
        f"{COUNT} frames resized to 256x256, none of them with a target (are these their masks?): "
    )
    assert json.loads(Path("out.json").read_text())["targets"] == 0


def test_a_data_set_of_counts(
    figures: Callable[..., dict], data: Path, checkpoint: Path, cli: Callable[..., Any]
) -> None:
    """14 bits of a sensor, with --levels the figures of the 8-bit version."""
    wanted = figures(checkpoint)
    for path in (data / "images").iterdir():
        with Image.open(path) as image:
            counts = np.asarray(image).astype(np.uint16) * 8 + 7000
        Image.fromarray(counts).save(path)
    assert figures(checkpoint, "--levels", "7000:9040")["metrics"] == wanted["metrics"]
    done = cli("eval", checkpoint, "--data", data)
    assert f"note: all {COUNT} frames have samples from 7" in done.err
    assert "made-up scenes are grey levels" in cli("eval", checkpoint, "--synthetic", "--levels", "0:9").message


def test_overlays_of_names_with_folders(here: Path, cli: Callable[..., Any], data: Path, checkpoint: Path) -> None:
    for folder in ("images", "masks"):
        (data / folder / "44").mkdir()
        for path in list((data / folder).glob("*.png")):
            path.rename(data / folder / "44" / path.name)
    names = [f"/44/{f.name}" for f in scenes(COUNT, 200, 240, seed=1)]
    (data / "idx_427" / "test.txt").write_text("\n".join(names))
    assert cli("eval", checkpoint, "--data", data, "--overlays", "pictures").code == 0
    assert sorted(f"/{p.relative_to('pictures').with_suffix('')}" for p in Path("pictures").rglob("*.png")) == names


def test_a_budget_of_false_alarms(here: Path, data: Path, cli: Callable[..., Any]) -> None:
    from biisnet.model import shipped_onnx

    done = cli("eval", shipped_onnx() or "", "--data", data, "--fa-budget", "1e-4", "-o", "out.json")
    assert done.code == 0, done.err
    found = json.loads((here / "out.json").read_text())["allowed"]
    assert found["budget"] == 1e-4
    assert found["metrics"]["fa"] <= 1e-4
    assert f"Fa of at most 100e-6: threshold {found['threshold']:.9g}, mIoU" in done.out
    exact = cli("eval", shipped_onnx() or "", "--data", data, "--threshold", found["threshold"], "--json")
    assert json.loads(exact.out)["metrics"] == found["metrics"]


def test_a_budget_that_nothing_keeps(here: Path, data: Path, cli: Callable[..., Any]) -> None:
    """Above every threshold is a false alarm: the figures are there, and then the error."""
    constant(here / "net.onnx", [1, 1, 24, 20], 1.0)
    done = cli("eval", "net.onnx", "--data", data, "--fa-budget", "1e-9", "-o", "out.json")
    assert done.code == 2
    assert done.err.endswith(
        "error: --fa-budget 1e-09: no threshold has so few false alarms on these frames; give more\n"
    )
    assert json.loads((here / "out.json").read_text())["allowed"] is None
    assert "mIoU" in done.out


def test_of_another_task(here: Path, data: Path, cli: Callable[..., Any]) -> None:
    constant(here / "net.onnx", [1, 4], 1.0)
    message = cli("eval", "net.onnx", "--data", data).message
    assert "net.onnx: gives [1, 4] of a frame of 24x20, and a detection's output is one plane" in message


@pytest.mark.parametrize(
    ("images", "kind", "task", "message"),
    [
        ([[1, 24, 20]], "FLOAT", None, "net.onnx: input 'x0' has 3 dimensions; [1, C, H, W] is supported [BN103]"),
        ([[1, 1, 24, 20]] * 2, "FLOAT", None, "net.onnx: has 2 inputs; one image [1, C, H, W] is supported [BN101]"),
        ([[1, 1, 24, 20]], "FLOAT16", None, "net.onnx: input 'x0' is FLOAT16; grey levels [1, C, H, W] as float32"),
        ([[1, 1, 24, 20]], "FLOAT", "map", "net.onnx: is for map; eval takes networks for detection"),
    ],
)
def test_files_that_are_not_for_it(
    images: list[list[int]], kind: str, task: str | None, message: str, data: Path, cli: Callable[..., Any]
) -> None:
    """Fails where they are evaluated all the same, or end as a defect of the program."""
    import onnx
    from onnx import TensorProto, helper

    element = getattr(TensorProto, kind)
    sources = [helper.make_tensor_value_info(f"x{n}", element, shape) for n, shape in enumerate(images)]
    result = helper.make_tensor_value_info("y", element, images[0])
    graph = helper.make_graph([helper.make_node("Sigmoid", ["x0"], ["y"])], "net", sources, [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if task:
        helper.set_model_props(model, {"task": task})
    onnx.save(model, "net.onnx")
    assert message in cli("eval", "net.onnx", "--data", data).message


def constant(path: Path, shape: list[int], value: float) -> None:
    """A network of frames of 24x20 that gives `value` everywhere, whatever it sees."""
    import onnx
    from onnx import TensorProto, helper

    source = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 24, 20])
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, shape)
    filled = helper.make_tensor("value", TensorProto.FLOAT, shape, [value] * int(np.prod(shape)))
    nodes = [
        helper.make_node("ReduceSum", ["image"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["none"]),
        helper.make_node("Add", ["value", "none"], ["result"]),
    ]
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])
    graph = helper.make_graph(nodes, "constant", [source], [result], [filled, zero])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
