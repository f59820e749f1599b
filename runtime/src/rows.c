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

int64_t bn_end_of_rows(const bn_operand *operand, bn_range rows, int64_t height) {
    int64_t first = first_row(operand, rows.to - 1);
    if (operand->odd && rows.to - 2 >= rows.from) { /* an odd row may look further down than the next */
        int64_t before = first_row(operand, rows.to - 2);
        if (before > first) first = before;
    }
    return clamp(first + (int64_t)(operand->count - 1) * operand->step, height) + 1;
}

static uint32_t slot_of(const bn_buffer *buffer, int64_t row) {
    /* 32 bits: half of what a 64-bit division costs */
    return buffer->slots == buffer->rows ? (uint32_t)row : (uint32_t)row % (uint32_t)buffer->slots;
}

static uint64_t slot_offset(const bn_buffer *buffer, uint32_t slot, uint64_t ahead) {
    return slot * buffer->row_bytes + (buffer->external == BN_PRIVATE ? ahead : 0);
}

/* The addresses of an operand's rows. A ring holds all rows of a window, so from one to the next its slots wrap at most
 * once: one division an operand, where there would be one a row. */
static int32_t gather(const bn_operand *operand, const bn_buffer *buffer, const uint8_t *base, const uint8_t *zero,
                      uint64_t ahead, int64_t y, const void **in) {
    int64_t row = first_row(operand, y), before = -1;
    uint32_t slot = 0;
    for (int32_t j = 0; j < operand->count; j++, row += operand->step) {
        if (operand->edge == BN_EDGE_ZERO && (row < 0 || row >= buffer->rows)) {
            in[j] = zero;
            continue;
        }
        int64_t at = clamp(row, buffer->rows);
        if (before < 0) {
            slot = slot_of(buffer, at);
        } else {
            slot += (uint32_t)(at - before);
            if (slot >= (uint32_t)buffer->slots) slot -= (uint32_t)buffer->slots;
        }
        before = at;
        in[j] = base + slot_offset(buffer, slot, ahead);
    }
    return operand->count;
}

void bn_run_rows(const bn_layout *layout, const bn_stage *stage, const uint8_t *constants,
                 const bn_addresses *addresses, uint64_t ahead, bn_range rows) {
    const void *in[BN_MAX_BAND * BN_MAX_ROWS];
    void *out[BN_MAX_BAND * BN_MAX_OUTPUTS];
    int32_t filled = 0, results = 0;
    for (int64_t y = rows.from; y < rows.to; y++) {
        for (int32_t i = 0; i < stage->inputs; i++) {
            const bn_operand *operand = &stage->input[i];
            filled += gather(operand, &layout->buffer[operand->buffer], addresses->source[operand->buffer],
                             addresses->zero, ahead, y, in + filled);
        }
        for (int32_t i = 0; i < stage->outputs; i++) {
            const bn_buffer *buffer = &layout->buffer[stage->output[i]];
            out[results++] = addresses->target[stage->output[i]] + slot_offset(buffer, slot_of(buffer, y), ahead);
        }
    }
    stage->kernel(in, constants, out, (int32_t)rows.from, (int32_t)(rows.to - rows.from));
}

void bn_run_part(const bn_stage *stage, const uint8_t *constants, const bn_addresses *addresses, int32_t part) {
    const void *in[BN_MAX_INPUTS];
    void *out[BN_MAX_OUTPUTS];
    for (int32_t i = 0; i < stage->inputs; i++) in[i] = addresses->source[stage->input[i].buffer];
    for (int32_t i = 0; i < stage->outputs; i++) out[i] = addresses->target[stage->output[i]];
    stage->kernel(in, constants, out, part, 1);
}
