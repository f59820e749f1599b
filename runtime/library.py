# SPDX-License-Identifier: Apache-2.0
"""The C interface (include/biisnet.h) through ctypes."""

import ctypes
import tempfile
from pathlib import Path
from typing import Any

import numpy.typing as npt

from .bundle import ABI
from .errors import BundleError
from .loading import check_library, why_not_loaded
from .signature import ANSWERS, DETECTION, DTYPES, MEANINGS, TASKS, Signature, Tensor


class Input(ctypes.Structure):
    """`biisnet_input`: a frame, dense, of levels."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("dtype", ctypes.c_int32),
        ("row_stride", ctypes.c_uint64),
        ("scale", ctypes.c_float),
        ("offset", ctypes.c_float),
    )

    @classmethod
    def of(cls, array: npt.NDArray[Any]) -> "Input":
        """The memory of a contiguous array, which must outlive it."""
        return cls(array.ctypes.data, DTYPES.index(array.dtype.name))


class Output(ctypes.Structure):
    """`biisnet_output`."""

    _fields_ = (("data", ctypes.c_void_p), ("dtype", ctypes.c_int32))

    @classmethod
    def of(cls, array: npt.NDArray[Any]) -> "Output":
        """The memory of a contiguous array, which must outlive it."""
        return cls(array.ctypes.data, DTYPES.index(array.dtype.name))


_TENSOR: dict[str, tuple[object, list[object]]] = {
    "count": (ctypes.c_int32, []),
    "name": (ctypes.c_char_p, [ctypes.c_int32]),
    "dtype": (ctypes.c_int32, [ctypes.c_int32]),
    "meaning": (ctypes.c_int32, [ctypes.c_int32]),
    "rank": (ctypes.c_int32, [ctypes.c_int32]),
    "shape": (ctypes.POINTER(ctypes.c_int64), [ctypes.c_int32]),
}

# Function -> result and argument types.
_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "biisnet_abi_version": (ctypes.c_uint32, []),
    "biisnet_status_string": (ctypes.c_char_p, [ctypes.c_int32]),
    "biisnet_create": (ctypes.c_int32, [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int32]),
    "biisnet_run": (ctypes.c_int32, [ctypes.c_void_p, ctypes.POINTER(Input), ctypes.POINTER(Output)]),
    "biisnet_destroy": (None, [ctypes.c_void_p]),
    "biisnet_model_name": (ctypes.c_char_p, []),
    "biisnet_threshold": (ctypes.c_float, []),
    "biisnet_score_slope": (ctypes.c_double, []),
    "biisnet_score_offset": (ctypes.c_double, []),
    "biisnet_arena_bytes": (ctypes.c_uint64, [ctypes.c_int32]),
    "biisnet_model_sha256": (ctypes.c_char_p, []),
    "biisnet_model_task": (ctypes.c_int32, []),
    "biisnet_output_scale": (ctypes.c_double, [ctypes.c_int32]),
    **{f"biisnet_{kind}_{what}": types for kind in ("input", "output") for what, types in _TENSOR.items()},
}


def load_library(path: Path) -> ctypes.CDLL:
    """Opens a model's shared library and declares its functions. Raises BundleError."""
    check_library(path)
    # by a name of its own: the linker would give what it once found under this one, whatever is there now
    with tempfile.TemporaryDirectory(prefix="biisnet-") as folder:
        link = Path(folder) / path.name
        link.symlink_to(path.resolve())
        try:
            library = ctypes.CDLL(str(link))
            for name, (result, arguments) in _SIGNATURES.items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError) as error:
            why = str(error).replace(str(link), str(path))
            raise BundleError(why_not_loaded(path, why)) from error
    if (abi := library.biisnet_abi_version()) != ABI:
        raise BundleError(f"{path}: has ABI {abi}, not {ABI}; compile the model again")
    return library


def signature_of(library: ctypes.CDLL) -> Signature:
    """The signature of the library's model, without what makes scores; its threshold is one of values
    (`answers.own_threshold`)."""

    def scale(dtype: str, meaning: str, index: int) -> float | None:
        return library.biisnet_output_scale(index) if meaning in ANSWERS and dtype != "float32" else None

    def tensors(kind: str) -> tuple[Tensor, ...]:
        def ask(function: str, index: int) -> Any:
            return getattr(library, f"biisnet_{kind}_{function}")(index)

        def tensor(index: int) -> Tensor:
            name, dtype = ask("name", index).decode(), DTYPES[ask("dtype", index)]
            shape, meaning = tuple(ask("shape", index)[: ask("rank", index)]), MEANINGS[ask("meaning", index)]
            return Tensor(name, dtype, shape, meaning, scale(dtype, meaning, index) if kind == "output" else None)

        return tuple(map(tensor, range(getattr(library, f"biisnet_{kind}_count")())))

    task = TASKS[library.biisnet_model_task()]
    threshold = library.biisnet_threshold() if task == DETECTION else None
    return Signature(task, tensors("input"), tensors("output"), threshold)
