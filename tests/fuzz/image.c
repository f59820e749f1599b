/* SPDX-License-Identifier: Apache-2.0 */
/* The image readers: any bytes are refused, or become an image whose every pixel is a grey level. */
#include "image.h"
#include "levels.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const levels given[] = {{0}, {.given = true, .low = 3, .high = 1e9}, {.given = true, .low = 1, .low_percent = true,
                                   .high = 99, .high_percent = true}};
    image result;
    if (image_decode(data, size, size % 2 ? 1 : 3, &result)) return 0;
    size_t pixels = image_samples(&result);
    if (!(result.full >= 1.0f && result.full <= 65535.0f)) abort();
    for (size_t i = 0; i < pixels; i++)
        if (!(result.grey[i] >= 0.0f && result.grey[i] <= result.full)) abort();
    levels_watch watch = levels_watch_begin();
    levels_apply(&given[result.full > 3 ? size % 3 : 0], &watch, "fuzzed", &result);
    for (size_t i = 0; i < pixels; i++)
        if (!(result.grey[i] >= 0.0f && result.grey[i] <= 255.0f)) abort();
    free(result.grey);
    return 0;
}
