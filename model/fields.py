# SPDX-License-Identifier: Apache-2.0
"""Frozen dataclasses as JSON: checked by their own type hints, so that a wrong field is named wherever it came from."""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, fields, replace
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from .errors import InputError
from .listing import listed

T = TypeVar("T")
NAMES = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a text"}


def from_json(cls: type[T], text: str, what: str, base: T | None = None) -> T:
    """A `cls` from a JSON object of its fields; absent ones take their defaults, or those of `base`. Raises InputError,
    naming the field.

    `what` is what the message calls it.
    """
    try:
        values = json.loads(text)
    except (RecursionError, ValueError) as e:
        raise InputError(f"{what}: not JSON ({e})") from e
    if not isinstance(values, dict):
        raise InputError(f"{what}: expected a JSON object, got {type(values).__name__}")
    unknown = sorted(set(values) - {f.name for f in fields(cls)})  # type: ignore[arg-type]
    if unknown:
        known = ", ".join(f.name for f in fields(cls))  # type: ignore[arg-type]
        raise InputError(f"{what}: unknown field {listed(unknown)}; there are {known}")
    needed = {f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING}  # type: ignore[arg-type]
    if base is None and (absent := sorted(needed - set(values))):
        raise InputError(f"{what}: lacks {', '.join(absent)}")
    try:
        return cls(**values) if base is None else replace(base, **values)  # type: ignore[type-var]
    except TypeError as e:
        raise InputError(f"{what}: {e}") from e


def check_types(instance: Any, what: str) -> None:
    """Make tuples of JSON's lists, then raise InputError where a field is not what its hint says; whole numbers are
    numbers, NaN is none."""
    hints = get_type_hints(type(instance))
    for field in fields(instance):
        value = getattr(instance, field.name)
        if isinstance(value, list):
            value = tuple(value)
            object.__setattr__(instance, field.name, value)
        require(_fits(value, hints[field.name]), what, field.name, value, _name(hints[field.name]))


def require(holds: bool, what: str, field: str, value: object, expected: object) -> None:
    """Raise InputError where a field's value does not hold; a tuple is what to choose from."""
    if not holds:
        wanted = "one of " + ", ".join(map(str, expected)) if isinstance(expected, tuple) else expected
        raise InputError(f"{what}: {field} is {value!r}, must be {wanted}")


def differences(one: Any, other: Any) -> dict[str, tuple[Any, Any]]:
    """The fields in which two of a class differ, with both values."""
    pairs = {f.name: (getattr(one, f.name), getattr(other, f.name)) for f in fields(one)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        if not isinstance(value, tuple):
            return False
        if parts[-1] is Ellipsis:
            return all(_fits(v, parts[0]) for v in value)
        return len(value) == len(parts) and all(map(_fits, value, parts))
    if hint in (int, float) and isinstance(value, bool):
        return False
    if hint is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, hint)


def _name(hint: Any) -> str:
    if get_origin(hint) is not tuple:
        return str(NAMES.get(hint, getattr(hint, "__name__", hint)))
    parts = get_args(hint)
    if parts[-1] is Ellipsis:
        return f"a list, each {_name(parts[0])}"
    return f"a list of {len(parts)}, each {_name(parts[0])}"
