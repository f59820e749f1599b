# SPDX-License-Identifier: Apache-2.0
"""A bundle -> a function from image to the model's output."""

import ctypes
import os
import threading
import warnings
import weakref
from dataclasses import astuple, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from .answers import Answer, own_threshold
from .bundle import Bundle, open_bundle
from .classes import SHOWN, Class, best_classes
from .detections import Detection, detector
from .errors import BundleError
from .levels import GreyLevelsWarning, LevelsLike, Samples, Watch, as_levels, check_whole, grey_levels, whole_levels
from .library import Input, Output, load_library, signature_of
from .resize import resize_bilinear, resize_values
from .signature import CLASSIFICATION, Signature
from .tiles import tiled, tiling

MAX_THREADS = 64
Grey = npt.NDArray[Any]
"""Grey levels 0..255: float32, or uint8 where they are whole."""


def to_levels(image: npt.NDArray[Any], levels: LevelsLike = None, whole: bool = False, channels: int = 1) -> Grey:
    """uint8, uint16 or float32 [H, W], of several channels [H, W, C] -> levels 0..255 [H, W] or [C, H, W], by the rule
    of levels.py: uint8 as it is where `levels` do not change it, else contiguous float32.

    With `levels` any real dtype: counts of the sensor. `whole` is for a model of bytes. Raises TypeError for another
    dtype, ValueError for another shape, an empty image, values not finite, and floats without `levels` that are outside
    of 0..255, or with `whole` between levels.
    """
    image = np.asarray(image)
    if channels == 1 and (image.ndim != 2 or image.size == 0):
        raise ValueError(f"image: has shape {image.shape}; give one plane [H, W] of grey levels")
    if channels > 1:
        if image.ndim != 3 or image.shape[2] != channels or image.size == 0:
            raise ValueError(f"image: has shape {image.shape}; give pixels of {channels} channels [H, W, {channels}]")
        image = np.ascontiguousarray(image.transpose(2, 0, 1))
    kind = image.dtype.newbyteorder("=")
    if kind not in (np.uint8, np.uint16, np.float32) and (levels is None or kind.kind not in "iuf"):
        raise TypeError(f"image: has dtype {image.dtype}; give uint8, uint16 or float32 grey levels")
    samples = Samples.of_array(image)
    try:
        grey: Grey = image if image.dtype == np.uint8 and levels is None else grey_levels(samples, as_levels(levels))
        if whole and levels is None and samples.full is None:
            check_whole(image)
    except ValueError as error:
        raise ValueError(f"image: {error}") from error
    watch = Watch(as_levels(levels))
    watch.see(samples, grey)
    if note := watch.note():
        warnings.warn(f"image: {note}", GreyLevelsWarning, stacklevel=4)
    return grey


def fit_frame(grey: Grey, signature: Signature) -> Grey:
    """Levels [H, W] or [C, H, W] as `to_levels` makes them -> a contiguous frame of the model's size, the same array
    where it is one: uint8 where the model takes bytes (rounded), else either."""
    size = signature.size
    if grey.shape[-2:] == size:
        levels = grey
    elif grey.ndim == 2:
        levels = resize_bilinear(grey.astype(np.float32, copy=False), *size)
    else:
        levels = np.stack([resize_bilinear(plane.astype(np.float32, copy=False), *size) for plane in grey])
    if signature.inputs[0].dtype == "uint8" and levels.dtype != np.uint8:
        levels = whole_levels(levels)
    return np.ascontiguousarray(levels)


def _comparable(signature: Signature) -> Signature:
    """The part of a signature that `signature_of` tells: a threshold in float32, and names perhaps with other signs."""
    inputs, outputs = (tuple(replace(t, name="") for t in tensors) for tensors in (signature.inputs, signature.outputs))
    threshold = None if signature.threshold is None else float(np.float32(signature.threshold))
    return Signature(signature.task, inputs, outputs, threshold)


def result_of_frame(result: npt.NDArray[Any], signature: Signature, size: tuple[int, int]) -> npt.NDArray[Any]:
    """The first output as it is given back of a frame of `size`: a map resized as the frame was, [H, W] of one channel,
    else [C, H, W]; scores [N]."""
    wanted, own = signature.size_of_result(*size), signature.outputs[0].size
    if wanted is None or own is None:
        return result.reshape(-1)
    planes = [resize_values(plane, *wanted) for plane in result.reshape(-1, *own)]
    return planes[0] if len(planes) == 1 else np.stack(planes)


_models: "weakref.WeakSet[Model]" = weakref.WeakSet()


def _renew_locks() -> None:
    """In the child of a fork: who held a lock is in the parent."""
    for model in _models:
        model._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


class Model:
    """One instance of the model: its own arena and threads. Made by `load`.

    A lock lets one call in at a time, so threads may share an instance; to run at the same time, each needs
    its own. Inference releases the interpreter lock.
    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        """Opens the library of a checked bundle; raises BundleError, or ValueError for a bad thread count."""
        if not isinstance(threads, int) or not 1 <= threads <= MAX_THREADS:
            raise ValueError(f"threads: {threads!r} is not in 1..{MAX_THREADS}; give a number of cores")
        bundle.check_machine()
        self._handle = ctypes.c_void_p()
        self._lock = threading.Lock()
        self._library = library = load_library(bundle.library)
        self.signature = bundle.signature
        self._check_manifest(bundle)
        if why := self.signature.why_no_frames():
            raise BundleError(f"{bundle.library}: {why}; use the C interface")
        if len(self.signature.outputs) != 1:
            raise BundleError(f"{bundle.library}: has {len(self.signature.outputs)} outputs; use the C interface")
        self._answer = Answer(self.signature.outputs[0])
        self.name: str = library.biisnet_model_name().decode()
        self.manifest = bundle.manifest
        status = library.biisnet_create(ctypes.byref(self._handle), threads)
        if status:
            raise BundleError(f"{bundle.library}: {library.biisnet_status_string(status).decode()}")
        _models.add(self)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """[1, C, H, W]."""
        return self.signature.inputs[0].shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of what the network computes, before anything is resized."""
        return self.signature.outputs[0].shape

    @property
    def threshold(self) -> float | None:
        """A pixel is a target's where its probability is greater; None where the task is no detection."""
        return self.signature.threshold

    def _check_manifest(self, bundle: Bundle) -> None:
        """A library that is not the manifest's would be fed the wrong size."""
        manifest, library = bundle.manifest, self._library
        with_own_threshold = replace(bundle.signature, threshold=own_threshold(bundle.signature))
        told = {
            "model": (manifest["model"]["sha256"], library.biisnet_model_sha256().decode()),
            "signature": (_comparable(with_own_threshold), _comparable(signature_of(library))),
            "scores": (
                astuple(bundle.signature.scores),
                (library.biisnet_score_slope(), library.biisnet_score_offset()),
            ),
            "arena": (manifest["arena_bytes"], library.biisnet_arena_bytes(1)),
        }
        if differ := [name for name, (wanted, found) in told.items() if wanted != found]:
            raise BundleError(f"{bundle.library}: is not the manifest's ({differ[0]}); compile the model again")

    @property
    def takes_bytes(self) -> bool:
        """Whether its frames are uint8; else they are float32."""
        return self.signature.inputs[0].dtype == "uint8"

    def __call__(self, image: npt.NDArray[Any], levels: LevelsLike = None) -> npt.NDArray[Any]:
        """Image [H, W], for a model of several channels [H, W, C] in the order that it was trained with (mostly red,
        green, blue), uint8, uint16 or float32 0..255 -> what the model computes of it, in its output's dtype and
        meaning (`signature`): a map [H, W], of a detection the probability of a target in float32, or its logit in
        integers; maps [C, H, W]; or scores [N].

        A contiguous grey uint8 image of the model's size is read where it lies. `levels` says which counts are black
        and white, where the format's are not: (7000, 9000), or '1%:99%' of each frame. An image of another size than
        the model's is resized bilinearly, and maps back: one that is twice as large as the model's input is twice as
        large as the image. A model of bytes gets levels rounded to the nearest whole one; of floats without `levels`,
        which are exact, only such. Raises RuntimeError after a fork, where the threads are the parent's.
        """
        return self.infer(self._levels(image, levels))

    def _levels(self, image: npt.NDArray[Any], levels: LevelsLike) -> Grey:
        return to_levels(image, levels, self.takes_bytes, self.signature.channels)

    def infer(self, grey: Grey) -> npt.NDArray[Any]:
        """The same of levels [H, W] or [C, H, W] as `to_levels` makes them: uint8, or float32, rounded where it takes
        bytes."""
        (output,) = self.signature.outputs
        source, result = fit_frame(grey, self.signature), np.empty(output.shape, output.dtype)
        with self._lock:
            if not self._handle:
                raise ValueError(f"model {self.name}: is closed; load the bundle again")
            status = self._library.biisnet_run(self._handle, Input.of(source), Output.of(result))
        if status:
            raise RuntimeError(f"model {self.name}: {self._library.biisnet_status_string(status).decode()}")
        height, width = grey.shape[-2:]
        return result_of_frame(result, self.signature, (height, width))

    def classify(self, image: npt.NDArray[Any], count: int = SHOWN, levels: LevelsLike = None) -> list[Class]:
        """Image as for a call -> its `count` best classes, the highest score first.

        Raises BundleError where the model is for another task than classification.
        """
        if self.signature.task != CLASSIFICATION:
            raise BundleError(f"model {self.name}: is for {self.signature.task}, and gives no classes; call the model")
        return best_classes(self(image, levels), count)

    def mask(self, image: npt.NDArray[Any], levels: LevelsLike = None) -> npt.NDArray[np.bool_]:
        """Grey image [H, W] -> bool [H, W], true where the probability of a target is above the model's threshold.

        Raises BundleError where the model is for another task than detection.
        """
        return detector(self.signature, f"model {self.name}").mask(self(image, levels))

    def probability(self, image: npt.NDArray[Any], levels: LevelsLike = None) -> npt.NDArray[np.float32]:
        """The same as a call, but float32 probabilities 0..1 whatever the output's dtype and meaning.

        Raises BundleError where the model's output says no probability.
        """
        (output,) = self.signature.outputs
        if not output.is_answer:
            raise BundleError(f"model {self.name}: its output is a {output.meaning}, no probability; call the model")
        return self._answer.probability(self(image, levels))

    def tiled(self, image: npt.NDArray[Any], levels: LevelsLike = None) -> npt.NDArray[Any]:
        """The same as a call, of an image of any size, in its own resolution (`tiles.tiled`).

        Raises ValueError for models that cannot work in tiles.
        """
        return tiled(self.infer, self._levels(image, levels), self.signature.size, *tiling(self.manifest))

    def detect(self, image: npt.NDArray[Any], levels: LevelsLike = None) -> list[Detection]:
        """Grey image [H, W] -> its targets from top to bottom, in the image's own pixels.

        Raises BundleError where the model is for another task than detection.
        """
        return detector(self.signature, f"model {self.name}").targets(self(image, levels))

    def close(self) -> None:
        """Frees arena and threads; calling again does nothing."""
        with self._lock:
            if self._handle:
                self._library.biisnet_destroy(self._handle)
                self._handle = ctypes.c_void_p()

    def __enter__(self) -> "Model":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):  # not set when __init__ refused its arguments
            self.close()


def load(bundle: str | Path, threads: int = 1) -> Model:
    """The model of a bundle (directory or .tar) on this machine. Raises BundleError with the way out."""
    with open_bundle(bundle) as opened:
        # A library of an unpacked tar stays mapped after its file is gone.
        return Model(opened, threads)
