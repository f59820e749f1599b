/* SPDX-License-Identifier: Apache-2.0 */
/* The extents of the model's inputs and outputs. */
#ifndef BIISNET_TENSOR_H
#define BIISNET_TENSOR_H

#include <stdbool.h>

#include "plan.h"

/* Bytes of an element; 0 of a type that is none. */
uint64_t bn_item_bytes(biisnet_dtype dtype);

/* A tensor as rows: its last axis is the columns, all others are the rows. */
typedef struct {
    uint64_t rows, columns;
} bn_extent;

/* Bytes of a tensor; 0 where its type is none, where an axis is empty or they are more than a number holds. */
uint64_t bn_tensor_bytes(const bn_tensor *tensor);

/* Of a tensor that bn_tensor_bytes() holds for sound. */
bn_extent bn_tensor_extent(const bn_tensor *tensor);

/* Whether a tensor's elements may lie there. */
bool bn_tensor_aligned(const bn_tensor *tensor, const void *data);

#endif
