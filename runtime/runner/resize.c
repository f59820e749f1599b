/* SPDX-License-Identifier: Apache-2.0 */
#include "resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

/* Along one axis: the two neighbours of an output position and the second one's weight. */
typedef struct {
    int low, high;
    float weight;
} tap;

static int clamp(int value, int limit) { return value < 0 ? 0 : value >= limit ? limit - 1 : value; }

static tap tap_at(int position, int in, int out) {
    double at = (position + 0.5) * in / out - 0.5, below = floor(at);
    return (tap){clamp((int)below, in), clamp((int)below + 1, in), (float)(at - below)};
}

/* Built with -ffp-contract=off: fused multiply-adds would round differently from numpy. */
static float mix(float a, float b, float weight) { return a * (1.0f - weight) + b * weight; }

void resize_bilinear(const float *in, int in_height, int in_width, float *out, int out_height, int out_width) {
    if (in_height == out_height && in_width == out_width) {
        memcpy(out, in, (size_t)in_height * (size_t)in_width * sizeof *in);
        return;
    }
    tap *columns = memory((size_t)out_width * sizeof *columns);
    for (int x = 0; x < out_width; x++) columns[x] = tap_at(x, in_width, out_width);
    for (int y = 0; y < out_height; y++) {
        tap rows = tap_at(y, in_height, out_height);
        const float *above = in + (size_t)rows.low * (size_t)in_width;
        const float *below = in + (size_t)rows.high * (size_t)in_width;
        for (int x = 0; x < out_width; x++, out++) {
            const tap *c = &columns[x];
            float upper = mix(above[c->low], above[c->high], c->weight);
            float lower = mix(below[c->low], below[c->high], c->weight);
            *out = mix(upper, lower, rows.weight);
        }
    }
    free(columns);
}
