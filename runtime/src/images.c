/* SPDX-License-Identifier: Apache-2.0 */
#include "images.h"

#include <math.h>
#include <string.h>

#include "tensor.h"

#define WHITE 255.0f

enum { CHUNK = 256 /* levels, on their way to bytes */ };

bool bn_image_dtype(biisnet_dtype dtype) { return dtype == BIISNET_FLOAT32 || dtype == BIISNET_UINT8; }

static bool is_finite(float value) { return value - value == 0; }

static bool is_level(const biisnet_input *image) {
    return (image->scale == 0 || image->scale == 1) && image->offset == 0;
}

static uint64_t stride_of(const biisnet_input *image, bn_extent extent) {
    return image->row_stride ? image->row_stride : extent.columns * bn_item_bytes(image->dtype);
}

bool bn_image_check(const biisnet_input *image, const bn_tensor *tensor) {
    uint64_t item = bn_item_bytes(image->dtype);
    if (!item || !image->data || (uintptr_t)image->data % item != 0) return false;
    bn_extent extent = bn_tensor_extent(tensor);
    uint64_t stride = stride_of(image, extent);
    if (stride % item != 0 || stride / item < extent.columns || stride > SIZE_MAX / extent.rows) return false;
    /* a scale of 0 is none, and with an offset it would make one level of all */
    if (image->scale == 0 && image->offset != 0) return false;
    return is_finite(image->scale) && is_finite(image->offset);
}

bool bn_image_is_ready(const biisnet_input *image, const bn_tensor *tensor) {
    bn_extent extent = bn_tensor_extent(tensor);
    return image->dtype == tensor->dtype && is_level(image) &&
           stride_of(image, extent) == extent.columns * bn_item_bytes(image->dtype);
}

/* to[i] = scale*value + offset of `count` elements of a row, from element `first` on. */
static void read_levels(const biisnet_input *image, const void *row, uint64_t first, uint64_t count, float *to) {
    float scale = image->scale == 0 ? 1 : image->scale, offset = image->offset;
    const float *floats = row;
    const uint8_t *bytes = row;
    const uint16_t *words = row;
    const int16_t *counts = row;
    switch (image->dtype) {
        case BIISNET_FLOAT32:
            for (uint64_t x = 0; x < count; x++) to[x] = scale * floats[first + x] + offset;
            break;
        case BIISNET_UINT8:
            for (uint64_t x = 0; x < count; x++) to[x] = scale * (float)bytes[first + x] + offset;
            break;
        case BIISNET_UINT16:
            for (uint64_t x = 0; x < count; x++) to[x] = scale * (float)words[first + x] + offset;
            break;
        case BIISNET_INT16:
            for (uint64_t x = 0; x < count; x++) to[x] = scale * (float)counts[first + x] + offset;
            break;
    }
}

/* To the nearest whole level, halves to the even one; not a number is black. */
static uint8_t whole_level(float level) { return level > 0 ? (uint8_t)rintf(level < WHITE ? level : WHITE) : 0; }

static void read_bytes(const biisnet_input *image, const void *row, uint64_t columns, uint8_t *to) {
    float levels[CHUNK];
    for (uint64_t first = 0; first < columns; first += CHUNK) {
        uint64_t rest = columns - first, count = rest < CHUNK ? rest : CHUNK;
        read_levels(image, row, first, count, levels);
        for (uint64_t x = 0; x < count; x++) to[first + x] = whole_level(levels[x]);
    }
}

void bn_image_convert(const biisnet_input *image, const bn_tensor *tensor, void *to) {
    bn_extent extent = bn_tensor_extent(tensor);
    uint64_t row_bytes = extent.columns * bn_item_bytes(tensor->dtype);
    bool is_copied = image->dtype == tensor->dtype && is_level(image); /* it has gaps, and nothing else */
    const uint8_t *row = image->data;
    uint8_t *next = to;
    for (uint64_t y = 0; y < extent.rows; y++, row += stride_of(image, extent), next += row_bytes) {
        if (is_copied)
            memcpy(next, row, (size_t)row_bytes);
        else if (tensor->dtype == BIISNET_UINT8)
            read_bytes(image, row, extent.columns, next);
        else
            read_levels(image, row, 0, extent.columns, (float *)(void *)next);
    }
}
