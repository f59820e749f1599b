/* SPDX-License-Identifier: Apache-2.0 */
/* Where feature maps and their rows are: the arithmetic of bn_buffer and bn_operand (plan.h). */
#ifndef BIISNET_ROWS_H
#define BIISNET_ROWS_H

#include "plan.h"

/* Base address of every buffer, by its index: arena buffers for good, external ones while they are bound. */
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

/* The first row of the operand's map (of `height` rows) that one of the output rows `rows` reads. */
int64_t bn_first_of_rows(const bn_operand *operand, bn_range rows, int64_t height);

/* The last row of the operand's map that output rows `rows` read, and one. */
int64_t bn_end_of_rows(const bn_operand *operand, bn_range rows, int64_t height);

/* Calls the kernel of a stage that has rows for some of them, at most its band. */
void bn_run_rows(const bn_layout *layout, const bn_stage *stage, const uint8_t *constants,
                 const bn_addresses *addresses, bn_range rows);

/* Calls the kernel of a stage of whole maps for one of its parts. */
void bn_run_part(const bn_stage *stage, const uint8_t *constants, const bn_addresses *addresses, int32_t part);

#endif
