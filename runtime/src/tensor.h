/* SPDX-License-Identifier: Apache-2.0 */
/* The extents of the model's inputs and outputs. */
#ifndef BIISNET_TENSOR_H
#define BIISNET_TENSOR_H

#include "plan.h"

/* A tensor as rows: its last axis is the columns, all others are the rows. */
typedef struct {
    uint64_t rows, columns;
} bn_extent;

/* Bytes of a tensor in float32; 0 where an axis is empty or they are more than a number holds. */
uint64_t bn_tensor_bytes(const bn_tensor *tensor);

/* Of a tensor that bn_tensor_bytes() holds for sound. */
bn_extent bn_tensor_extent(const bn_tensor *tensor);

#endif
