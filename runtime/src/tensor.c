/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor.h"

uint64_t bn_item_bytes(biisnet_dtype dtype) {
    switch (dtype) {
        case BIISNET_FLOAT32: return sizeof(float);
        case BIISNET_UINT8: return sizeof(uint8_t);
        case BIISNET_UINT16: return sizeof(uint16_t);
        case BIISNET_INT16: return sizeof(int16_t);
    }
    return 0;
}

uint64_t bn_tensor_bytes(const bn_tensor *tensor) {
    uint64_t bytes = bn_item_bytes(tensor->dtype);
    if (!bytes) return 0;
    for (int32_t i = 0; i < tensor->rank; i++) {
        if (tensor->shape[i] <= 0 || (uint64_t)tensor->shape[i] > UINT64_MAX / bytes) return 0;
        bytes *= (uint64_t)tensor->shape[i];
    }
    return bytes;
}

bn_extent bn_tensor_extent(const bn_tensor *tensor) {
    uint64_t columns = tensor->rank > 0 ? (uint64_t)tensor->shape[tensor->rank - 1] : 1;
    return (bn_extent){bn_tensor_bytes(tensor) / bn_item_bytes(tensor->dtype) / columns, columns};
}

bool bn_tensor_aligned(const bn_tensor *tensor, const void *data) {
    return data && (uintptr_t)data % bn_item_bytes(tensor->dtype) == 0;
}
