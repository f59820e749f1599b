/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file and chooses its decoder. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "file.h"
#include "pgm.h"
#include "png.h"

/* Three planes of a grey image. */
static image_error repeat_plane(image *result) {
    size_t pixels = (size_t)result->height * (size_t)result->width;
    float *planes = realloc(result->grey, 3 * pixels * sizeof *planes);
    if (!planes) {
        free(result->grey);
        return "needs more memory than there is; use a smaller image";
    }
    memcpy(planes + pixels, planes, pixels * sizeof *planes);
    memcpy(planes + 2 * pixels, planes, pixels * sizeof *planes);
    result->grey = planes;
    result->channels = 3;
    return NULL;
}

image_error image_decode(const uint8_t *data, size_t bytes, int channels, image *result) {
    static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    if (channels != 1 && channels != 3)
        return "is an image file, and the model takes neither grey nor colour; give raw samples with --raw HxW:TYPE";
    if (bytes >= sizeof png && memcmp(data, png, sizeof png) == 0) return png_decode(data, bytes, channels, result);
    if (bytes >= 2 && data[0] == 'P' && (data[1] == '2' || data[1] == '5')) {
        image_error error = pgm_decode(data, bytes, result);
        return error || channels == 1 ? error : repeat_plane(result);
    }
    return "is neither PNG nor PGM; convert it, or give raw samples with --raw HxW:TYPE";
}

image image_read(const char *path, int channels) {
    size_t bytes;
    uint8_t *data = file_read(path, &bytes);
    image result = {0, 0, NULL, 0, NULL, 0};
    image_error error = image_decode(data, bytes, channels, &result);
    free(data);
    if (error) fail("%s: %s", path, error);
    return result;
}

size_t raw_bytes(raw_type type) { return type == RAW_U8 ? 1 : type == RAW_F32 ? 4 : 2; }

image image_read_raw(const char *path, int height, int width, int channels, raw_type type) {
    size_t bytes, expected = (size_t)height * (size_t)width * (size_t)channels * raw_bytes(type);
    uint8_t *data = file_read(path, &bytes);
    if (bytes != expected) {
        free(data);
        if (channels == 1)
            fail("%s: has %zu bytes, and %dx%d samples of %zu are %zu; correct --raw HxW:TYPE", path, bytes, height, width,
                 raw_bytes(type), expected);
        fail("%s: has %zu bytes, and %dx%d pixels of %d samples of %zu are %zu; correct --raw HxW:TYPE", path, bytes,
             height, width, channels, raw_bytes(type), expected);
    }
    return image_of_raw(data, height, width, channels, type);
}

static float sample_of(const uint8_t *at, raw_type type) {
    float value;
    switch (type) {
        case RAW_F32: memcpy(&value, at, sizeof value); return value; /* every target is little-endian */
        case RAW_U16LE: return (float)(at[0] | at[1] << 8);
        case RAW_U16BE: return (float)(at[0] << 8 | at[1]);
        case RAW_U8: break;
    }
    return (float)*at;
}

image image_of_raw(uint8_t *data, int height, int width, int channels, raw_type type) {
    size_t pixels = (size_t)height * (size_t)width, planes = (size_t)channels;
    image result = {height, width, NULL, 255.0f, data, channels};
    if (type == RAW_U8) {
        if (planes == 1) return result;
        result.bytes = memory(pixels * planes);
        for (size_t c = 0; c < planes; c++)
            for (size_t i = 0; i < pixels; i++) result.bytes[c * pixels + i] = data[i * planes + c];
    } else {
        result.bytes = NULL;
        result.full = type == RAW_F32 ? 0.0f : 65535.0f;
        result.grey = memory(pixels * planes * sizeof *result.grey);
        for (size_t c = 0; c < planes; c++)
            for (size_t i = 0; i < pixels; i++)
                result.grey[c * pixels + i] = sample_of(data + (i * planes + c) * raw_bytes(type), type);
    }
    free(data);
    return result;
}

void image_floats(image *frame) {
    if (!frame->bytes) return;
    size_t samples = image_samples(frame);
    frame->grey = memory(samples * sizeof *frame->grey);
    for (size_t i = 0; i < samples; i++) frame->grey[i] = (float)frame->bytes[i];
    free(frame->bytes);
    frame->bytes = NULL;
}

void image_free(image *frame) {
    free(frame->grey);
    free(frame->bytes);
}
