/* SPDX-License-Identifier: Apache-2.0 */
/* Grey images as the model takes them: float32, 0..255, row by row. */
#ifndef BIISNET_RUN_IMAGE_H
#define BIISNET_RUN_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds of what is decoded; 2^26 pixels are 256 MiB of float32. */
enum { IMAGE_MAX_SIDE = 1 << 16, IMAGE_MAX_PIXELS = 1 << 26 };

typedef struct {
    int height, width;
    float *grey; /* malloc */
} image;

/* A decoder's answer: NULL, or what is wrong and the way out, to stand behind the file's name. */
typedef const char *image_error;

bool image_size_allowed(uint64_t height, uint64_t width);

/* Reads a PNG or PGM; fails with one line if it is neither or broken. */
image image_read(const char *path);
/* Reads height*width little-endian float32 grey levels, all finite. */
image image_read_raw(const char *path, int height, int width);
/* The image in `data` (from malloc, which it keeps): height*width little-endian float32 grey levels; fails unless all
 * are finite. */
image image_of_floats(const char *name, uint8_t *data, int height, int width);

/* On success they set image->grey, which the caller frees. The first tells PNG and PGM by their first bytes, which
 * the others take for granted. */
image_error image_decode(const uint8_t *data, size_t bytes, image *result);
image_error pgm_decode(const uint8_t *data, size_t bytes, image *result);
image_error png_decode(const uint8_t *data, size_t bytes, image *result);

#endif
