# SPDX-License-Identifier: Apache-2.0
"""Text that a person wrote with any editor, on any system."""

from __future__ import annotations

import codecs
from pathlib import Path

MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""What a file may begin with, as Windows' editors and shells write it, and the encoding that it then has."""


def read_text(path: Path) -> str:
    """A file's text: UTF-8, or what its byte order mark says, which is no part of it; lines end with a line feed alone.

    Raises OSError, UnicodeError.
    """
    data = path.read_bytes()
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    return data.decode(encoding).replace("\r\n", "\n")
