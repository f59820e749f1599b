# SPDX-License-Identifier: Apache-2.0
"""A bundle -> a function from image to the model's output."""

import ctypes
import os
import threading
import warnings
import weakref
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from .answers import Answer, own_threshold
from .bundle import Bundle, open_bundle
from .detections import Detection, detector
from .errors import BundleError
from .levels import GreyLevelsWarning, LevelsLike, Samples, Watch, as_levels, check_whole, grey_levels, whole_levels
from .library import Input, Output, load_library, signature_of
from .resize import resize_bilinear, resize_values
from .signature import Signature, Tensor
from .tiles import tiled, tiling

MAX_THREADS = 64
Grey = npt.NDArray[Any]
"""Grey levels 0..255: float32, or uint8 where they are whole."""


def to_grey(image: npt.NDArray[Any], levels: LevelsLike = None, whole: bool = False) -> Grey:
    """uint8, uint16 or float32 [H, W] -> grey levels 0..255, by the rule of levels.py: uint8 as it is where `levels` do
    not change it, else contiguous float32.

    With `levels` any real dtype: counts of the sensor. `whole` is for a model of bytes. Raises TypeError for another
    dtype, ValueError for another rank, an empty image, values not finite, and floats without `levels` that are outside
    of 0..255, or with `whole` between levels.
    """
    image = np.asarray(image)
    if image.ndim != 2 or image.size == 0:
        raise ValueError(f"image: has shape {image.shape}; give one plane [H, W] of grey levels")
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
        warnings.warn(f"image: {note}", GreyLevelsWarning, stacklevel=3)
    return grey


def fit_frame(grey: Grey, signature: Signature) -> Grey:
    """Grey levels [H, W] as `to_grey` makes them -> a contiguous frame of the model's size, the same array where it is
    one: uint8 where the model takes bytes (rounded), else either."""
    size = signature.size
    levels = grey if grey.shape == size else resize_bilinear(grey.astype(np.float32, copy=False), *size)
    if signature.inputs[0].dtype == "uint8" and levels.dtype != np.uint8:
        levels = whole_levels(levels)
    return np.ascontiguousarray(levels)


def _comparable(signature: Signature) -> Signature:
    """The part of a signature that a library tells: a threshold in float32, and names perhaps with other signs."""
    inputs, outputs = (tuple(replace(t, name="") for t in tensors) for tensors in (signature.inputs, signature.outputs))
    threshold = None if signature.threshold is None else float(np.float32(signature.threshold))
    return Signature(signature.task, inputs, outputs, threshold)


def _of_image_size(result: npt.NDArray[Any], tensor: Tensor, size: tuple[int, int]) -> npt.NDArray[Any]:
    """An output as it is given back: a map in the image's size, [H, W] of one channel, else [C, H, W]; scores [N]."""
    if tensor.size is None or tensor.meaning == "scores":
        return result.reshape(-1)
    planes = [resize_values(plane, *size) for plane in result.reshape(-1, *tensor.size)]
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
        if why := self.signature.why_not_grey():
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
        """[1, 1, H, W]."""
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
            "arena": (manifest["arena_bytes"], library.biisnet_arena_bytes(1)),
        }
        if differ := [name for name, (wanted, found) in told.items() if wanted != found]:
            raise BundleError(f"{bundle.library}: is not the manifest's ({differ[0]}); compile the model again")

    @property
    def takes_bytes(self) -> bool:
        """Whether its frames are uint8; else they are float32."""
        return self.signature.inputs[0].dtype == "uint8"

    def __call__(self, image: npt.NDArray[Any], levels: LevelsLike = None) -> npt.NDArray[Any]:
        """Grey image [H, W] (uint8, uint16 or float32 0..255) -> what the model computes of it, in its output's dtype
        and meaning (`signature`): a map [H, W], of a detection the probability of a target in float32, or its logit in
        integers; maps [C, H, W]; or scores [N].

        A contiguous uint8 image of the model's size is read where it lies. `levels` says which counts are black and
        white, where the format's are not: (7000, 9000), or '1%:99%' of each frame. An image of another size than the
        model's is resized bilinearly, and maps back. A model of bytes gets levels rounded to the nearest whole one; of
        floats without `levels`, which are exact, only such. Raises RuntimeError after a fork, where the threads are the
        parent's.
        """
        return self.infer(to_grey(image, levels, self.takes_bytes))

    def infer(self, grey: Grey) -> npt.NDArray[Any]:
        """The same of grey levels [H, W] as `to_grey` makes them: uint8, or float32, rounded where it takes bytes."""
        (output,) = self.signature.outputs
        source, result = fit_frame(grey, self.signature), np.empty(output.shape, output.dtype)
        with self._lock:
            if not self._handle:
                raise ValueError(f"model {self.name}: is closed; load the bundle again")
            status = self._library.biisnet_run(self._handle, Input.of(source), Output.of(result))
        if status:
            raise RuntimeError(f"model {self.name}: {self._library.biisnet_status_string(status).decode()}")
        height, width = grey.shape
        return _of_image_size(result, output, (height, width))

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
        return tiled(self.infer, to_grey(image, levels, self.takes_bytes), self.signature.size, *tiling(self.manifest))

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
