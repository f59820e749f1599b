# SPDX-License-Identifier: Apache-2.0
"""What an earlier call of a command left in its JSON, and whether new figures may stand beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from biisnet.model.errors import InputError

T = TypeVar("T")


def read_earlier(
    path: Path, about: dict[str, Any], parse: Callable[[dict[str, Any]], dict[str, T]], what: str
) -> dict[str, T]:
    """What `parse` makes of a file, nothing where there is none; `what` is its word for a person. Raises InputError
    where its fields are others than `about`, its setting: none of these are beside others."""
    if not path.exists():
        return {}
    try:
        result = json.loads(path.read_text())
        others = [key for key, value in about.items() if result[key] != value]
        found = parse(result)
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise InputError(f"{path}: has {what} of another form; give another -r") from e
    if others:
        raise InputError(f"{path}: has {what} of another {' and another '.join(others)}; give another -r")
    return found
