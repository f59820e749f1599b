/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers the pointers that each call of a kernel wants. */
#include "rows.h"

/* The first row of the operand's map that output row y needs; it may lie outside of the map. */
static int64_t first_row(const bn_operand *operand, int64_t y) {
    int64_t at = y * operand->mul + operand->add;
    if (operand->div == 2)
        at >>= 1; /* the usual one, and rounds down; a division costs more than all the rest */
    else if (operand->div > 1)
        at = at >= 0 ? at / operand->div : -((-at + operand->div - 1) / operand->div);
    return y & 1 ? at + operand->odd : at;
}

static int64_t clamp(int64_t row, int64_t height) { return row < 0 ? 0 : row >= height ? height - 1 : row; }

bn_range bn_needed_rows(const bn_operand *operand, bn_range rows, int64_t height) {
    int64_t low = INT64_MAX, high = INT64_MIN;
    /* An odd row may look further up or down than its even neighbour, so the two at each end decide. */
    const int64_t ends[] = {rows.from, rows.from + 1, rows.to - 2, rows.to - 1};
    for (int i = 0; i < 4; i++) {
        if (ends[i] < rows.from || ends[i] >= rows.to) continue;
        int64_t first = first_row(operand, ends[i]), last = first + (int64_t)(operand->count - 1) * operand->step;
        if (first < low) low = first;
        if (last > high) high = last;
    }
    return (bn_range){clamp(low, height), clamp(high, height) + 1};
}

int64_t bn_end_of_row(const bn_operand *operand, int64_t y, int64_t height) {
    return clamp(first_row(operand, y) + (int64_t)(operand->count - 1) * operand->step, height) + 1;
}

static uint64_t row_offset(const bn_buffer *buffer, int64_t row, uint64_t ahead) {
    /* 32 bits: half of what a 64-bit division costs */
    uint64_t slot = buffer->slots == buffer->rows ? (uint64_t)row : (uint32_t)row % (uint32_t)buffer->slots;
    return slot * buffer->row_bytes + (buffer->external == BN_PRIVATE ? ahead : 0);
}

void bn_run_row(const bn_layout *layout, const bn_stage *stage, const uint8_t *constants,
                const bn_addresses *addresses, uint64_t ahead, int32_t y) {
    const void *in[BN_MAX_ROWS];
    void *out[BN_MAX_OUTPUTS];
    int32_t filled = 0;
    for (int32_t i = 0; i < stage->inputs; i++) {
        const bn_operand *operand = &stage->input[i];
        const bn_buffer *buffer = &layout->buffer[operand->buffer];
        int64_t row = first_row(operand, y);
        for (int32_t j = 0; j < operand->count; j++, row += operand->step) {
            if (operand->edge == BN_EDGE_ZERO && (row < 0 || row >= buffer->rows))
                in[filled++] = addresses->zero;
            else
                in[filled++] = addresses->source[operand->buffer] + row_offset(buffer, clamp(row, buffer->rows), ahead);
        }
    }
    for (int32_t i = 0; i < stage->outputs; i++)
        out[i] = addresses->target[stage->output[i]] + row_offset(&layout->buffer[stage->output[i]], y, ahead);
    stage->kernel(in, constants, out, y);
}

void bn_run_part(const bn_stage *stage, const uint8_t *constants, const bn_addresses *addresses, int32_t part) {
    const void *in[BN_MAX_INPUTS];
    void *out[BN_MAX_OUTPUTS];
    for (int32_t i = 0; i < stage->inputs; i++) in[i] = addresses->source[stage->input[i].buffer];
    for (int32_t i = 0; i < stage->outputs; i++) out[i] = addresses->target[stage->output[i]];
    stage->kernel(in, constants, out, part);
}
