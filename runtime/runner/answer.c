/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <math.h>

/* The logarithm of 2 in two parts: of the first, multiples up to 2^11 are exact. (Cody and Waite, Software Manual for
 * the Elementary Functions, 1980.) */
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define LOG2_E 1.44269504088896338700e+00

enum { TERMS = 14, LARGEST = 700 };

answer answer_of_model(void) {
    return (answer){biisnet_output_meaning(0), biisnet_output_dtype(0) != BIISNET_FLOAT32, biisnet_output_scale(0),
                    biisnet_threshold()};
}

/* exp(x), by additions, multiplications and divisions alone, in an order that answers.py has, too: libraries' own differ
 * in the last bit. x = k ln 2 + r, |r| <= ln 2 / 2; the series of exp(r) by Horner's rule, to below 1e-18. */
static double exponential(double x) {
    x = x < -LARGEST ? -LARGEST : x > LARGEST ? LARGEST : x;
    double k = rint(x * LOG2_E), r = (x - k * LN2_HIGH) - k * LN2_LOW, sum = 1;
    for (int n = TERMS; n > 0; n--) sum = 1 + r / n * sum;
    return ldexp(sum, (int)k);
}

float answer_value(const answer *a, double threshold) {
    if (!a->is_whole) return (float)threshold;
    biisnet_dtype dtype = biisnet_output_dtype(0);
    int below = (dtype == BIISNET_INT16 ? INT16_MIN : 0) - 1;
    int above = dtype == BIISNET_INT16 ? INT16_MAX : dtype == BIISNET_UINT16 ? UINT16_MAX : UINT8_MAX;
    while (below < above) { /* probabilities never fall as values grow */
        int middle = below + (above - below + 1) / 2;
        if (answer_probability(a, (float)middle) <= (float)threshold)
            below = middle;
        else
            above = middle - 1;
    }
    return (float)below;
}

float answer_probability(const answer *a, float value) {
    if (!a->is_whole) return value;
    double meant = a->scale * (double)value;
    return (float)(a->meaning == BIISNET_MEANING_LOGIT ? 1 / (1 + exponential(-meant)) : meant);
}
