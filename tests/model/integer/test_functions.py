# SPDX-License-Identifier: Apache-2.0
"""The integer operators in PyTorch: values are those of ops/, gradients those of what they are without rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from biisnet.model.integer import functions  # noqa: E402
from biisnet.model.integer.network import doubled  # noqa: E402
from biisnet.ops import REGISTRY  # noqa: E402

RNG = np.random.default_rng(0)


def whole(low: int, high: int, *shape: int, dtype: Any = torch.float32) -> Any:
    """Random whole numbers, ends among them."""
    values = RNG.integers(low, high + 1, shape)
    values.flat[:2] = low, high
    return torch.from_numpy(values).to(dtype)


def by_numpy(name: str, *arguments: Any, kinds: tuple[Any, ...], **attributes: Any) -> Any:
    """The operator of ops/."""
    given = [a.numpy().astype(kind) for a, kind in zip(arguments, kinds, strict=True)]
    return REGISTRY[name].reference(*given, **attributes)


I8, I32 = np.int8, np.int32


@pytest.mark.parametrize("size", [(1, 1), (7, 8), (9, 3)])
def test_values(size: tuple[int, int]) -> None:
    u = whole(-128, 127, 1, 5, *size)
    a, b, k, n, p = (whole(-128, 127, 5) for _ in range(5))
    np.testing.assert_array_equal(
        functions.two_slope(u, n, p), by_numpy("IntegerTwoSlope", u, n, p, kinds=(I8, I8, I8))
    )
    np.testing.assert_array_equal(functions.hinge(u, a, b, k), by_numpy("IntegerHinge", u, a, b, k, kinds=(I8,) * 4))
    np.testing.assert_array_equal(doubled(doubled(u, 2), 3), by_numpy("IntegerUpsample", u, kinds=(I8,)))
    v, zero = whole(-32768, 32767, 1, 5, *size), torch.zeros(5)
    for bits, shift, to in ((8, 6, 3), (8, 0, 3), (16, 0, 5)):
        wanted = by_numpy("Requantize", v, zero, kinds=(I32, I32), shift=shift, to=to)
        np.testing.assert_array_equal(functions.requantised(v.clone(), shift, bits), wanted)


def gradients(function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Those of a weighted sum of a function's results."""
    given = [a.clone().requires_grad_() for a in arguments]
    out = function(*given)
    (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)).sum().backward()
    return [a.grad for a in given]


def test_gradients() -> None:
    """Those that autograd finds for the same sums; straight through where something is rounded."""
    u = whole(-128, 127, 2, 5, 4, 3, dtype=torch.float64) + 0.25  # off the kinks
    a, b, k, n, p = (whole(-128, 127, 5, dtype=torch.float64) for _ in range(5))

    def c(values: Any) -> Any:
        return values.reshape(-1, 1, 1)

    pairs: list[tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = [
        (functions.two_slope, lambda u, n, p: c(n) * u.clamp(max=0) + c(p) * u.clamp(min=0), (u, n, p)),
        (functions.hinge, lambda d, a, b, k: c(a) * d + c(b) * torch.maximum(d, c(k)), (u + 0.5, a, b, k)),
        (functions.rounded, lambda x: x, (u,)),
        (lambda x: functions.floored(x * 0.5), lambda x: x * 0.5, (u,)),
    ]
    for function, plain, arguments in pairs:
        for found, wanted in zip(gradients(function, *arguments), gradients(plain, *arguments), strict=True):
            torch.testing.assert_close(found, wanted)


def test_what_saturates_has_no_gradient() -> None:
    v = torch.tensor([-9000.0, -8100.0, 0.0, 8000.0, 8190.0, 9000.0]).reshape(1, 1, 1, -1)
    (found,) = gradients(lambda v: functions.requantised(v * 1, 6, 8), v)
    assert [bool(g) for g in found.flatten()] == [False, True, True, True, False, False]
    assert found.flatten()[1] == torch.linspace(-1, 1, 6)[1] / 64
