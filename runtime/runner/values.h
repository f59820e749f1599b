/* SPDX-License-Identifier: Apache-2.0 */
/* The output's values as a file, whatever they mean. */
#ifndef BIISNET_RUN_VALUES_H
#define BIISNET_RUN_VALUES_H

#include "options.h"

/* Planes of values, one after the other. */
typedef struct {
    int channels, height, width;
} extent;

/* Fails early, before anything is computed, if the file's name does not tell its form, or values of `size` have no such. */
void values_check(const options *o, extent size);

/* Values of `in`, of a frame of the model's size -> memory of those of a frame of height x width, which the caller frees:
 * each plane is resized as the frame was. `size` becomes theirs. */
float *values_of_frame(const float *values, extent in, extent *size, int height, int width);

/* Writes them: float32, or of 1 or 3 channels 8 bits between black and white. */
void values_write(const options *o, const float *values, extent size);

#endif
