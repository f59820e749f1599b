/* SPDX-License-Identifier: Apache-2.0 */
/* A map of the model's output -> the targets in it, as biisnet.runtime finds them. */
#ifndef BIISNET_RUN_DETECT_H
#define BIISNET_RUN_DETECT_H

#include <stddef.h>

#include "answer.h"

/* Pixels above the threshold that touch at a side or a corner. The centroid weighs each pixel by its probability. */
typedef struct {
    int top, left, height, width;
    double row, column;
    float score; /* of the highest probability */
    long pixels;
} target;

/* The targets of a map of values [height, width], from top to bottom; *found is the caller's to free. */
size_t detect(const float *values, int height, int width, const answer *a, target **found);

#endif
