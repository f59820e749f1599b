/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes a PGM, binary or plain. */
#ifndef BIISNET_RUN_PGM_H
#define BIISNET_RUN_PGM_H

#include "grey.h"

/* The image in `data`, whose first bytes tell that it is one. On success sets result->grey, which the caller frees. */
image_error pgm_decode(const uint8_t *data, size_t bytes, image *result);

#endif
