/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file and chooses its decoder. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "file.h"
#include "pgm.h"
#include "png.h"

image_error image_decode(const uint8_t *data, size_t bytes, image *result) {
    static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    if (bytes >= sizeof png && memcmp(data, png, sizeof png) == 0) return png_decode(data, bytes, result);
    if (bytes >= 2 && data[0] == 'P' && (data[1] == '2' || data[1] == '5')) return pgm_decode(data, bytes, result);
    return "is neither PNG nor PGM; convert it, or give raw samples with --raw HxW:TYPE";
}

image image_read(const char *path) {
    size_t bytes;
    uint8_t *data = file_read(path, &bytes);
    image result = {0, 0, NULL, 0, NULL};
    image_error error = image_decode(data, bytes, &result);
    free(data);
    if (error) fail("%s: %s", path, error);
    return result;
}

size_t raw_bytes(raw_type type) { return type == RAW_U8 ? 1 : type == RAW_F32 ? 4 : 2; }

image image_read_raw(const char *path, int height, int width, raw_type type) {
    size_t bytes, expected = (size_t)height * (size_t)width * raw_bytes(type);
    uint8_t *data = file_read(path, &bytes);
    if (bytes != expected) {
        free(data);
        fail("%s: has %zu bytes, and %dx%d samples of %zu are %zu; correct --raw HxW:TYPE", path, bytes, height, width,
             raw_bytes(type), expected);
    }
    return image_of_raw(data, height, width, type);
}

image image_of_raw(uint8_t *data, int height, int width, raw_type type) {
    if (type == RAW_U8) return (image){height, width, NULL, 255.0f, data};
    size_t pixels = (size_t)height * (size_t)width;
    float *grey = memory(pixels * sizeof *grey);
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *at = data + i * raw_bytes(type);
        if (type == RAW_F32)
            memcpy(&grey[i], at, sizeof grey[i]); /* every target is little-endian */
        else
            grey[i] = (float)(type == RAW_U16LE ? at[0] | at[1] << 8 : at[0] << 8 | at[1]);
    }
    free(data);
    return (image){height, width, grey, type == RAW_F32 ? 0.0f : 65535.0f, NULL};
}

void image_floats(image *frame) {
    if (!frame->bytes) return;
    size_t pixels = (size_t)frame->height * (size_t)frame->width;
    frame->grey = memory(pixels * sizeof *frame->grey);
    for (size_t i = 0; i < pixels; i++) frame->grey[i] = (float)frame->bytes[i];
    free(frame->bytes);
    frame->bytes = NULL;
}

void image_free(image *frame) {
    free(frame->grey);
    free(frame->bytes);
}
