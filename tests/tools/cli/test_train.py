# SPDX-License-Identifier: Apache-2.0
"""`biisnet train`, as a shell runs it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biisnet.model import NetworkConfig
from biisnet.tools.train import time_left

torch = pytest.importorskip("torch")
RECIPE = {"phases": [{"begin": 0, "crop": 16, "batch": 4}], "size": [32, 32], "validate_every": 1}
BIISNET = (sys.executable, "-c", "from biisnet.tools.cli import main; main()")


@pytest.fixture
def tiny(here: Path) -> list[str]:
    """Options of a run that takes a second: a small network, small frames."""
    from biisnet.model.network import build
    from biisnet.model.weights import save

    config = NetworkConfig(channels=8, encoder_blocks=(1,), bottleneck_blocks=1, decoder_blocks=(1,))
    save(build(config), here / "tiny.safetensors")
    (here / "recipe.json").write_text(json.dumps(RECIPE))
    return ["train", "tiny.safetensors", "--synthetic", "--scenes", "12", "--recipe", "recipe.json", "--threads", "1"]


def tensors(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(path)


def assert_same_weights(one: Path, other: Path) -> None:
    a, b = tensors(one), tensors(other)
    assert a.keys() == b.keys()
    assert [n for n in a if not torch.equal(a[n], b[n])] == []


def test_two_epochs_on_scenes_improve(here: Path, cli: Callable[..., Any]) -> None:
    """The default network, as a newcomer tries it, but on small scenes and crops: the loss falls, and targets are found
    in held-out ones, and in large ones."""
    (here / "small.json").write_text('{"phases": [{"begin": 0, "crop": 48, "batch": 4}], "size": [96, 96]}')
    options = ["--scenes", "192", "--recipe", "small.json"]
    done = cli("train", "--synthetic", *options, "--epochs", "2", "-o", "run", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["miou"] > 0.05
    rows = [line.split(",") for line in (here / "run" / "history.csv").read_text().splitlines()[1:]]
    assert float(rows[1][2]) < float(rows[0][2])
    # what is kept is what was measured
    found = cli("eval", "run/best.safetensors", "--synthetic", "--scenes", "4", "--json")
    assert json.loads(found.out)["metrics"]["miou"] > 0.05


def test_killed_and_resumed(here: Path, tiny: list[str], cli: Callable[..., Any]) -> None:
    """kill -9 in the middle: the resumed run ends with the weights of an unbroken one."""
    assert cli(*tiny, "--epochs", "8", "-o", "unbroken").code == 0
    command = [*BIISNET, *tiny, "--epochs", "8", "-o", "broken"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    table, deadline = here / "broken" / "history.csv", time.monotonic() + 120
    while not (table.exists() and len(table.read_text().splitlines()) > 3):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert "--resume goes on with it" in cli(*tiny, "--epochs", "8", "-o", "broken").message
    assert cli(*tiny, "--epochs", "8", "-o", "broken", "--resume").code == 0
    for name in ("last.safetensors", "best.safetensors"):
        assert_same_weights(here / "unbroken" / name, here / "broken" / name)


def test_what_it_begins_with_is_said(here: Path, tiny: list[str], cli: Callable[..., Any]) -> None:
    """A preset's name is random weights, whatever weights are shipped by that name; a file is its own."""
    done = cli(*tiny, "--epochs", "1", "-o", "one")
    assert "network  custom, weights of tiny.safetensors, seed 0" in done.err
    done = cli("train", "biisnet-lite-1", *tiny[2:], "--epochs", "1", "-o", "two")
    assert "network  biisnet-lite-1, random weights, seed 0" in done.err


def test_in_integers(here: Path, tiny: list[str], cli: Callable[..., Any]) -> None:
    """One epoch: what it begins with is said, and the result is a checkpoint like any other, which the compiler
    quantises and proves."""
    (here / "recipe.json").write_text(json.dumps({k: v for k, v in RECIPE.items() if k != "validate_every"}))
    done = cli(*tiny, "--epochs", "1", "-o", "run", "--precision", "int8", "--json")
    assert done.code == 0, done.err
    said = done.err.splitlines()
    assert "int8     calibrated before each epoch, on 8 of the frames to train on" in said
    assert [line for line in said if line.startswith("before   mIoU") and line.endswith("calibrated without training")]
    recipe = json.loads((here / "run" / "recipe.json").read_text())
    assert (recipe["learning_rate"], recipe["validate_every"], recipe["epochs"]) == (2e-4, 1, 1)
    assert set(tensors(here / "run" / "best.safetensors")) == set(tensors(here / "tiny.safetensors"))
    assert (
        "another precision (int8, not float32)"
        in cli(
            *tiny[:-2],
            "--epochs",
            "1",
            "-o",
            "run",
            "--resume",
            "--precision",
            "float32",
            "--recipe",
            "run/recipe.json",
        ).message
    )
    found = cli("eval", "run/best.safetensors", "--synthetic", "--scenes", "4", "--precision", "int8")
    assert "no sum can overflow" in found.err


def test_interrupted(here: Path, tiny: list[str]) -> None:
    """Ctrl-C says how to go on, and is no failure."""
    # a shell's background jobs ignore it
    main = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from biisnet.tools.cli import main
main()
"""
    command = [sys.executable, "-c", main, *tiny, "--epochs", "500", "-o", "run"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = [next(line for line in process.stderr if line.startswith("epoch 3/"))]
        process.send_signal(signal.SIGINT)
        said += process.stderr.read().splitlines()
    assert process.returncode == 128 + signal.SIGINT
    done = len((here / "run" / "history.csv").read_text().splitlines()) - 1  # the table is written first
    assert said[-1] in {f"interrupted; --resume goes on after epoch {n}" for n in (done - 1, done)}
    assert "Traceback" not in "".join(said)


def test_time_left() -> None:
    assert [time_left(s) for s in (0, 1.2, 2, 119, 120, 7199, 36000)] == [
        *("done", "a moment left", "2 seconds left", "119 seconds left"),
        *("2 minutes left", "120 minutes left", "10 hours left"),
    ]


def test_a_run_is_no_network(here: Path, cli: Callable[..., Any]) -> None:
    """Its folder is refused by all that take a network, with the file that is one."""
    (here / "run").mkdir()
    (here / "run" / "best.safetensors").write_bytes(b"")
    commands = ["train", "--synthetic", "-o", "other"], ["eval", "--synthetic"], ["compile"], ["export", "-o", "x.onnx"]
    for command, *options in commands:
        said = cli(command, "run", *options).message
        assert said == "run: is a training run's folder; give its network, run/best.safetensors", command


def test_a_damaged_run(here: Path, tiny: list[str], cli: Callable[..., Any]) -> None:
    (here / "run").mkdir()
    (here / "run" / "last.safetensors").write_bytes(b"half a file")
    assert "last.safetensors: no training checkpoint" in cli(*tiny, "--epochs", "1", "-o", "run", "--resume").message
    assert [p.name for p in (here / "run").iterdir()] == ["last.safetensors"]


def test_what_a_run_would_overwrite(here: Path, tiny: list[str], cli: Callable[..., Any]) -> None:
    """Fails where a network is lost because its run's checkpoint is not beside it."""
    (here / "run").mkdir()
    (here / "run" / "best.safetensors").write_bytes(b"precious")
    for options in ([], ["--resume"]):
        assert "has best.safetensors but no last.safetensors" in cli(*tiny, "-o", "run", *options).message
    assert (here / "run" / "best.safetensors").read_bytes() == b"precious"
    assert "tiny.safetensors: is a file; -o takes a folder" in cli(*tiny, "-o", "tiny.safetensors").message
    (here / "data" / "images").mkdir(parents=True)
    assert cli(*tiny, "-o", "data").message == "data: has images, which is no run's; give another -o"


def test_what_a_killed_run_had_half_written(here: Path, tiny: list[str], cli: Callable[..., Any]) -> None:
    """Fails where it stays for ever, or its recipe alone keeps a run from beginning."""
    (here / "run").mkdir()
    for name in ("recipe.json", ".recipe.json.dw0rhuwp", ".last.safetensors.abcdefgh"):
        (here / "run" / name).write_text("half")
    done = cli(*tiny, "--epochs", "1", "-o", "run")
    assert done.code == 0, done.err
    assert not list((here / "run").glob(".*"))


def test_scenes_beside_a_data_set(here: Path, cli: Callable[..., Any]) -> None:
    for command in (["train", "-o", "run"], ["eval"]):
        said = cli(*command, "--data", "set", "--scenes", "4").message
        assert said == "--scenes is of --synthetic, made-up scenes; leave it out"
    assert not (here / "run").exists()


def test_networks_of_several_channels(here: Path, cli: Callable[..., Any]) -> None:
    """Data sets are read as grey levels, and a network that takes colours says so."""
    from biisnet.model.network import build
    from biisnet.model.weights import save

    config = NetworkConfig(in_channels=3, channels=8, encoder_blocks=(1,), bottleneck_blocks=1, decoder_blocks=(1,))
    save(build(config), here / "colour.safetensors")
    for command in (["train", "colour.safetensors", "-o", "run"], ["eval", "colour.safetensors"]):
        assert "takes frames of 3 channels" in cli(*command, "--synthetic").message
    assert not (here / "run").exists()


def test_two_processes(here: Path, tiny: list[str]) -> None:
    """torchrun: the processes share the frames and agree on the weights, one of them writes."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    done = subprocess.run(
        [*launch, *BIISNET, *tiny, "--epochs", "2", "-o", "run", "--tensorboard"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("process  2 of 1 threads") == 1
    assert "of 2 (" in done.stdout
    assert len((here / "run" / "history.csv").read_text().splitlines()) == 3
    assert list((here / "run" / "tensorboard").iterdir())
    assert set(tensors(here / "run" / "best.safetensors")) == set(tensors(here / "tiny.safetensors"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of --data DIR"),
        (["--synthetic", "--data", "."], "one of --data DIR"),
        (["--data", "nowhere"], "nowhere: no such folder"),
        (["--synthetic", "--validation", "test", "--hold-out", "0.2"], "give one of them"),
        (["--synthetic", "--recipe", "binary.json"], "binary.json: not a text file in UTF-8"),
        (["--synthetic", "--validation", "val"], "--validation names a data set's split"),
        (["--synthetic", "--precision", "int4"], "--precision int4: choose one of auto, float32, bfloat16, int8"),
        (["--synthetic", "--precision", "int8", "--compile"], "leave it out with --precision int8"),
        (["irnet", "--synthetic", "--precision", "int8"], "preset 'irnet' has no trained weights to begin with"),
        (
            ["adabin.safetensors", "--synthetic", "--precision", "int8"],
            "of scheme adabin cannot be trained in integers",
        ),
        (["--synthetic", "--precision", "int8", "--recipe", "bad.json"], "bad.json: recipe: unknown field typo"),
        (["--synthetic", "--recipe", "bad.json"], "bad.json: recipe: unknown field typo"),
        (["--synthetic", "--recipe", "nowhere.json"], "nowhere.json: No such file"),
        (["--synthetic", "--recipe", "list.json"], "list.json: "),
        (["nowhere.safetensors", "--synthetic"], "nowhere.safetensors: no such file or preset"),
        (["bad.json", "--synthetic"], "bad.json: not a safetensors file"),
    ],
)
def test_bad_input(arguments: list[str], message: str, here: Path, cli: Callable[..., Any]) -> None:
    from biisnet.model.network import build
    from biisnet.model.variants import NETWORKS
    from biisnet.model.weights import save

    save(build(NETWORKS["adabin"]), here / "adabin.safetensors")
    (here / "bad.json").write_text('{"typo": 1}')
    (here / "list.json").write_text("[1]")
    (here / "binary.json").write_bytes(b"\xc0\xff")
    assert message in cli("train", *arguments, "-o", "run").message
    assert not (here / "run").exists()


def test_counts_of_a_sensor(here: Path, tiny: list[str], cli: Callable[..., Any]) -> None:
    """With --levels a run on 14-bit counts is the run on the 8-bit version, weight for weight; resumed without, it is
    on other data."""
    import numpy as np
    from PIL import Image

    assert cli("scenes", "-o", "eight", "--count", "8", "--size", "32x32").code == 0
    (here / "counts" / "images").mkdir(parents=True)
    (here / "counts" / "masks").symlink_to(here / "eight" / "masks")
    for path in (here / "eight" / "images").iterdir():
        with Image.open(path) as image:
            Image.fromarray(7000 + 8 * np.asarray(image).astype(np.uint16)).save(here / "counts" / "images" / path.name)
    options = [
        "train",
        "tiny.safetensors",
        "--split",
        "all",
        "--recipe",
        "recipe.json",
        "--threads",
        "1",
        "--epochs",
        "1",
    ]
    assert cli(*options, "--data", "eight", "-o", "a").code == 0
    done = cli(*options, "--data", "counts", "--levels", "7000:9040", "-o", "b")
    assert done.code == 0, done.err
    assert "note: " not in done.err
    assert_same_weights(here / "a" / "best.safetensors", here / "b" / "best.safetensors")
    again = cli(*options[:-1], "2", "--data", "counts", "-o", "b", "--resume")
    assert again.code != 0
    assert "note: all 8 frames have samples from 7" in again.err
