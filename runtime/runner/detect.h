/* SPDX-License-Identifier: Apache-2.0 */
/* A probability map -> the targets in it, as biisnet.runtime.detect finds them. */
#ifndef BIISNET_RUN_DETECT_H
#define BIISNET_RUN_DETECT_H

#include <stddef.h>

/* Pixels above the threshold that touch at a side or a corner. The centroid weighs each pixel by its probability. */
typedef struct {
    int top, left, height, width;
    double row, column;
    float score; /* the highest probability */
    long pixels;
} target;

/* The targets of a map [height, width], from top to bottom; *found is the caller's to free. */
size_t detect(const float *probability, int height, int width, float threshold, target **found);

#endif
