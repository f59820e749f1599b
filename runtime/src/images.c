/* SPDX-License-Identifier: Apache-2.0 */
#include "images.h"

#include "tensor.h"

static uint64_t bytes_of(biisnet_dtype dtype) {
    switch (dtype) {
        case BIISNET_FLOAT32: return sizeof(float);
        case BIISNET_UINT8: return 1;
        case BIISNET_UINT16: return 2;
    }
    return 0;
}

static bool is_finite(float value) { return value - value == 0; }

static uint64_t stride_of(const biisnet_image *image, bn_extent extent) {
    return image->row_stride ? image->row_stride : extent.columns * bytes_of(image->dtype);
}

bool bn_image_check(const biisnet_image *image, const bn_tensor *tensor) {
    uint64_t item = bytes_of(image->dtype);
    if (!item || !image->data || (uintptr_t)image->data % item != 0) return false;
    bn_extent extent = bn_tensor_extent(tensor);
    uint64_t stride = stride_of(image, extent);
    if (stride % item != 0 || stride / item < extent.columns || stride > SIZE_MAX / extent.rows) return false;
    return is_finite(image->scale) && is_finite(image->offset);
}

bool bn_image_is_ready(const biisnet_image *image, const bn_tensor *tensor) {
    bn_extent extent = bn_tensor_extent(tensor);
    return image->dtype == BIISNET_FLOAT32 && image->scale == 1 && image->offset == 0 &&
           stride_of(image, extent) == extent.columns * sizeof(float);
}

static void convert_row(const void *row, biisnet_dtype dtype, uint64_t columns, float scale, float offset, float *to) {
    const float *floats = row;
    const uint8_t *bytes = row;
    const uint16_t *words = row;
    switch (dtype) {
        case BIISNET_FLOAT32:
            for (uint64_t x = 0; x < columns; x++) to[x] = scale * floats[x] + offset;
            break;
        case BIISNET_UINT8:
            for (uint64_t x = 0; x < columns; x++) to[x] = scale * (float)bytes[x] + offset;
            break;
        case BIISNET_UINT16:
            for (uint64_t x = 0; x < columns; x++) to[x] = scale * (float)words[x] + offset;
            break;
    }
}

void bn_image_convert(const biisnet_image *image, const bn_tensor *tensor, float *to) {
    bn_extent extent = bn_tensor_extent(tensor);
    const uint8_t *row = image->data;
    for (uint64_t y = 0; y < extent.rows; y++, row += stride_of(image, extent), to += extent.columns)
        convert_row(row, image->dtype, extent.columns, image->scale, image->offset, to);
}
