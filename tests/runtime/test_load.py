# SPDX-License-Identifier: Apache-2.0
"""biisnet.runtime.load: images in, maps out, and every bundle that it must refuse."""

import io
import json
import os
import signal
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biisnet.runtime import BundleError, Model, load, sources
from biisnet.runtime.bundle import open_bundle, read_bundle
from biisnet.runtime.levels import GreyLevelsWarning
from biisnet.runtime.machine import Machine, cpu_features, read_features
from biisnet.runtime.resize import resize_bilinear

from .cbuild import HEIGHT, PLAN, WIDTH, compile_c, reference, run

MakeBundle = Callable[..., Path]
Edit = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_maps_an_image_of_any_size(make_bundle: MakeBundle, threads: int) -> None:
    rng = np.random.default_rng(0)
    with load(make_bundle(), threads) as model:
        assert model.input_shape == (1, 1, HEIGHT, WIDTH)
        assert (model.name, model.threshold) == ('tiny "box"', 0.5)
        for size in ((HEIGHT, WIDTH), (1, 1), (20, 31)):
            image = rng.integers(0, 256, size, dtype=np.uint8)
            grey = resize_bilinear(image.astype(np.float32), HEIGHT, WIDTH)
            expected = resize_bilinear(reference(grey)["probability"], *size)
            probability = model(image)
            assert probability.dtype == np.float32
            np.testing.assert_allclose(probability, expected, atol=1e-6)
            np.testing.assert_array_equal(model.mask(image), probability > 0.5)
            np.testing.assert_array_equal(model(image.astype(np.uint16) * 257), probability)
            np.testing.assert_array_equal(model(image.astype(np.float32)), probability)
            np.testing.assert_array_equal(model(np.asfortranarray(image)), probability)


def test_counts_of_a_sensor(make_bundle: MakeBundle) -> None:
    """With levels every call finds what the 8-bit version of the scene has; floats of another scale are refused."""
    image = np.random.default_rng(4).integers(0, 256, (HEIGHT + 6, WIDTH + 5), dtype=np.uint8)
    counts = image.astype(np.float32) * 8 + 7000
    bundle = make_bundle(lambda m: m.update(receptive_field={"radius": 2, "stride": 2}))
    with load(bundle) as model:
        for given in (counts, counts.astype(np.uint16), counts.astype(np.int32), counts.astype(">u2")):
            for levels in ((7000, 9040), "7000:9040"):
                np.testing.assert_array_equal(model(given, levels), model(image))
                np.testing.assert_array_equal(model.mask(given, levels=levels), model.mask(image))
                np.testing.assert_array_equal(model.tiled(given, levels=levels), model.tiled(image))
                assert model.detect(given, levels=levels) == model.detect(image)
        with pytest.raises(ValueError, match=r"image: has samples of no known scale, from 70.* levels LOW:HIGH"):
            model(counts)
        with pytest.raises(ValueError, match="leave none of them"):
            model(image, (7000, 9000))
        with pytest.warns(GreyLevelsWarning, match="if 1 is white, say --levels 0:1"):
            model(image.astype(np.float32) / 255)


def test_equals_the_device_runner(make_bundle: MakeBundle, runner: list[str], tmp_path: Path) -> None:
    image = np.random.default_rng(2).random((29, 17), np.float32) * 255
    image.tofile(tmp_path / "in.f32")
    done = run(*runner, "--raw", "29x17", "--probability", tmp_path / "out.f32", tmp_path / "in.f32")
    assert done.returncode == 0, done.stderr
    with load(make_bundle()) as model:
        np.testing.assert_allclose(
            model(image), np.fromfile(tmp_path / "out.f32", np.float32).reshape(29, 17), rtol=0, atol=1e-6
        )


def test_threads_may_share_a_model(make_bundle: MakeBundle) -> None:
    images = np.random.default_rng(3).integers(0, 256, (4, HEIGHT, WIDTH), dtype=np.uint8)
    with load(make_bundle(), threads=2) as model:
        expected = [model(image) for image in images]
        wrong: list[int] = []

        def work(index: int) -> None:
            for _ in range(20):
                if not np.array_equal(model(images[index]), expected[index]):
                    wrong.append(index)

        workers = [threading.Thread(target=work, args=(index,)) for index in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert not wrong


def test_a_model_for_another_task(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """Its output is given back as it is meant: a map in the image's size, scores as a vector; it has no targets."""
    image = np.arange(40, dtype=np.uint8).reshape(5, 8)
    with load(make_bundle()) as detection:
        expected = detection(image)
    tensor = ".meaning = BIISNET_MEANING_PROBABILITY, .scale = 1, .rank = 4, .shape = {1, 1, H, W}"
    for task, meaning, shape in (
        ("map", "map", [1, 1, HEIGHT, WIDTH]),
        ("classification", "scores", [1, HEIGHT * WIDTH]),
    ):
        plan = tmp_path / f"{task}.c"
        extents = ", ".join(map(str, shape))
        other = (
            f".meaning = BIISNET_MEANING_{meaning.upper()}, .scale = 1, .rank = {len(shape)}, .shape = {{{extents}}}"
        )
        assert tensor in PLAN.read_text()
        plan.write_text(PLAN.read_text().replace(tensor, other))
        flags = (
            f"-DPLAN_TASK=BIISNET_TASK_{task.upper()}",
            "-DPLAN_THRESHOLD=0",
            "-DFIELD_RADIUS=0",
            "-DFIELD_STRIDE=0",
        )
        library = compile_c(
            tmp_path / f"{task}.so", (*sources.LIBRARY_SOURCES, plan), *flags, "-fPIC", *sources.SHARED_LDFLAGS
        )

        def edit(manifest: dict[str, Any], task: str = task, meaning: str = meaning, shape: list[int] = shape) -> None:
            manifest.update(task=task, threshold=None)
            manifest["outputs"][0].update(meaning=meaning, shape=shape)

        with load(make_bundle(edit, library)) as model:
            found = model(image)
            if task == "map":
                np.testing.assert_array_equal(found, expected)
            else:
                assert found.shape == (HEIGHT * WIDTH,)
            assert model.threshold is None
            for refused in (model.detect, model.mask):
                with pytest.raises(ValueError, match=f"is a model for {task}, which finds no targets"):
                    refused(image)
            with pytest.raises(ValueError, match="cannot work in tiles"):
                model.tiled(image)


def _in_child(work: Callable[[], bool]) -> bool:
    """Whether `work` says so in a forked child, within 20 seconds."""
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # instead of for ever
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


def _refuses(model: Model, image: np.ndarray) -> bool:
    try:
        model(image)
    except RuntimeError as error:
        return "not in this process, which was forked" in str(error)
    return False


def test_a_forked_child_is_refused(make_bundle: MakeBundle) -> None:
    """Fails where a child waits for ever for threads that only its parent has; one thread is all that a child needs."""
    root, image = make_bundle(), np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
    with load(root, threads=2) as model, load(root) as single:
        expected = model(image)

        def child() -> bool:
            refused = _refuses(model, image)
            model.close()
            with load(root, threads=2) as own:
                return refused and np.array_equal(own(image), expected) and np.array_equal(single(image), expected)

        assert _in_child(child)
        with model._lock:  # as if another thread of the parent were in the middle of a call
            assert _in_child(lambda: _refuses(model, image))
        np.testing.assert_array_equal(model(image), expected)


def test_tar_and_two_instances(make_bundle: MakeBundle, tmp_path: Path) -> None:
    root = make_bundle()
    image = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
    for inside in (".", "biisnet-host"):
        archive = tmp_path / "bundle.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(root, inside)
        with load(root) as first, load(archive) as second:
            np.testing.assert_array_equal(first(image), second(image))


def test_bad_arguments(make_bundle: MakeBundle) -> None:
    root = make_bundle()
    with pytest.raises(ValueError, match="threads: 0"):
        load(root, threads=0)
    with pytest.raises(ValueError, match="threads: '2'"):
        load(root, threads="2")  # type: ignore[arg-type]
    model = load(root)
    with pytest.raises(TypeError, match="float64"):
        model(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="one plane"):
        model(np.zeros((3, 3, 3), np.uint8))
    with pytest.raises(ValueError, match="one plane"):
        model(np.zeros((0, 3), np.uint8))
    with pytest.raises(ValueError, match="finite"):
        model(np.full((3, 3), np.nan, np.float32))
    model.close()
    model.close()
    with pytest.raises(ValueError, match="closed"):
        model(np.zeros((3, 3), np.uint8))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda m: m.update(schema=1), "schema 1 is not the 3 .*; compile the model again"),
        (lambda m: m.pop("schema"), "schema None"),
        (lambda m: m.update(abi=1), "ABI 1"),
        (lambda m: m.pop("threshold"), "field threshold is missing"),
        (lambda m: m["target"].pop("arch"), "field target.arch is missing"),
        (lambda m: m["target"].update(arch="riscv64", name="other"), r"built for other \(riscv64\)"),
        (lambda m: m["target"].update(features=["avx9000"]), "this CPU lacks avx9000"),
        (lambda m: m["target"].update(features=[1]), "field target.features is missing or mistyped"),
        (lambda m: m.update(inputs=[{}]), "field inputs is missing or mistyped"),
        (lambda m: m.update(inputs=["x"]), "field inputs is missing or mistyped"),
        (lambda m: m.update(inputs=[]), "field inputs is empty"),
        (lambda m: m["outputs"][0].update(shape=[1, 1, 1, 8, 8]), "field outputs is missing or mistyped"),
        (lambda m: m["outputs"][0].update(shape=[]), "field outputs is missing or mistyped"),
        (lambda m: m["outputs"][0].update(dtype="float16"), "field outputs is missing or mistyped"),
        (lambda m: m["outputs"][0].update(meaning="taste"), "field outputs is missing or mistyped"),
        (lambda m: m["outputs"][0].pop("name"), "field outputs is missing or mistyped"),
        (lambda m: m["outputs"][0].update(shape=[1, 1, 8]), "field task is detection, but"),
        (lambda m: m["inputs"].append(m["inputs"][0]), "field task is detection, but"),
        (lambda m: m.pop("task"), "field task is missing"),
        (lambda m: m.update(task="guessing"), "field task is missing or mistyped"),
        (lambda m: m.update(task="segmentation"), "field threshold is missing or mistyped"),
        (lambda m: m.update(task="map", threshold=None), r"not the manifest's \(signature\)"),
        (lambda m: m.update(threshold=None), "field threshold is missing or mistyped"),
        (lambda m: m.update(threshold=1.5), "field threshold is missing or mistyped"),
        (lambda m: m.update(threshold=0.25), r"not the manifest's \(signature\)"),
        (lambda m: m.update(scores={"slope": 0.5, "offset": 0}), r"not the manifest's \(scores\)"),
        (lambda m: m.update(scores=None), "field scores is missing or mistyped"),
        (lambda m: m.update(scores={"slope": 1}), "field scores is missing or mistyped"),
        (lambda m: m.update(scores={"slope": True, "offset": 0}), "field scores is missing or mistyped"),
        (lambda m: m.update(scores={"slope": 0, "offset": 0}), "field scores is missing or mistyped"),
        (lambda m: m.update(scores={"slope": 10**400, "offset": 0}), "field scores is missing or mistyped"),
        (lambda m: m.update(scores={"slope": 1, "offset": float("nan")}), "field scores is missing or mistyped"),
        (
            lambda m: m.update(task="map", threshold=None, scores={"slope": 1, "offset": 0}),
            "field scores is of detection, and the task is map",
        ),
        (lambda m: m["inputs"][0].update(meaning="map"), r"not the manifest's \(signature\)"),
        (lambda m: m["model"].update(sha256="0" * 64), r"not the manifest's \(model\)"),
        (lambda m: m["model"].pop("sha256"), "field model.sha256 is missing"),
        (lambda m: m["outputs"][0].update(shape=[1, 1, "8", 8]), "field outputs is missing or mistyped"),
        (lambda m: m["outputs"][0].update(shape=None), "field outputs is missing or mistyped"),
        (lambda m: m.update(glibc="99.1"), "needs glibc 99.1"),
        (lambda m: m.update(glibc="new"), "field glibc is no version"),
        (lambda m: m["files"].clear(), "lists no sha256"),
        (lambda m: m["files"].update({"bin/biisnet-run": "0"}), "biisnet-run: is missing"),
        (lambda m: m["files"].update({"../x": "0"}), "leaves the bundle"),
        (
            lambda m: [m[kind][0].update(shape=[1, 1, 8, 8]) for kind in ("inputs", "outputs")],
            r"not the manifest's \(signature\)",
        ),
        (lambda m: m.update(arena_bytes=1), r"not the manifest's \(arena\)"),
    ],
)
def test_refuses_what_the_manifest_rules_out(make_bundle: MakeBundle, edit: Edit, message: str) -> None:
    with pytest.raises(BundleError, match=message) as caught:
        load(make_bundle(edit))
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value)  # the way out


def test_refuses_damaged_files(make_bundle: MakeBundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not exist"):
        load(tmp_path / "nothing")
    with pytest.raises(BundleError, match=r"manifest\.json: is missing"):
        load(tmp_path)
    root = make_bundle()
    library = root / "lib" / "libbiisnet_model.so"
    content = bytearray(library.read_bytes())
    content[1000] ^= 1
    library.write_bytes(content)
    with pytest.raises(BundleError, match="differs from its sha256"):
        load(root)
    library.unlink()
    with pytest.raises(BundleError, match=r"libbiisnet_model\.so: is missing"):
        load(root)
    (root / "manifest.json").write_text("{")
    with pytest.raises(BundleError, match="cannot be read"):
        load(root)
    (root / "manifest.json").write_text(json.dumps([1]))
    with pytest.raises(BundleError, match="schema"):
        load(root)


def flips(size: int, count: int) -> list[tuple[int, int]]:
    """(byte, bit) of `count` places spread over `size` bytes, the first and the last among them."""
    return [(n * (size - 1) // max(count - 1, 1), n % 8) for n in range(count)]


def test_one_flipped_bit_anywhere(make_bundle: MakeBundle) -> None:
    """Fails where a file's damage is not seen: every byte of the small files, places all over the library."""
    root = make_bundle()
    for path in (p for p in sorted(root.rglob("*")) if p.is_file()):
        good = path.read_bytes()
        for byte, bit in flips(len(good), min(len(good), 2000)):
            path.write_bytes(good[:byte] + bytes([good[byte] ^ 1 << bit]) + good[byte + 1 :])
            with pytest.raises(BundleError, match=r"; (copy the bundle|compile the model) again$"):
                read_bundle(root)
        path.write_bytes(good)
    read_bundle(root)


def test_one_flipped_bit_of_a_tar(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """Refused, or not part of any file (padding): what is loaded is then what was packed."""
    root, archive = make_bundle(), tmp_path / "bundle.tar"
    expected = {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    with tarfile.open(archive, "w") as tar:
        tar.add(root, "bundle")
    good = archive.read_bytes()
    reasons = []
    for byte, bit in [*flips(len(good), 400), *flips(3 * 512, 400)]:  # headers are at the beginning
        archive.write_bytes(good[:byte] + bytes([good[byte] ^ 1 << bit]) + good[byte + 1 :])
        try:
            with open_bundle(archive) as bundle:
                found = {p.relative_to(bundle.path): p.read_bytes() for p in bundle.path.rglob("*") if p.is_file()}
            assert found == expected, (byte, bit)
        except BundleError as error:
            reasons.append(str(error))
    assert len(reasons) > 400
    assert not any("\n" in reason for reason in reasons)


def test_a_foreign_bundle_can_be_inspected(make_bundle: MakeBundle) -> None:
    root = make_bundle(lambda m: m["target"].update(arch="aarch64", features=["asimd"]))
    bundle = read_bundle(root)
    bundle.check_machine(Machine("aarch64", frozenset({"asimd"}), (2, 28)))
    bundle.check_machine(Machine("aarch64", frozenset({"asimd"}), None))
    with pytest.raises(BundleError, match="lacks asimd"):
        bundle.check_machine(Machine("aarch64", frozenset({"fp"}), (2, 28)))


def test_features_are_those_of_every_core() -> None:
    text = "processor: 0\nFeatures\t: fp asimd crc32\n\nprocessor: 1\nFeatures\t: fp asimd\n"
    assert cpu_features(text) == {"fp", "asimd"}
    assert cpu_features("") == frozenset()


def test_features_are_read_from_cpuinfo(tmp_path: Path) -> None:
    cores = ["processor\t: 0\nflags\t\t: fpu avx2 fma\n", "processor\t: 1\nflags\t\t: fpu avx2\n"]
    (tmp_path / "x86").write_text("\n".join(cores))
    (tmp_path / "arm").write_text("processor\t: 0\nFeatures\t: fp asimd crc32\n")
    assert read_features(tmp_path / "x86") == {"fpu", "avx2"}
    assert read_features(tmp_path / "arm") == {"fp", "asimd", "crc32"}
    assert read_features(tmp_path / "nothing") == frozenset()


def _tar_of(path: Path, member: tarfile.TarInfo, content: bytes = b"") -> Path:
    member.size = len(content)
    with tarfile.open(path, "w") as tar:
        tar.addfile(member, io.BytesIO(content))
    return path


def test_unsafe_archives_are_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("lib/x")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    for member, message in (
        (tarfile.TarInfo("../evil"), "leaves the archive"),
        (tarfile.TarInfo("/tmp/evil"), "leaves the archive"),
        (link, "link or device"),
    ):
        with pytest.raises(BundleError, match=message), open_bundle(_tar_of(tmp_path / "b.tar", member)):
            pass
    (tmp_path / "b.tar").write_bytes(b"no tar at all")
    with pytest.raises(BundleError, match="not a bundle's folder or tar"), open_bundle(tmp_path / "b.tar"):
        pass
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" + bytes(2000), b"text\n" * 300])
def test_a_file_of_another_kind(content: bytes, tmp_path: Path) -> None:
    """Fails where an image in a bundle's place is answered with a line for each kind of tar that it is not."""
    frame = tmp_path / "frame.png"
    frame.write_bytes(content)
    with pytest.raises(BundleError) as caught:
        load(frame)
    assert str(caught.value) == f"{frame}: not a bundle's folder or tar; give what biisnet-compile wrote"


def _with_size(size: str) -> bytes:
    """A tar of one member, to whose size a pax header gives another value."""
    member = tarfile.TarInfo("b/manifest.json")
    member.pax_headers = {"size": size}
    return member.tobuf(tarfile.PAX_FORMAT) + bytes(2 * tarfile.BLOCKSIZE)


def _sparse() -> bytes:
    """A tar of one sparse member of a terabyte, of which nothing is stored: GNU's format 1.0."""
    member = tarfile.TarInfo("b/manifest.json")
    member.size = tarfile.BLOCKSIZE
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 40)}
    return member.tobuf(tarfile.PAX_FORMAT) + b"0\n".ljust(3 * tarfile.BLOCKSIZE, b"\0")


@pytest.mark.parametrize("size", ["-1", "-99999999999", str(1 << 40), str(1 << 70)])
def test_sizes_that_cannot_be(size: str, tmp_path: Path) -> None:
    """One line, whatever tarfile makes of them; the last was found by fuzzing."""
    (tmp_path / "b.tar").write_bytes(_with_size(size))
    with pytest.raises(BundleError) as caught, open_bundle(tmp_path / "b.tar"):
        pass
    assert str(caught.value).startswith(f"{tmp_path / 'b.tar'}: ")


def test_a_sparse_member(tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_bytes(_sparse())
    with pytest.raises(BundleError, match="has no size that can be"), open_bundle(tmp_path / "b.tar"):
        pass


def test_a_compressed_tar(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """Fails where what comes from outside reaches a decompressor."""
    path = tmp_path / "b.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(make_bundle(), ".")
    with pytest.raises(BundleError, match="not a bundle's folder or tar"), open_bundle(path):
        pass


def test_a_cut_tar(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """Fails where a copy that broke off is not said to be one."""
    archive = tmp_path / "bundle.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(make_bundle(), "bundle")
    archive.write_bytes(archive.read_bytes()[:3000])
    with pytest.raises(BundleError, match=r"bundle\.tar: cannot be unpacked .*; copy it again"):
        load(archive)


@pytest.mark.parametrize(
    ("edit", "file"),
    [
        (lambda m: m.pop("threshold"), "manifest.json"),
        (lambda m: m["files"].update({"bin/biisnet-run": "0"}), "bin/biisnet-run"),
        (lambda m: m["target"].update(features=["avx9000"]), "manifest.json"),
        (lambda m: m.update(arena_bytes=1), "lib/libbiisnet_model.so"),
    ],
)
def test_errors_name_the_tar(edit: Edit, file: str, make_bundle: MakeBundle, tmp_path: Path) -> None:
    """Fails where a message names the temporary folder, which is gone when it is read."""
    archive = tmp_path / "bundle.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(make_bundle(edit), "bundle")
    with pytest.raises(BundleError) as caught:
        load(archive)
    assert str(caught.value).startswith(f"{archive}/{file}: ")


def test_another_error_is_left_alone(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """Fails where an error without a text is lost on its way out of an unpacked tar."""
    archive = tmp_path / "bundle.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(make_bundle(), "bundle")
    with pytest.raises(OSError, match="No space left") as caught, open_bundle(archive):
        raise OSError(28, "No space left on device")
    assert caught.value.errno == 28
