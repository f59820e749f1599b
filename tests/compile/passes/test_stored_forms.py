# SPDX-License-Identifier: Apache-2.0
"""Stored forms: the encoding of each, and their order among a map's."""

from __future__ import annotations

import numpy as np
import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.passes.stored_forms import PLAIN, Signs, StoredForm
from biisnet.compile.storage import Bits, Float32, Integer, IntegerBits
from biisnet.compile.storage.integer import CENTRE

SIGNS = StoredForm("zero", Signs(2, (3.0, -4.0)))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_integers(dtype: str) -> None:
    """Fails where values are stored in another type, or what is centred is not."""
    plain, centred = (form.encoding_of(dtype) for form in (PLAIN, StoredForm("zero", centred=True)))
    assert isinstance(plain, Integer)
    assert isinstance(centred, Integer)
    assert (plain.element, plain.offset) == (dtype, 0)
    assert (centred.element, centred.offset) == ("int8", CENTRE)


def test_floats() -> None:
    """Fails where values are packed, or signs are not."""
    assert isinstance(PLAIN.encoding_of("float32"), Float32)
    assert isinstance(SIGNS.encoding_of("float32"), Bits)


@pytest.mark.parametrize(("dtype", "kind"), [("float32", Bits), ("int8", IntegerBits)])
def test_signs(dtype: str, kind: type[Bits] | type[IntegerBits]) -> None:
    """Fails where groups or thresholds are lost."""
    found = SIGNS.encoding_of(dtype)
    assert isinstance(found, kind)
    assert found.groups == 2
    np.testing.assert_array_equal(found.threshold, [3, -4])


def test_sums_are_not_stored() -> None:
    """Fails where an integer sum has a form."""
    with pytest.raises(CompileError, match="an integer sum that is not requantised"):
        PLAIN.encoding_of("int32")


def test_places() -> None:
    """Fails where two forms share a place, so that their order depends on something else."""
    forms = [StoredForm(m, s, c) for m in ("none", "zero", "edge") for s, c in ((None, False), (None, True))]
    forms += [SIGNS, StoredForm("none", SIGNS.signs), StoredForm("zero", Signs(1, (3.0, -4.0)))]
    assert len({form.place for form in forms}) == len(forms)
    assert sorted(forms, key=lambda form: form.place)[0].signs is not None
