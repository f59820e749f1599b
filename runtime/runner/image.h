/* SPDX-License-Identifier: Apache-2.0 */
/* Images from files: samples as the file has them, row by row, which levels.h turns into levels. `channels` is how many
 * are wanted. */
#ifndef BIISNET_RUN_IMAGE_H
#define BIISNET_RUN_IMAGE_H

#include "grey.h"

/* How raw frames have their samples. */
typedef enum { RAW_U8, RAW_U16LE, RAW_U16BE, RAW_F32 } raw_type;

/* Reads a PNG or PGM in 1 or 3 channels; fails with one line if it is neither or broken. */
image image_read(const char *path, int channels);

/* Bytes of a raw sample. */
size_t raw_bytes(raw_type type);
/* Reads height*width raw pixels, each of its channels' samples; fails unless the file has as many. */
image image_read_raw(const char *path, int height, int width, int channels, raw_type type);
/* The image in `data`, which it takes over: height*width raw pixels. Bytes stay bytes. */
image image_of_raw(uint8_t *data, int height, int width, int channels, raw_type type);

/* Makes floats of bytes, where it has bytes. */
void image_floats(image *frame);
void image_free(image *frame);

/* Tells PNG and PGM by their first bytes. On success sets result->grey, which the caller frees. */
image_error image_decode(const uint8_t *data, size_t bytes, int channels, image *result);

#endif
