/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the decoder. */
#include "image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "file.h"

bool image_size_allowed(uint64_t height, uint64_t width) {
    return height >= 1 && width >= 1 && height <= IMAGE_MAX_SIDE && width <= IMAGE_MAX_SIDE &&
           height * width <= IMAGE_MAX_PIXELS;
}

image_error image_decode(const uint8_t *data, size_t bytes, image *result) {
    static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    if (bytes >= sizeof png && memcmp(data, png, sizeof png) == 0) return png_decode(data, bytes, result);
    if (bytes >= 2 && data[0] == 'P' && (data[1] == '2' || data[1] == '5')) return pgm_decode(data, bytes, result);
    return "is neither PNG nor PGM; convert it, or use --raw for float32 grey levels";
}

image image_read(const char *path) {
    size_t bytes;
    uint8_t *data = file_read(path, &bytes);
    image result = {0, 0, NULL};
    image_error error = image_decode(data, bytes, &result);
    free(data);
    if (error) fail("%s: %s", path, error);
    return result;
}

image image_read_raw(const char *path, int height, int width) {
    size_t bytes, pixels = (size_t)height * (size_t)width;
    uint8_t *data = file_read(path, &bytes);
    if (bytes != pixels * sizeof(float)) {
        free(data);
        fail("%s: has %zu bytes, %dx%d float32 are %zu; correct --raw HxW", path, bytes, height, width,
             pixels * sizeof(float));
    }
    return image_of_floats(path, data, height, width);
}

image image_of_floats(const char *name, uint8_t *data, int height, int width) {
    size_t finite = 0, pixels = (size_t)height * (size_t)width;
    image result = {height, width, (float *)(void *)data};
    while (finite < pixels && isfinite(result.grey[finite])) finite++;
    if (finite < pixels) {
        free(data);
        fail("%s: pixel %zu is not finite; give grey levels 0..255 as little-endian float32", name, finite);
    }
    return result;
}
