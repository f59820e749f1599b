/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers the pointers that each call of a kernel wants. */
#include "rows.h"

#include <stdbool.h>

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

int64_t bn_first_of_rows(const bn_operand *operand, bn_range rows, int64_t height) {
    int64_t first = first_row(operand, rows.from);
    if (operand->odd && rows.from + 1 < rows.to) { /* an odd row may look further up than the one before */
        int64_t next = first_row(operand, rows.from + 1);
        if (next < first) first = next;
    }
    return clamp(first, height);
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

/* The addresses of rows of a map, `step` apart. A ring holds all rows of a window, and all that a band reads, so from
 * one to the next its slots wrap at most once: one division an operand, where there would be one a row. */
static void find_inside(const bn_buffer *buffer, const uint8_t *base, int64_t row, int64_t step, int32_t count,
                        const void **at) {
    int64_t slot = slot_of(buffer, row), slots = buffer->slots;
    int64_t row_bytes = (int64_t)buffer->row_bytes, offset = slot * row_bytes;
    for (int32_t j = 0; j < count; j++) {
        if (slot >= slots) slot -= slots, offset -= slots * row_bytes;
        at[j] = base + offset;
        slot += step, offset += step * row_bytes;
    }
}

/* The same where some are outside of the map. */
static void find_rows(const bn_operand *operand, const bn_buffer *buffer, const uint8_t *base, const uint8_t *zero,
                      int64_t row, int64_t step, int32_t count, const void **at) {
    if (row >= 0 && step >= 0 && row + (count - 1) * step < buffer->rows) {
        find_inside(buffer, base, row, step, count, at);
        return;
    }
    for (int32_t j = 0; j < count; j++, row += step) {
        bool outside = row < 0 || row >= buffer->rows;
        at[j] = outside && operand->edge == BN_EDGE_ZERO
                    ? zero
                    : base + slot_of(buffer, clamp(row, buffer->rows)) * buffer->row_bytes;
    }
}

/* Whether all rows but the first that an output row reads are the next one's too, and one behind them; of several
 * output rows the kernel then is given each row once. The compiler has it so, too (Operand.slides). */
static bool slides(const bn_operand *operand) {
    return operand->div == 1 && !operand->odd && (operand->count == 1 || operand->step == operand->mul);
}

/* The addresses of the rows that a band of output rows is given of an operand; returns the room for a whole band's. */
static int32_t gather(const bn_operand *operand, const bn_buffer *buffer, const uint8_t *base, const uint8_t *zero,
                      bn_range rows, int32_t band, const void **in) {
    int32_t count = operand->count;
    if (band > 1 && slides(operand)) {
        int32_t given = count + (int32_t)(rows.to - rows.from) - 1;
        find_rows(operand, buffer, base, zero, first_row(operand, rows.from), operand->mul, given, in);
        return count + band - 1;
    }
    for (int64_t y = rows.from; y < rows.to; y++, in += count)
        find_rows(operand, buffer, base, zero, first_row(operand, y), operand->step, count, in);
    return count * band;
}

void bn_run_rows(const bn_layout *layout, const bn_stage *stage, const uint8_t *constants,
                 const bn_addresses *addresses, bn_range rows) {
    const void *in[BN_MAX_BAND * BN_MAX_ROWS];
    void *out[BN_MAX_BAND * BN_MAX_OUTPUTS];
    const void **at = in;
    for (int32_t i = 0; i < stage->inputs; i++) {
        const bn_operand *operand = &stage->input[i];
        const bn_buffer *buffer = &layout->buffer[operand->buffer];
        const uint8_t *base = addresses->source[operand->buffer];
        at += gather(operand, buffer, base, addresses->zero, rows, stage->band, at);
    }
    for (int32_t i = 0; i < stage->outputs; i++) {
        const bn_buffer *buffer = &layout->buffer[stage->output[i]];
        uint8_t *base = addresses->target[stage->output[i]];
        uint32_t slot = slot_of(buffer, rows.from);
        for (int64_t r = 0; r < rows.to - rows.from; r++, slot++) {
            if (slot == (uint32_t)buffer->slots) slot = 0;
            out[r * stage->outputs + i] = base + slot * buffer->row_bytes;
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
