/* Gathers the row pointers that each call of a row kernel wants. */
#include "rows.h"

static int64_t floor_div(int64_t a, int64_t b) { /* b > 0 */
    int64_t quotient = a / b;
    return quotient - (a % b < 0);
}

int bn_is_written(const bn_plan *plan, int32_t buffer) {
    for (int32_t k = 0; k < plan->stages; k++)
        for (int32_t i = 0; i < plan->stage[k].outputs; i++)
            if (plan->stage[k].output[i] == buffer) return 1;
    return 0;
}

static uint64_t row_offset(const bn_buffer *buffer, int64_t row) {
    return (uint64_t)(buffer->slots == buffer->rows ? row : row % buffer->slots) * buffer->row_bytes;
}

static const void *input_row(const bn_plan *plan, const bn_operand *operand, const bn_addresses *addresses,
                             int64_t row) {
    const bn_buffer *buffer = &plan->buffer[operand->buffer];
    if (row < 0 || row >= buffer->rows) {
        if (operand->edge == BN_EDGE_ZERO) return addresses->zero;
        row = row < 0 ? 0 : buffer->rows - 1;
    }
    return addresses->source[operand->buffer] + row_offset(buffer, row);
}

void bn_run_rows(const bn_plan *plan, const bn_stage *stage, const uint8_t *params,
                 const bn_addresses *addresses, int32_t first, int32_t last) {
    const void *in[BN_MAX_ROWS];
    void *out[BN_MAX_OUTPUTS];
    for (int32_t y = first; y < last; y++) {
        int32_t filled = 0;
        for (int32_t i = 0; i < stage->inputs; i++) {
            const bn_operand *operand = &stage->input[i];
            int64_t row = floor_div((int64_t)y * operand->mul + operand->add, operand->div);
            for (int32_t j = 0; j < operand->count; j++, row += operand->step)
                in[filled++] = input_row(plan, operand, addresses, row);
        }
        for (int32_t i = 0; i < stage->outputs; i++)
            out[i] = addresses->target[stage->output[i]] + row_offset(&plan->buffer[stage->output[i]], y);
        stage->kernel(in, params, out, y);
    }
}
