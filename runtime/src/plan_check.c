/* Checks the plan once, when an instance is made: a compiler's mistake becomes a status, not a crash. */
#include "plan_check.h"

#include "rows.h"

enum { ALIGNMENT = 64 };

static bool fits(uint64_t offset, uint64_t bytes, uint64_t size) {
    return offset <= size && bytes <= size - offset;
}

static uint64_t tensor_bytes(const bn_tensor *tensor) {
    uint64_t bytes = sizeof(float);
    for (int32_t i = 0; i < tensor->rank; i++) {
        if (tensor->shape[i] <= 0 || (uint64_t)tensor->shape[i] > UINT64_MAX / bytes) return 0;
        bytes *= (uint64_t)tensor->shape[i];
    }
    return bytes;
}

static bool check_tensors(const bn_tensor *tensor, int32_t count, int32_t limit) {
    if (count < 1 || count > limit) return false;
    for (int32_t i = 0; i < count; i++)
        if (!tensor[i].name || tensor[i].rank < 0 || tensor[i].rank > BN_MAX_RANK || !tensor_bytes(&tensor[i]))
            return false;
    return true;
}

static bool check_external(const bn_plan *plan, int32_t index) {
    const bn_buffer *buffer = &plan->buffer[index];
    bool output = bn_is_written(plan, index);
    if (buffer->external >= (output ? plan->outputs : plan->inputs)) return false;
    const bn_tensor *tensor = output ? &plan->output[buffer->external] : &plan->input[buffer->external];
    /* A tensor is a whole number of planes of rows, one a channel. */
    return buffer->slots == buffer->rows && tensor_bytes(tensor) % ((uint64_t)buffer->rows * buffer->row_bytes) == 0;
}

static bool check_buffer(const bn_plan *plan, int32_t index) {
    const bn_buffer *buffer = &plan->buffer[index];
    if (buffer->rows < 1 || buffer->row_bytes < 1 || buffer->row_bytes > UINT32_MAX) return false;
    /* A stage is finished before the next begins, so a ring of fewer rows would lose some. */
    if (buffer->slots != buffer->rows) return false;
    if (buffer->external >= 0) return check_external(plan, index);
    return buffer->external == BN_ARENA && buffer->offset % ALIGNMENT == 0 &&
           fits(buffer->offset, (uint64_t)buffer->slots * buffer->row_bytes, plan->arena_bytes);
}

static bool check_operand(const bn_plan *plan, const bn_operand *operand) {
    if (operand->buffer < 0 || operand->buffer >= plan->buffers) return false;
    if (operand->div < 1 || operand->count < 1 || operand->count > BN_MAX_ROWS) return false;
    if (operand->edge == BN_EDGE_ZERO) return plan->buffer[operand->buffer].row_bytes <= plan->zero_bytes;
    return operand->edge == BN_EDGE_CLAMP;
}

static bool check_stage(const bn_plan *plan, const bn_stage *stage) {
    if (!stage->name || !stage->kernel || stage->rows < 1) return false;
    if (stage->inputs < 0 || stage->inputs > BN_MAX_INPUTS) return false;
    if (stage->outputs < 1 || stage->outputs > BN_MAX_OUTPUTS) return false;
    if (!fits(stage->params, stage->params_bytes, plan->params_bytes)) return false;
    int32_t rows = 0; /* at most BN_MAX_INPUTS * BN_MAX_ROWS: cannot overflow */
    for (int32_t i = 0; i < stage->inputs; i++) {
        if (!check_operand(plan, &stage->input[i])) return false;
        rows += stage->input[i].count;
    }
    if (rows > BN_MAX_ROWS) return false;
    for (int32_t i = 0; i < stage->outputs; i++) {
        int32_t buffer = stage->output[i];
        if (buffer < 0 || buffer >= plan->buffers || plan->buffer[buffer].rows != stage->rows) return false;
    }
    return true;
}

bool bn_plan_check(const bn_plan *plan) {
    if (plan->version != BN_PLAN_VERSION || !plan->model_name) return false;
    if (plan->arena_bytes < 1 || plan->arena_bytes % ALIGNMENT != 0 || plan->arena_bytes > SIZE_MAX) return false;
    if (!fits(plan->zero_offset, plan->zero_bytes, plan->arena_bytes)) return false;
    if (plan->zero_offset % ALIGNMENT != 0) return false;
    if (plan->params_bytes > 0 && (!plan->params || (uintptr_t)plan->params % ALIGNMENT != 0)) return false;
    if (!check_tensors(plan->input, plan->inputs, BN_MAX_INPUTS)) return false;
    if (!check_tensors(plan->output, plan->outputs, BN_MAX_OUTPUTS)) return false;
    if (plan->stages < 1 || plan->buffers < 1) return false;
    for (int32_t k = 0; k < plan->stages; k++)
        if (!check_stage(plan, &plan->stage[k])) return false;
    for (int32_t i = 0; i < plan->buffers; i++)
        if (!check_buffer(plan, i)) return false;
    return true;
}
