/* Where the rows of feature maps are: the arithmetic of bn_buffer and bn_operand (plan.h). */
#ifndef BIISNET_ROWS_H
#define BIISNET_ROWS_H

#include "plan.h"

/* Base address of every buffer, by its index: arena buffers for good, external ones while they are bound. */
typedef struct {
    const uint8_t **source; /* to read from; NULL: not bound */
    uint8_t **target;       /* to write to; NULL: not bound, or an input */
    const uint8_t *zero;    /* the zero row */
} bn_addresses;

/* Whether some stage writes the buffer: what tells an external output from an external input. */
int bn_is_written(const bn_plan *plan, int32_t buffer);

/* Row kernels of output rows first .. last-1 of a stage. */
void bn_run_rows(const bn_plan *plan, const bn_stage *stage, const uint8_t *params,
                 const bn_addresses *addresses, int32_t first, int32_t last);

#endif
