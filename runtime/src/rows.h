/* SPDX-License-Identifier: Apache-2.0 */
/* Where feature maps and their rows are: the arithmetic of bn_buffer and bn_operand (plan.h). */
#ifndef BIISNET_ROWS_H
#define BIISNET_ROWS_H

#include "plan.h"

/* Base address of every buffer, by its index: arena buffers for good, external ones while they are bound. Private
 * buffers' are those of thread 0, those of thread m lie m * layout->private_bytes behind. */
typedef struct {
    const uint8_t **source; /* to read from; NULL: not bound */
    uint8_t **target;       /* to write to; NULL: not bound, or an input */
    const int32_t *writer;  /* the stage that writes it; -1: none. That tells an external output from an input */
    const uint8_t *zero;    /* the zero row */
} bn_addresses;

/* Rows from .. to-1 of a map. */
typedef struct {
    int64_t from, to;
} bn_range;

/* The rows of the operand's map (of `height` rows) that output rows `rows` read. */
bn_range bn_needed_rows(const bn_operand *operand, bn_range rows, int64_t height);

/* The last row of the operand's map that output rows `rows` read, and one. */
int64_t bn_end_of_rows(const bn_operand *operand, bn_range rows, int64_t height);

/* Calls the kernel of a stage that has rows for some of them, at most its band; `ahead` is the offset of this thread's
 * private buffers from thread 0's. */
void bn_run_rows(const bn_layout *layout, const bn_stage *stage, const uint8_t *constants,
                 const bn_addresses *addresses, uint64_t ahead, bn_range rows);

/* Calls the kernel of a stage of whole maps for one of its parts. */
void bn_run_part(const bn_stage *stage, const uint8_t *constants, const bn_addresses *addresses, int32_t part);

#endif
