# SPDX-License-Identifier: Apache-2.0
"""A bundle -> a function from image to the model's output."""

import ctypes
import os
import threading
import weakref
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from .bundle import Bundle, open_bundle
from .detections import Detection, detector
from .errors import BundleError
from .library import float_pointers, load_library, signature_of
from .resize import resize_bilinear
from .signature import Signature, Tensor
from .tiles import tiled, tiling

MAX_THREADS = 64


def to_grey(image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """uint8, uint16 or float32 [H, W] -> contiguous float32 grey levels 0..255 (uint16 is divided by 257).

    Raises TypeError for another dtype, ValueError for another rank, an empty image or values not finite.
    """
    image = np.asarray(image)
    if image.ndim != 2 or image.size == 0:
        raise ValueError(f"image: has shape {image.shape}; give one plane [H, W] of grey levels")
    if image.dtype == np.uint8:
        return image.astype(np.float32, order="C")
    if image.dtype == np.uint16:
        return np.ascontiguousarray(image.astype(np.float32) / np.float32(257))
    if image.dtype != np.float32:
        raise TypeError(f"image: has dtype {image.dtype}; give uint8, uint16 or float32 grey levels")
    if not np.isfinite(image).all():
        raise ValueError("image: has values that are not finite; give grey levels 0..255")
    return np.ascontiguousarray(image)


def _comparable(signature: Signature) -> Signature:
    """What a library tells of it: the threshold in float32, and names perhaps with other signs."""
    inputs, outputs = (tuple(replace(t, name="") for t in tensors) for tensors in (signature.inputs, signature.outputs))
    threshold = None if signature.threshold is None else float(np.float32(signature.threshold))
    return Signature(signature.task, inputs, outputs, threshold)


def _of_image_size(result: npt.NDArray[np.float32], tensor: Tensor, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """An output as it is given back: a map in the image's size, [H, W] of one channel, else [C, H, W]; scores [N]."""
    if tensor.size is None or tensor.meaning == "scores":
        return result.reshape(-1)
    planes = [resize_bilinear(plane, *size) for plane in result.reshape(-1, *tensor.size)]
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
        told = {
            "model": (manifest["model"]["sha256"], library.biisnet_model_sha256().decode()),
            "signature": (_comparable(bundle.signature), _comparable(signature_of(library))),
            "arena": (manifest["arena_bytes"], library.biisnet_arena_bytes(1)),
        }
        if differ := [name for name, (wanted, found) in told.items() if wanted != found]:
            raise BundleError(f"{bundle.library}: is not the manifest's ({differ[0]}); compile the model again")

    def __call__(self, image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Grey image [H, W] (uint8, uint16 or float32 0..255) -> what the model computes of it, float32: a map [H, W],
        of a detection the probability of a target; maps [C, H, W]; or scores [N].

        An image of another size than the model's is resized bilinearly, and maps back. Raises RuntimeError after a
        fork, where the threads are the parent's.
        """
        grey = to_grey(image)
        (output,) = self.signature.outputs
        source = np.ascontiguousarray(resize_bilinear(grey, *self.signature.size))
        result = np.empty(output.shape, np.float32)
        with self._lock:
            if not self._handle:
                raise ValueError(f"model {self.name}: is closed; load the bundle again")
            inputs, outputs = float_pointers(source.ctypes.data), float_pointers(result.ctypes.data)
            status = self._library.biisnet_run(self._handle, inputs, outputs)
        if status:
            raise RuntimeError(f"model {self.name}: {self._library.biisnet_status_string(status).decode()}")
        height, width = grey.shape
        return _of_image_size(result, output, (height, width))

    def mask(self, image: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Grey image [H, W] -> bool [H, W], true where the probability is above the model's threshold.

        Raises BundleError where the model is for another task than detection.
        """
        return detector(self.signature, f"model {self.name}").mask(self(image))

    def tiled(self, image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The same as a call, of an image that is larger than the model, in its own resolution (`tiles.tiled`).

        Raises ValueError for an image that is smaller, and for models that cannot work in tiles.
        """
        return tiled(self, to_grey(image), self.signature.size, *tiling(self.manifest))

    def detect(self, image: npt.NDArray[Any]) -> list[Detection]:
        """Grey image [H, W] -> its targets from top to bottom, in the image's own pixels.

        Raises BundleError where the model is for another task than detection.
        """
        return detector(self.signature, f"model {self.name}").targets(self(image))

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
