# SPDX-License-Identifier: Apache-2.0
"""A prefix for all names of a static archive, so that one program may hold several: objects, header.

A static archive has no scope: the runtime's functions, the plan and the kernels of two models would be defined twice.
Zig's archiver and objcopy rename nothing, so it is done here, in the objects' symbol tables (ELF-64, little endian: the
System V ABI, chapter 4): relocations go by a symbol's index, not by its name.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...runtime import sources
from ..errors import CompileError

OWN = "biisnet"
SECTION = struct.Struct("<IIQQQQIIQQ")  # name, type, flags, address, offset, size, link, info, alignment, entry size
SYMBOL = struct.Struct("<IBBHQQ")  # name, binding and type, visibility, section, value, size
SYMBOL_TABLE = 2
HEADER = """\
/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of biisnet.h, as this bundle's static archive has them; all that is said of them is said there. */
#ifndef {guard}
#define {guard}

#include "biisnet.h"

#ifdef __cplusplus
extern "C" {{
#endif

{declarations}

#ifdef __cplusplus
}}
#endif

#endif
"""


def check_prefix(prefix: str) -> None:
    """Raise CompileError where a prefix cannot begin the names of C functions."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", prefix) or prefix == OWN:
        raise CompileError(f"--prefix {prefix}: give a C identifier, other than {OWN}")


def prefixed(name: str, prefix: str) -> str:
    """`biisnet_run` -> `night_run`, `bn_plan_check` -> `night_bn_plan_check`."""
    return f"{prefix}_{name.removeprefix(OWN + '_')}"


def prefixed_header(prefix: str) -> str:
    """The header of an archive with this prefix."""
    declarations = re.findall(r"^BIISNET_API .*?;", sources.HEADER.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    named = [re.sub(rf"\b({OWN}_\w+)\(", lambda m: f"{prefixed(m[1], prefix)}(", d, count=1) for d in declarations]
    one_line = [re.sub(r"\s+", " ", d) for d in named]
    return HEADER.format(guard=f"{prefix.upper()}_H", declarations="\n".join(one_line))


def add_prefix(objects: Sequence[Path], prefix: str) -> None:
    """Rename every symbol that one of `objects` defines for the others, in all of them."""
    data = {path: bytearray(path.read_bytes()) for path in objects}
    defined = {name for content in data.values() for _, name, is_defined in global_symbols(content) if is_defined}
    for path, content in data.items():
        rename(content, {name: prefixed(name, prefix) for name in defined})
        path.write_bytes(content)


def sections(data: bytes | bytearray) -> list[tuple[int, ...]]:
    """The section headers of an object file."""
    (start,) = struct.unpack_from("<Q", data, 0x28)
    (count,) = struct.unpack_from("<H", data, 0x3C)
    return [SECTION.unpack_from(data, start + i * SECTION.size) for i in range(count)]


def global_symbols(data: bytes | bytearray) -> Iterator[tuple[int, str, bool]]:
    """Where the entry of each symbol that is not local lies, its name, and whether it is defined there."""
    headers = sections(data)
    for _, kind, _, _, offset, size, link, first_global, _, _ in headers:
        if kind != SYMBOL_TABLE:
            continue
        names = headers[link][4]
        for at in range(offset + first_global * SYMBOL.size, offset + size, SYMBOL.size):
            name, _, _, section, _, _ = SYMBOL.unpack_from(data, at)
            start = names + name
            yield at, data[start : data.index(0, start)].decode(), section != 0


def rename(data: bytearray, names: dict[str, str]) -> None:
    """Give symbols other names: those are appended to the string table, which moves to the file's end."""
    symbols = [(at, names[name]) for at, name, _ in global_symbols(data) if name in names]
    headers = sections(data)
    (start,) = struct.unpack_from("<Q", data, 0x28)
    (index,) = {header[6] for header in headers if header[1] == SYMBOL_TABLE}
    header = list(headers[index])
    table = bytearray(data[header[4] : header[4] + header[5]])
    for at, name in symbols:
        struct.pack_into("<I", data, at, len(table))
        table += name.encode() + b"\0"
    header[4], header[5] = len(data), len(table)
    SECTION.pack_into(data, start + index * SECTION.size, *header)
    data += table
