/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs as sensors have them -> dense levels in the type that the model takes. */
#ifndef BIISNET_IMAGES_H
#define BIISNET_IMAGES_H

#include <stdbool.h>

#include "plan.h"

/* Types that models may take. */
bool bn_image_dtype(biisnet_dtype dtype);

/* Whether an image can be an input: known type, aligned, rows that do not overlap, finite scale and offset. */
bool bn_image_check(const biisnet_input *image, const bn_tensor *tensor);

/* Whether it is what a kernel reads already: then it need not be converted. */
bool bn_image_is_ready(const biisnet_input *image, const bn_tensor *tensor);

/* to[i] = the level of all of the tensor's elements, in its type. */
void bn_image_convert(const biisnet_input *image, const bn_tensor *tensor, void *to);

#endif
