/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor.h"

uint64_t bn_tensor_bytes(const bn_tensor *tensor) {
    uint64_t bytes = sizeof(float);
    for (int32_t i = 0; i < tensor->rank; i++) {
        if (tensor->shape[i] <= 0 || (uint64_t)tensor->shape[i] > UINT64_MAX / bytes) return 0;
        bytes *= (uint64_t)tensor->shape[i];
    }
    return bytes;
}

bn_extent bn_tensor_extent(const bn_tensor *tensor) {
    uint64_t columns = tensor->rank > 0 ? (uint64_t)tensor->shape[tensor->rank - 1] : 1;
    return (bn_extent){bn_tensor_bytes(tensor) / sizeof(float) / columns, columns};
}
