/* SPDX-License-Identifier: Apache-2.0 */
#include "elementary.h"

#include <math.h>

/* The logarithm of 2 in two parts: of the first, multiples up to 2^11 are exact. */
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define LOG2_E 1.44269504088896338700e+00
#define HALF_ROOT 7.07106781186547524401e-01

enum { TERMS = 14, LARGEST = 700, LOG_TERMS = 11 };

double exponential(double x) {
    x = x < -LARGEST ? -LARGEST : x > LARGEST ? LARGEST : x;
    double k = rint(x * LOG2_E), r = (x - k * LN2_HIGH) - k * LN2_LOW, sum = 1;
    for (int n = TERMS; n > 0; n--) sum = 1 + r / n * sum;
    return ldexp(sum, (int)k);
}

double logarithm(double x) {
    int k;
    double m = frexp(x, &k);
    if (m < HALF_ROOT) m *= 2, k--;
    double s = (m - 1) / (m + 1), square = s * s, sum = 0;
    for (int n = LOG_TERMS; n >= 0; n--) sum = 1.0 / (2 * n + 1) + square * sum;
    return k * LN2_HIGH + (k * LN2_LOW + 2 * s * sum);
}
