# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any moment, and disks that are full: what was there before stays whole."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from biisnet.compile.tuning.records import Records
from biisnet.runtime.bundle import open_bundle
from biisnet.targets import resolve

COMPILE = "from biisnet.tools.cli import compile_main; compile_main()"
TUNE = "from biisnet.tools.cli import main; main()"
OPTIONS = ("--target", "host", "--no-verify", "-o", "bundle")
DIES = f"""
import os, signal, sys
from pathlib import Path
here, left = Path.cwd(), int(sys.argv.pop(1))
def hook(event, arguments):
    global left
    if event.split(".")[0] not in ("os", "open", "shutil"):
        return
    if any(isinstance(a, (str, Path)) and str(a).startswith(str(here)) for a in arguments):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
try:
    {COMPILE}
finally:
    print(left, file=sys.stderr)
"""
MOUNTED = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-euc"]
needs_mounts = pytest.mark.skipif(
    shutil.which("unshare") is None
    or bool(subprocess.run([*MOUNTED, "mount -t tmpfs none /mnt"], capture_output=True).returncode),
    reason="needs user namespaces that may mount",
)


def compiled(program: str, model: Path, size: str, *first: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *first, str(model), "--size", size, *OPTIONS]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def digest(path: Path) -> str:
    """Of all that a bundle holds; raises BundleError where it is not whole."""
    with open_bundle(path) as bundle:
        parts = [p.read_bytes() for p in sorted(bundle.path.rglob("*")) if p.is_file()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_killed_while_compiling(here: Path, tiny_onnx: Path) -> None:
    """At places all over the compilation: the folder and the tar are each the old bundle or the new one."""
    states = []
    for size in ("24x20", "24x24"):
        assert compiled(COMPILE, tiny_onnx, size).returncode == 0
        states.append(digest(here / "bundle"))
    whole = compiled(DIES, tiny_onnx, "24x20", str(10**6))
    events = 10**6 - int(whole.stderr.split()[-1])
    assert events > 50
    assert digest(here / "bundle") == states[0]
    for n in (events // 3, 2 * events // 3, *range(events - 3, events + 1)):
        done = compiled(DIES, tiny_onnx, ("24x24", "24x20")[digest(here / "bundle") == states[1]], str(n))
        assert done.returncode == -signal.SIGKILL, done.stderr
        for name in ("bundle", "bundle.tar"):
            assert digest(here / name) in states, f"killed at event {n}: {name}"


@needs_mounts
def test_no_room_for_a_bundle(here: Path, tiny_onnx: Path) -> None:
    assert compiled(COMPILE, tiny_onnx, "24x20").returncode == 0
    before = digest(here / "bundle")
    room = sum(p.stat().st_size for p in here.rglob("*") if p.is_file()) + (200 << 10)
    script = f"""
mkdir disk; mount -t tmpfs -o size={room} none disk; cp -r bundle bundle.tar disk; cd disk
"$@" 2> ../said && exit 1
ls -A > ../left; cp -r bundle bundle.tar ../after
"""
    (here / "after").mkdir()
    command = [sys.executable, "-c", COMPILE, str(tiny_onnx), "--size", "24x24", *OPTIONS]
    subprocess.run([*MOUNTED, script, "sh", *command], check=True)
    assert "No space left on device" in (here / "said").read_text().splitlines()[-1]
    assert "Traceback" not in (here / "said").read_text()
    assert (here / "left").read_text().split() == ["bundle", "bundle.tar"]
    assert digest(here / "after" / "bundle") == digest(here / "after" / "bundle.tar") == before


@needs_mounts
@pytest.mark.emulator
def test_no_room_for_trials(here: Path, tiny_onnx: Path, emulated: None, llvm: None) -> None:
    """What was measured stays, and the session goes on where there is room again."""
    script = """
mkdir disk; mount -t tmpfs -o size=8k none disk  # about.json, and a page of trials
"$@" 2> said && exit 1
cp -r disk/db full; mount -o remount,size=10m disk
"$@" --resume > ended; cp -r disk/db db
"""
    command = [
        sys.executable,
        "-c",
        TUNE,
        "tune",
        str(tiny_onnx),
        "--size",
        "24x20",
        "--trials",
        "24",
        "--db",
        "disk/db",
    ]
    subprocess.run([*MOUNTED, script, "sh", *command], check=True)
    said = (here / "said").read_text()
    assert "No space left on device" in said.splitlines()[-1], said
    assert "Traceback" not in said
    full, ended = (Records(here / name, resolve("rpi4")).trials() for name in ("full", "db"))
    assert full
    assert ended[: len(full)] == full
    assert len(ended) >= 24
    assert len({(t.key, t.schedule) for t in ended}) == len(ended)
