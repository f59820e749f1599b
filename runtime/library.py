# SPDX-License-Identifier: Apache-2.0
"""The C interface (include/biisnet.h) through ctypes."""

import ctypes
import tempfile
from pathlib import Path

from .bundle import ABI
from .errors import BundleError

_Floats = ctypes.POINTER(ctypes.POINTER(ctypes.c_float))

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
    "biisnet_input_count": (ctypes.c_int32, []),
    "biisnet_input_rank": (ctypes.c_int32, [ctypes.c_int32]),
    "biisnet_input_shape": (ctypes.POINTER(ctypes.c_int64), [ctypes.c_int32]),
    "biisnet_output_count": (ctypes.c_int32, []),
    "biisnet_output_rank": (ctypes.c_int32, [ctypes.c_int32]),
    "biisnet_output_shape": (ctypes.POINTER(ctypes.c_int64), [ctypes.c_int32]),
}


def load_library(path: Path) -> ctypes.CDLL:
    """Opens a model's shared library and declares its functions. Raises BundleError."""
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
            raise BundleError(f"{path}: cannot be loaded ({why}); compile the model again") from error
    if (abi := library.biisnet_abi_version()) != ABI:
        raise BundleError(f"{path}: has ABI {abi}, not {ABI}; compile the model again")
    return library


def input_shape(library: ctypes.CDLL, index: int) -> tuple[int, ...]:
    """The shape of an input of the model."""
    return tuple(library.biisnet_input_shape(index)[: library.biisnet_input_rank(index)])


def output_shape(library: ctypes.CDLL, index: int) -> tuple[int, ...]:
    """The shape of an output of the model."""
    return tuple(library.biisnet_output_shape(index)[: library.biisnet_output_rank(index)])


def float_pointers(*addresses: int) -> "ctypes.Array[ctypes._Pointer[ctypes.c_float]]":
    """A `float *const *` of the addresses of the tensors."""
    kind = ctypes.POINTER(ctypes.c_float)
    return (kind * len(addresses))(*(ctypes.cast(address, kind) for address in addresses))
