# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.fuzz.harness PARSER [libFuzzer's options]`: the parsers that are Python, under Atheris.

Each function takes any bytes; what it lets out other than the error that it documents ends the fuzzing.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

Harness = Callable[[bytes], None]


def expect_one_line(error: Exception) -> None:
    """An error that is for a person."""
    assert "\n" not in str(error), error


def of_file(path: Path, parse: Callable[[Path], object], documented: type[Exception]) -> Harness:
    """Of a parser of one file."""

    def run(data: bytes) -> None:
        path.write_bytes(data)
        try:
            parse(path)
        except documented as error:
            expect_one_line(error)

    return run


def manifest(folder: Path) -> Harness:
    """A bundle's manifest, and what is made of it."""
    with atheris.instrument_imports(include=["biisnet"]):
        from biisnet.compile.emit.manifest import schedules_of, target_of
        from biisnet.runtime.bundle import read_manifest
        from biisnet.runtime.errors import BundleError
        from biisnet.runtime.signature import Signature

    def parse(path: Path) -> None:
        fields = read_manifest(path)
        Signature.parse(fields)
        target_of(fields)
        schedules_of(fields)

    return of_file(folder / "manifest.json", parse, BundleError)


def archive(folder: Path) -> Harness:
    """A bundle's tar; what it unpacks lies in the folder that is given."""
    with atheris.instrument_imports(include=["biisnet", "tarfile"]):
        from biisnet.runtime.archive import extract
        from biisnet.runtime.errors import BundleError
    path, place = folder / "bundle.tar", folder / "around" / "bundle"
    place.mkdir(parents=True)

    def run(data: bytes) -> None:
        path.write_bytes(data)
        try:
            extract(path, place)
        except BundleError as error:
            expect_one_line(error)
        for entry in os.scandir(place):
            shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
        assert os.listdir(place.parent) == ["bundle"]
        assert sorted(os.listdir(folder)) == ["around", "bundle.tar"]

    return run


def database(folder: Path) -> Harness:
    """A tuning database: records.jsonl, beside an about.json that is right where the input has none, before a zero
    byte, of its own."""
    with atheris.instrument_imports(include=["biisnet"]):
        from biisnet.compile.errors import CompileError
        from biisnet.compile.tuning.records import ABOUT, SHIPPED, TRIALS, best_records
        from biisnet.targets import resolve
    target = resolve("rpi4")
    right = (SHIPPED / target.name / ABOUT).read_bytes()

    def run(data: bytes) -> None:
        about, zero, lines = data.rpartition(b"\0")
        (folder / ABOUT).write_bytes(about if zero else right)
        (folder / TRIALS).write_bytes(lines)
        try:
            best_records(folder, target, "fuzzed")
        except CompileError as error:
            expect_one_line(error)

    return run


def onnx(folder: Path) -> Harness:
    """An ONNX file, up to the Relax module."""
    with atheris.instrument_imports(include=["biisnet"]):
        from biisnet.compile.errors import CompileError
        from biisnet.compile.frontend import import_onnx, load_model
    return of_file(folder / "model.onnx", lambda path: import_onnx(load_model(path), (16, 16)), CompileError)


def recognise(folder: Path) -> Harness:
    """A network of another tool, up to the Relax module; the proof of what was rewritten is left out, it takes longer
    than all else."""
    with atheris.instrument_imports(include=["biisnet"]):
        from biisnet.compile import recognise as stage
        from biisnet.compile.errors import CompileError
        from biisnet.compile.frontend import import_onnx, load_model
        from biisnet.compile.recognise import prove
    prove.prove = lambda *_: ""

    def parse(path: Path) -> None:
        import_onnx(stage.recognise(load_model(path), (16, 16)).model, (16, 16))

    return of_file(folder / "model.onnx", parse, CompileError)


HARNESSES = {f.__name__: f for f in (manifest, archive, database, onnx, recognise)}
MUTATED = ("onnx", "recognise")
"""Harnesses whose inputs are networks, and mutated as such, three times of four."""


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """A network with other layers, or other bytes."""
    from .networks import mutate

    found = mutate(data, most, seed) if seed % 4 else None
    return found if found is not None else bytes(atheris.Mutate(data, most))


def main() -> None:
    """Fuzz until libFuzzer's options say that it is enough."""
    name = sys.argv.pop(1)
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        again = f"{sys.executable} -m tests.fuzz.harness {name}"  # what libFuzzer has a shell run for -merge
        options = {"custom_mutator": mutated} if name in MUTATED else {}
        atheris.Setup([again, *sys.argv[1:]], HARNESSES[name](Path(folder)), **options)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
