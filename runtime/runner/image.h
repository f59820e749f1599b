/* SPDX-License-Identifier: Apache-2.0 */
/* Grey images, row by row: samples as the file has them, which levels.h turns into grey levels. */
#ifndef BIISNET_RUN_IMAGE_H
#define BIISNET_RUN_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds of what is decoded; 2^26 pixels are 256 MiB of float32. */
enum { IMAGE_MAX_SIDE = 1 << 16, IMAGE_MAX_PIXELS = 1 << 26 };

typedef struct {
    int height, width;
    float *grey; /* malloc; whole counts from 0 to full, or floats */
    float full;  /* the count that is white; 0: they are floats */
} image;

/* How raw frames have their samples. */
typedef enum { RAW_U8, RAW_U16LE, RAW_U16BE, RAW_F32 } raw_type;

/* A decoder's answer: NULL, or what is wrong and the way out, to stand behind the file's name. */
typedef const char *image_error;

bool image_size_allowed(uint64_t height, uint64_t width);

/* Reads a PNG or PGM; fails with one line if it is neither or broken. */
image image_read(const char *path);

/* Bytes of a raw sample. */
size_t raw_bytes(raw_type type);
/* Reads height*width raw samples; fails unless the file has as many. */
image image_read_raw(const char *path, int height, int width, raw_type type);
/* The image in `data`: height*width raw samples. */
image image_of_raw(const uint8_t *data, int height, int width, raw_type type);

/* On success they set image->grey, which the caller frees. The first tells PNG and PGM by their first bytes, which
 * the others take for granted. */
image_error image_decode(const uint8_t *data, size_t bytes, image *result);
image_error pgm_decode(const uint8_t *data, size_t bytes, image *result);
image_error png_decode(const uint8_t *data, size_t bytes, image *result);

#endif
