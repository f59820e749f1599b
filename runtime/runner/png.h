/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes a PNG of any colour type and bit depth. */
#ifndef BIISNET_RUN_PNG_H
#define BIISNET_RUN_PNG_H

#include "grey.h"

/* The image in `data`, whose first bytes tell that it is one, in `channels`: 1 or 3. On success sets result->grey, which
 * the caller frees. */
image_error png_decode(const uint8_t *data, size_t bytes, int channels, image *result);

#endif
