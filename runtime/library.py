# SPDX-License-Identifier: Apache-2.0
"""The C interface (include/biisnet.h) through ctypes."""

import ctypes
import tempfile
from pathlib import Path
from typing import Any

from .bundle import ABI
from .errors import BundleError
from .loading import check_library, why_not_loaded
from .signature import DETECTION, DTYPES, MEANINGS, TASKS, Signature, Tensor

_Floats = ctypes.POINTER(ctypes.POINTER(ctypes.c_float))

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
    "biisnet_run": (ctypes.c_int32, [ctypes.c_void_p, _Floats, _Floats]),
    "biisnet_destroy": (None, [ctypes.c_void_p]),
    "biisnet_model_name": (ctypes.c_char_p, []),
    "biisnet_threshold": (ctypes.c_float, []),
    "biisnet_arena_bytes": (ctypes.c_uint64, [ctypes.c_int32]),
    "biisnet_model_sha256": (ctypes.c_char_p, []),
    "biisnet_model_task": (ctypes.c_int32, []),
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
    """The signature of the library's model."""

    def tensors(kind: str) -> tuple[Tensor, ...]:
        def ask(function: str, index: int) -> Any:
            return getattr(library, f"biisnet_{kind}_{function}")(index)

        return tuple(
            Tensor(
                ask("name", i).decode(),
                DTYPES[ask("dtype", i)],
                tuple(ask("shape", i)[: ask("rank", i)]),
                MEANINGS[ask("meaning", i)],
            )
            for i in range(getattr(library, f"biisnet_{kind}_count")())
        )

    task = TASKS[library.biisnet_model_task()]
    threshold = library.biisnet_threshold() if task == DETECTION else None
    return Signature(task, tensors("input"), tensors("output"), threshold)


def float_pointers(*addresses: int) -> "ctypes.Array[ctypes._Pointer[ctypes.c_float]]":
    """A `float *const *` of the addresses of the tensors."""
    kind = ctypes.POINTER(ctypes.c_float)
    return (kind * len(addresses))(*(ctypes.cast(address, kind) for address in addresses))
