# SPDX-License-Identifier: Apache-2.0
"""Why a library or a program does not start: each reason by itself, with its own way out."""

import os
import shutil
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from biisnet.runtime import BundleError, loading
from biisnet.runtime.library import load_library
from biisnet.runtime.probe import Probe, ProbeError

MakeBundle = Callable[..., Path]
MOUNTED = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-euc"]
needs_mounts = pytest.mark.skipif(
    shutil.which("unshare") is None
    or bool(subprocess.run([*MOUNTED, "mount -t tmpfs none /mnt"], capture_output=True).returncode),
    reason="needs user namespaces that may mount",
)


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """The same file with another word of the same length."""

    def edit(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new)

    return edit


def segments_end(data: bytes) -> int:
    """Where what is loaded of an ELF file ends."""
    at, size, count = struct.unpack_from("<32xQ14xHH", data)
    ends = (struct.unpack_from("<8xQ16xQ", data, at + n * size) for n in range(count))
    return max(offset + length for offset, length in ends)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda d: d[:4] + b"\x01" + d[5:], "has 32 bits, this Python has 64; use one of 32 bits"),
        (lambda d: d[:18] + b"\xf3\x00" + d[20:], "is for RISC-V, this is "),
        (lambda d: d[:18] + b"\x34\x12" + d[20:], "is for machine 4660, this is "),
        (lambda d: d[: segments_end(d) - 1], "is truncated; copy the bundle again"),
        (lambda d: d[:100], "is truncated"),
        (lambda d: d[:20], "is no library"),
        (lambda d: b"", "is no library"),
        (lambda d: b"hello" * 100, "is no library"),
        (
            replaced(b"libc.so.6\0", b"libz.so.9\0"),
            r"cannot be loaded: needs libz\.so\.9, which is not here; use bin/bi",
        ),
        (replaced(b"biisnet_threshold\0", b"biisnet_threshald\0"), "lacks biisnet_threshold, it is no library of this"),
    ],
)
def test_reasons(edit: Callable[[bytes], bytes], words: str, make_bundle: MakeBundle, tmp_path: Path) -> None:
    """Fails where all of them say to compile the model again, or end the process with SIGBUS."""
    whole = make_bundle() / "lib" / "libbiisnet_model.so"
    (path := tmp_path / "model.so").write_bytes(edit(whole.read_bytes()))
    with pytest.raises(BundleError, match=words) as caught:
        load_library(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("/lib/libc.so.6: version `GLIBC_2.38' not found (required by m.so)", "needs GLIBC_2.38, this machine's"),
        ("Error loading shared library ld-linux-aarch64.so.1: No such file", "needs ld-linux-aarch64.so.1, which"),
        ("m.so: failed to map segment from shared object: Operation not permitted", "the system does not let it be"),
        ("m.so: cannot allocate memory in static TLS block", "there is too little memory"),
        ("m.so: ELF load command past end of file", "(m.so: ELF load command past end of file); copy the bundle"),
    ],
)
def test_words_of_other_machines(said: str, words: str, tmp_path: Path) -> None:
    assert words in loading.why_not_loaded(tmp_path / "m.so", said)


@needs_mounts
def test_a_disk_that_runs_no_programs(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """As /tmp often is on machines that somebody has hardened: library and runner."""
    bundle = make_bundle()
    (disk := tmp_path / "disk").mkdir()
    program = f"""
from pathlib import Path
from biisnet.runtime.library import load_library
from biisnet.runtime.probe import Probe
for function, name in ((load_library, 'm.so'), (lambda path: Probe([path]), 'run')):
    try:
        function(Path('{disk}') / name)
    except Exception as e:
        print(type(e).__name__, e)
"""
    script = (
        f"mount -t tmpfs -o noexec none {disk}; cp {bundle}/lib/libbiisnet_model.so {disk}/m.so; "
        f'cp /bin/true {disk}/run; exec {sys.executable} -c "{program}"'
    )
    done = subprocess.run([*MOUNTED, script], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stderr
    for line, name in zip(lines, ("BundleError", "ProbeError"), strict=True):
        assert line.startswith(f"{name} {disk}/")
        assert "its disk is mounted noexec; put the bundle on another" in line


def test_a_runner_that_has_lost_its_mode(tmp_path: Path) -> None:
    (path := tmp_path / "biisnet-run").write_text("#!/bin/sh\n")
    path.chmod(stat.S_IRUSR)
    with pytest.raises(ProbeError, match=r"is not executable; chmod \+x it, or copy the bundle again"):
        Probe([path])
    with pytest.raises(ProbeError, match=r"missing: cannot be started .No such file"):
        Probe([tmp_path / "missing"])
    assert not os.access(path, os.X_OK)
