# SPDX-License-Identifier: Apache-2.0
"""Dataclasses from JSON: each wrong field is named."""

from dataclasses import dataclass

import pytest

from biisnet.model.errors import InputError
from biisnet.model.fields import check_types, differences, from_json


@dataclass(frozen=True)
class Thing:
    count: int = 1
    share: float = 0.5
    fixed: tuple[int, int] = (1, 2)
    many: tuple[float, ...] = ()
    on: bool = False

    def __post_init__(self) -> None:
        check_types(self, "thing")


def test_some_fields() -> None:
    assert from_json(Thing, '{"share": 1, "many": [1, 2.5]}', "thing") == Thing(share=1, many=(1, 2.5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "thing: not JSON"),
        ("[1]", "thing: expected a JSON object, got list"),
        ('{"colour": 1}', "thing: unknown field colour"),
        ('{"count": 1.0}', "thing: count is 1.0, must be a whole number"),
        ('{"count": true}', "thing: count is True, must be a whole number"),
        ('{"on": 1}', "thing: on is 1, must be true or false"),
        ('{"share": NaN}', "thing: share is nan, must be a finite number"),
        ('{"share": "1"}', "thing: share is '1', must be a finite number"),
        ('{"fixed": [1]}', r"thing: fixed is \(1,\), must be a list of 2, each a whole number"),
        ('{"many": ["a"]}', r"thing: many is \('a',\), must be a list, each a finite number"),
        ('{"many": 3}', "thing: "),
    ],
)
def test_wrong_ones_are_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_json(Thing, text, "thing")


def test_differences() -> None:
    assert differences(Thing(), Thing(count=2)) == {"count": (1, 2)}
