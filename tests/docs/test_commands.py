# SPDX-License-Identifier: Apache-2.0
"""What the documents tell the reader to type is typed here: sh, python and c blocks, in order, in one folder.

README's lines are typed in a shell, and of the other documents all that a shell or another interpreter has to do with;
their plain commands of biisnet are called in this process, which has loaded TVM and PyTorch.
Compilations are made small: `--size HxW` is divided by 8 (by default the documented 256x256), the bundle keeps
its documented name. Blocks that need a board are marked `text`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from biisnet.compile.verification.scene import scene
from biisnet.model.scenes import scenes
from biisnet.targets import TARGETS
from biisnet.targets.toolchain import find_zig
from biisnet.tools.cli.app import app, compile_app

from .snippets import FENCE, ROOT, blocks, documents

EMULATOR = shutil.which("qemu-aarch64")
EMULATED = re.compile(r"qemu-|python -m benchmarks|--emulate|\b(run|verify) \S*-(rpi|bundle)")
BUNDLES = {"rpi4": "biisnet-rpi4-256x256", "host": "biisnet-host-256x256"}
BINARIES = str(Path(sys.executable).parent)
APPS = {"biisnet": app, "biisnet-compile": compile_app}
SHELL = re.compile(r"[|&;<>()$`*?~#\[\]{}]")
"""What a shell would do more with than pass it on."""

IN_THE_CLONE = {
    "python -m examples ": "--narrow 8",
    "python -m benchmarks.layers": "--layer 1x1-1024 -o pages",
    "python -m benchmarks --network my.onnx ": "--engine biisnet",
    "python -m benchmarks ": "--engine biisnet --size 32x32 -o pages",
}
"""Commands of the repository, the first that begins a line, and what makes them small: an eighth of an example's
channels, one layer, our engine alone, small images."""


def smaller(line: str) -> str:
    """A compile command at an eighth of its size, into the folder that it would have had; a run of one short epoch, an
    evaluation of small scenes; a command of the repository by its options there."""
    if line.startswith("biisnet train"):
        scenes = " --scenes 16" if "--synthetic" in line else ""
        return f"{re.sub(r'--epochs [0-9]+', '--epochs 1', line)} --recipe recipe.json{scenes}"
    if line.startswith("biisnet eval") and "--synthetic" in line:
        return f"{re.sub(r'--scenes [0-9]+', '--scenes 4', line)} --size 32x32"
    if line.startswith("biisnet tune "):
        return f"{re.sub(r' --trials [0-9]+', '', line)} --trials 8 --size 32x32"
    for beginning, options in IN_THE_CLONE.items():
        if line.startswith(beginning):
            return f"PYTHONPATH='{ROOT}' {line} {options}"
    words = line.split()
    sized = len(words) > 1 and words[1].endswith(".onnx") and "-o" in words and "--size" not in words
    if not line.startswith("biisnet-compile") or sized:
        return line  # an ONNX file has its own size
    given = next((w for w in words if re.fullmatch(r"\d+x\d+", w)), None)
    height, width = map(int, (given or "256x256").split("x"))
    small = f"{height // 8}x{width // 8}"
    line = line.replace(given, small) if given else f"{line} --size {small}"
    if "-o" in words:
        return line
    model = Path(words[1]).stem if not words[1].startswith("-") else "biisnet"
    return f"{line} -o {model}-{words[words.index('--target') + 1]}-{height}x{width}"


def run(command: list[str], folder: Path, where: str) -> None:
    """A command that must succeed in `folder`."""
    env = {**os.environ, "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{where}\n{done.stdout}{done.stderr}"


def call(line: str, folder: Path, where: str) -> None:
    """A command of biisnet that must succeed in `folder`, in this process."""
    name, *arguments = shlex.split(line)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = CliRunner().invoke(APPS[name], arguments)
    assert done.exit_code == 0, f"{where}\n{done.output}{done.exception!r}"


def make_material(folder: Path) -> None:
    """What the documents take for granted: a picture, a checkpoint, the bundles of other documents."""
    from biisnet.model import NetworkConfig
    from biisnet.model.network import build
    from biisnet.model.weights import save

    folder.mkdir()
    Image.fromarray(scene(60, 80)).save(folder / "frame.png")
    (folder / "y16").mkdir()
    Image.fromarray(7000 + 8 * scene(60, 80).astype("uint16")).save(folder / "y16" / "frame.png")
    config = NetworkConfig(channels=8, encoder_blocks=(1,), bottleneck_blocks=0, decoder_blocks=(0,))
    save(build(config), folder / "my.safetensors")
    recipe = {"phases": [{"begin": 0, "crop": 16, "batch": 8}], "size": [32, 32]}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    make_data_set(folder / "sirst")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for target, name in BUNDLES.items():
            options = ["--precision", "int8", "--target", target, "--size", "32x32", "--no-verify", "-o", name]
            done = CliRunner().invoke(compile_app, ["my.safetensors", *options])
            assert done.exit_code == 0, done.output


def make_data_set(folder: Path) -> None:
    """Six scenes, as SIRST is laid out."""
    for name in ("images", "masks", "idx_427"):
        (folder / name).mkdir(parents=True)
    frames = scenes(6, 32, 32)
    for frame in frames:
        Image.fromarray(frame.image.astype("uint8")).save(folder / "images" / f"{frame.name}.png")
        Image.fromarray(frame.mask).save(folder / "masks" / f"{frame.name}_pixels0.png")
    for split, part in (("trainval", frames[:4]), ("test", frames[4:])):
        (folder / "idx_427" / f"{split}.txt").write_text("".join(f"{f.name}\n" for f in part))


@pytest.fixture(scope="session")
def material(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The folder that `make_material` fills."""
    pytest.importorskip("torch")
    return once("material", make_material)


@pytest.mark.parametrize("document", documents(), ids=lambda d: d.name)
def test_blocks_run(document: Path, material: Path, tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    shutil.copytree(material, folder)
    for block in blocks(document):
        where = f"{document.name}:{block.line}"
        if block.language == "sh":
            lines = [smaller(line) for line in block.text.splitlines()]
            for line in lines:
                if EMULATED.search(line) and not EMULATOR:
                    if os.environ.get("CI"):
                        pytest.fail("qemu-aarch64 is not installed (Debian: qemu-user)")
                    continue
                if document.name != "README.md" and line.split(" ")[0] in APPS and not SHELL.search(line):
                    call(line, folder, f"{where}: {line}")
                else:
                    run(["bash", "-euc", line], folder, f"{where}: {line}")
        elif block.language == "python":
            run([sys.executable, "-c", block.text], folder, where)
        elif block.language == "c":
            check_program(block.text, folder, where)


def check_program(source: str, folder: Path, where: str) -> None:
    """A C program compiles without a warning, links to the host bundle's library, and runs."""
    (folder / "program.c").write_text(source)
    bundle = Path(BUNDLES["host"])
    include, library = f"-I{bundle}/include", f"{bundle}/lib/libbiisnet_model.so"
    options = ["-Wall", "-Werror", include, library, f"-Wl,-rpath,{folder / bundle / 'lib'}", "-o", "program"]
    run([str(find_zig()), "cc", "-Os", "program.c", *options], folder, where)
    run(["./program"], folder, where)


def test_readme_names_every_command_and_document() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for command in (*app.registered_commands, *compile_app.registered_commands):
        name = command.name or (command.callback.__name__ if command.callback else "")
        if name not in {"compile", "compile_command"}:
            assert f"`biisnet {name}" in readme, name
    for document in documents()[1:]:
        assert f"(docs/{document.name})" in readme, document.name


def test_targets_are_documented() -> None:
    table = (ROOT / "docs" / "targets.md").read_text("utf-8")
    for target in TARGETS.values():
        assert f"| `{target.name}` |" in table
        assert target.cpu in table
    assert all(t.glibc in table for t in TARGETS.values())


def test_manifest_fields_are_documented(material: Path) -> None:
    text = (ROOT / "docs" / "bundle.md").read_text("utf-8")
    manifest = json.loads((material / BUNDLES["rpi4"] / "manifest.json").read_text())
    nested = {f"{key}.{inner}" for key in ("model", "target") for inner in manifest[key]}
    for field in {*manifest, *nested} - {"model", "target"}:
        assert f"`{field}`" in text, field
    for field in manifest["verification"]:
        assert f"`{field}`" in text, field


@pytest.mark.parametrize("document", documents(), ids=lambda d: d.name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", FENCE.sub("", document.read_text("utf-8"))):
        assert (document.parent / link).exists(), link
