/* SPDX-License-Identifier: Apache-2.0 */
/* An image in memory, and the bounds of one: what decoders give and the rest of the runner takes. */
#ifndef BIISNET_RUN_GREY_H
#define BIISNET_RUN_GREY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds of what is decoded; 2^26 pixels are 256 MiB of float32. */
enum { IMAGE_MAX_SIDE = 1 << 16, IMAGE_MAX_PIXELS = 1 << 26 };

typedef struct {
    int height, width;
    float *grey;    /* malloc; whole counts from 0 to full, or floats; NULL: they are in bytes */
    float full;     /* the count that is white; 0: they are floats */
    uint8_t *bytes; /* malloc; whole counts from 0 to 255; NULL: they are in grey */
    int channels;   /* planes, one after the other: 1 is grey, 3 are red, green and blue */
} image;

static inline size_t image_samples(const image *frame) {
    return (size_t)frame->channels * (size_t)frame->height * (size_t)frame->width;
}

/* A decoder's answer: NULL, or what is wrong and the way out, to stand behind the file's name. */
typedef const char *image_error;

static inline bool image_size_allowed(uint64_t height, uint64_t width) {
    return height >= 1 && width >= 1 && height <= IMAGE_MAX_SIDE && width <= IMAGE_MAX_SIDE &&
           height * width <= IMAGE_MAX_PIXELS;
}

#endif
