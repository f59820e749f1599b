/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "elementary.h"

answer answer_of_model(void) {
    return (answer){biisnet_output_meaning(0), biisnet_output_dtype(0) != BIISNET_FLOAT32, biisnet_output_scale(0),
                    biisnet_threshold(), biisnet_score_slope(), biisnet_score_offset()};
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

/* The float32s next to 0 and to 1, for which there is a logit. */
#define LEAST 0x1p-149
#define GREATEST (1 - 0x1p-24)

float answer_score(const answer *a, float probability) {
    if (a->slope == 1 && a->offset == 0) return probability;
    double p = (double)probability;
    p = p < LEAST ? LEAST : p > GREATEST ? GREATEST : p;
    return (float)(1 / (1 + exponential(-(a->slope * logarithm(p / (1 - p)) + a->offset))));
}
