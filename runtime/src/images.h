/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs as sensors have them -> dense float32 levels. */
#ifndef BIISNET_IMAGES_H
#define BIISNET_IMAGES_H

#include <stdbool.h>

#include "plan.h"

/* Whether an image can be an input: known type, aligned, rows that do not overlap, finite scale and offset. */
bool bn_image_check(const biisnet_image *image, const bn_tensor *tensor);

/* Whether it is what a kernel reads already: then it need not be converted. */
bool bn_image_is_ready(const biisnet_image *image, const bn_tensor *tensor);

/* to[i] = scale*value + offset of all of the tensor's elements. */
void bn_image_convert(const biisnet_image *image, const bn_tensor *tensor, float *to);

#endif
