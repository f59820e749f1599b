# SPDX-License-Identifier: Apache-2.0
"""Lists of boards as editors of any system write them."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from biisnet.compile.errors import CompileError
from biisnet.tools.hosts import read_hosts

TEXT = "pi@a\n# the old ones\n\npi@b  # with a small disk\npi@a\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode(),
        codecs.BOM_UTF8 + TEXT.replace("\n", "\r\n").encode(),
        codecs.BOM_UTF16_LE + TEXT.replace("\n", "\r\n").encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.rstrip().encode(),
    ],
    ids=["plain", "crlf", "bom", "utf16", "utf16-be", "no-last-newline"],
)
def test_boards(data: bytes, tmp_path: Path) -> None:
    """Fails where a byte order mark becomes part of the first name."""
    (path := tmp_path / "hosts").write_bytes(data)
    assert read_hosts(path) == ("pi@a", "pi@b")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"pi@a pi@b\n", "line 1 has 2 words; give one board a line"),
        (b"# none\n\n", "names no board"),
        (codecs.BOM_UTF8, "names no board"),
        (b"\xff\x00\xfe", "it is no text"),
        (codecs.BOM_UTF16_LE + b"a", "it is no text"),
    ],
)
def test_what_is_no_list(data: bytes, message: str, tmp_path: Path) -> None:
    (path := tmp_path / "hosts").write_bytes(data)
    with pytest.raises(CompileError, match=message):
        read_hosts(path)
