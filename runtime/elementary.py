# SPDX-License-Identifier: Apache-2.0
"""exp and log, by additions, multiplications and divisions alone, in an order that runner/elementary.c has, too:
libraries' own differ in the last bit. (Cody and Waite, Software Manual for the Elementary Functions, 1980.) numpy only.

    exp(x):  x = k ln 2 + r, |r| <= ln 2 / 2;  2^k times the series of exp(r), by Horner's rule, to below 1e-18
    log(x):  x = 2^k m, 1/sqrt(2) <= m < sqrt(2), s = (m - 1) / (m + 1);  k ln 2 + 2 (s + s^3/3 + s^5/5 + ...), likewise
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
LN2_HIGH, LN2_LOW, LOG2_E = 6.93147180369123816490e-01, 1.90821492927058770002e-10, 1.44269504088896338700e00
"""The logarithm of 2 in two parts: of the first, multiples up to 2^11 are exact."""
TERMS, LARGEST = 14, 700.0
LOG_TERMS, HALF_ROOT = 11, 7.07106781186547524401e-01


def exponential(x: F64) -> F64:
    """exp(x), of x cut off at LARGEST and -LARGEST."""
    x = np.clip(x, -LARGEST, LARGEST)
    k = np.rint(x * LOG2_E)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    total = np.ones_like(r)
    for n in range(TERMS, 0, -1):
        total = 1 + r / n * total
    result: F64 = np.ldexp(total, k.astype(np.int32))
    return result


def logarithm(x: F64) -> F64:
    """log(x), of finite x above 0."""
    m, k = np.frexp(x)
    is_low = m < HALF_ROOT
    m, k = np.where(is_low, 2 * m, m), np.where(is_low, k - 1, k)
    s = (m - 1) / (m + 1)
    square, total = s * s, np.zeros_like(s)
    for n in range(LOG_TERMS, -1, -1):
        total = 1 / (2 * n + 1) + square * total
    result: F64 = k * LN2_HIGH + (k * LN2_LOW + 2 * s * total)
    return result
