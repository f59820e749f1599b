/* SPDX-License-Identifier: Apache-2.0 */
/* The image readers: any bytes are refused, or become an image whose every pixel is a grey level. */
#include "image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    image result;
    if (image_decode(data, size, &result)) return 0;
    size_t pixels = (size_t)result.height * (size_t)result.width;
    for (size_t i = 0; i < pixels; i++)
        if (!(result.grey[i] >= 0.0f && result.grey[i] <= 255.0f)) abort();
    free(result.grey);
    return 0;
}
