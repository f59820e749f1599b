# SPDX-License-Identifier: Apache-2.0
"""A bundle -> a function from image to probability map."""

import ctypes
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from .bundle import Bundle, open_bundle
from .detections import Detection, detect
from .errors import BundleError
from .library import float_pointers, input_shape, load_library, output_shape
from .resize import resize_bilinear
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


def _plane(shape: tuple[int, ...], path: Path) -> tuple[int, int]:
    if len(shape) < 2 or any(extent != 1 for extent in shape[:-2]):
        raise BundleError(f"{path}: tensor of shape {shape} is not one image plane; use the C interface")
    return shape[-2], shape[-1]


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
        if library.biisnet_input_count() != 1 or library.biisnet_output_count() != 1:
            raise BundleError(f"{bundle.library}: has not one input and one output; use the C interface")
        self.input_shape = input_shape(library, 0)
        self.output_shape = output_shape(library, 0)
        self._check_manifest(bundle)
        self._input_plane = _plane(self.input_shape, bundle.library)
        self._output_plane = _plane(self.output_shape, bundle.library)
        self.name: str = library.biisnet_model_name().decode()
        self.threshold: float = library.biisnet_threshold()
        self.manifest = bundle.manifest
        status = library.biisnet_create(ctypes.byref(self._handle), threads)
        if status:
            raise BundleError(f"{bundle.library}: {library.biisnet_status_string(status).decode()}")

    def _check_manifest(self, bundle: Bundle) -> None:
        """A library that is not the manifest's would be fed the wrong size."""
        manifest = bundle.manifest
        told = [list(tensor["shape"]) for tensor in (*manifest["inputs"], *manifest["outputs"])]
        if told != [list(self.input_shape), list(self.output_shape)]:
            raise BundleError(f"{bundle.library}: is not the manifest's (shapes); compile the model again")
        if manifest["arena_bytes"] != self._library.biisnet_arena_bytes(1):
            raise BundleError(f"{bundle.library}: is not the manifest's (arena); compile the model again")

    def __call__(self, image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Grey image [H, W] (uint8, uint16 or float32 0..255) -> probability of a target, float32 [H, W].

        An image of another size than the model's is resized bilinearly, and the map back.
        """
        grey = to_grey(image)
        height, width = grey.shape
        source = np.ascontiguousarray(resize_bilinear(grey, *self._input_plane))
        result = np.empty(self._output_plane, np.float32)
        with self._lock:
            if not self._handle:
                raise ValueError(f"model {self.name}: is closed; load the bundle again")
            inputs, outputs = float_pointers(source.ctypes.data), float_pointers(result.ctypes.data)
            status = self._library.biisnet_run(self._handle, inputs, outputs)
        if status:
            raise RuntimeError(f"model {self.name}: {self._library.biisnet_status_string(status).decode()}")
        return resize_bilinear(result, height, width)

    def mask(self, image: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Grey image [H, W] -> bool [H, W], true where the probability is above the model's threshold."""
        mask: npt.NDArray[np.bool_] = self(image) > np.float32(self.threshold)
        return mask

    def tiled(self, image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The same of an image that is larger than the model, in its own resolution (`tiles.tiled`).

        Raises ValueError for an image that is smaller, and for models that cannot work in tiles.
        """
        return tiled(self, to_grey(image), self._input_plane, *tiling(self.manifest))

    def detect(self, image: npt.NDArray[Any]) -> list[Detection]:
        """Grey image [H, W] -> its targets from top to bottom, in the image's own pixels."""
        return detect(self(image), self.threshold)

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
