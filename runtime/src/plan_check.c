/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the plan once, when an instance is made: a compiler's mistake becomes a status, not a crash. */
#include "plan_check.h"

#include <float.h>

#include "biisnet.h"
#include "constants.h"
#include "images.h"
#include "tensor.h"

static bool fits(uint64_t offset, uint64_t bytes, uint64_t size) {
    return offset <= size && bytes <= size - offset;
}

/* The stage that writes a buffer; -1: none. That tells an external output from an external input. */
static int32_t writer_of(const bn_plan *plan, int32_t buffer) {
    for (int32_t k = 0; k < plan->stages; k++)
        for (int32_t i = 0; i < plan->stage[k].outputs; i++)
            if (plan->stage[k].output[i] == buffer) return k;
    return -1;
}

static bool is_answer(const bn_tensor *tensor) {
    return tensor->meaning == BIISNET_MEANING_PROBABILITY || tensor->meaning == BIISNET_MEANING_LOGIT;
}

/* signature.py has the same bounds: so fine that all logits have one probability, so coarse that one has. */
static bool check_scale(const bn_tensor *tensor) {
    if (tensor->dtype == BIISNET_FLOAT32) return tensor->scale == 1 && tensor->meaning != BIISNET_MEANING_LOGIT;
    return is_answer(tensor) ? tensor->scale >= 1e-6 && tensor->scale <= 1e3 : tensor->scale == 1;
}

static bool check_tensors(const bn_tensor *tensor, int32_t count, int32_t limit) {
    if (count < 1 || count > limit) return false;
    for (int32_t i = 0; i < count; i++) {
        if (!tensor[i].name || tensor[i].rank < 0 || tensor[i].rank > BN_MAX_RANK) return false;
        uint64_t bytes = bn_tensor_bytes(&tensor[i]);
        if (!bytes || bytes > SIZE_MAX / 2 / BN_MAX_INPUTS) return false; /* so that their sum is a number, too */
        if (tensor[i].meaning > BIISNET_MEANING_LOGIT || !check_scale(&tensor[i])) return false;
    }
    return true;
}

static bool check_sha256(const char *text) {
    int digits = 0;
    for (; text && *text; text++, digits++)
        if (!(*text >= '0' && *text <= '9') && !(*text >= 'a' && *text <= 'f')) return false;
    return digits == 64;
}

static bool is_plane(const bn_tensor *tensor) {
    for (int32_t i = 0; i < tensor->rank - 2; i++)
        if (tensor->shape[i] != 1) return false;
    return tensor->rank >= 2;
}

/* One plane in, one of the same size out. */
static bool is_plane_to_plane(const bn_plan *plan) {
    const bn_tensor *in = plan->input, *out = plan->output;
    if (plan->inputs != 1 || plan->outputs != 1 || !is_plane(in) || !is_plane(out)) return false;
    return in->shape[in->rank - 1] == out->shape[out->rank - 1] && in->shape[in->rank - 2] == out->shape[out->rank - 2];
}

/* Of integers it is one itself; of floats it is a probability. */
static bool check_threshold(const bn_tensor *output, float threshold) {
    if (output->dtype == BIISNET_FLOAT32) return threshold >= 0 && threshold <= 1;
    return threshold >= INT16_MIN - 1 && threshold <= UINT16_MAX && (float)(int32_t)threshold == threshold;
}

/* platt.py has the same bounds. */
static bool check_scores(const bn_plan *plan) {
    return plan->score_slope > 0 && plan->score_slope <= DBL_MAX && plan->score_offset >= -DBL_MAX &&
           plan->score_offset <= DBL_MAX;
}

/* Tiles, and detections, are of a plane. */
static bool check_task(const bn_plan *plan) {
    if (plan->field_radius < 0 || plan->field_stride < 0) return false;
    if (plan->field_stride > 0 && !is_plane_to_plane(plan)) return false;
    if (plan->task > BIISNET_TASK_CLASSIFICATION) return false;
    if (plan->task != BIISNET_TASK_DETECTION)
        return plan->threshold == 0 && plan->score_slope == 1 && plan->score_offset == 0;
    return is_plane_to_plane(plan) && is_answer(plan->output) && check_threshold(plan->output, plan->threshold) &&
           check_scores(plan);
}

static bool check_external(const bn_plan *plan, const bn_layout *layout, int32_t index) {
    const bn_buffer *buffer = &layout->buffer[index];
    bool output = writer_of(plan, index) >= 0;
    if (buffer->external >= (output ? plan->outputs : plan->inputs)) return false;
    const bn_tensor *tensor = output ? &plan->output[buffer->external] : &plan->input[buffer->external];
    /* A tensor is a whole number of planes of rows, one a channel; an image's rows are its columns in its own type. */
    uint64_t columns_bytes = bn_tensor_extent(tensor).columns * bn_item_bytes(tensor->dtype);
    if (tensor->rank == BN_MAX_RANK && buffer->row_bytes != columns_bytes) return false;
    return bn_tensor_bytes(tensor) % ((uint64_t)buffer->rows * buffer->row_bytes) == 0;
}

/* Of a map that is no ring: the user's, one that no stage writes in time for its readers, and what a stage of whole maps
 * reads and writes. */
static bool is_whole(const bn_plan *plan, int32_t buffer) {
    for (int i = 0; i < BN_LAYOUTS; i++)
        if (plan->layout[i].buffer[buffer].slots != plan->layout[i].buffer[buffer].rows) return false;
    return true;
}

/* A ring of at least a row. That it has enough of them the walk tells (flow.h). */
static bool check_buffer(const bn_plan *plan, const bn_layout *layout, int32_t index) {
    const bn_buffer *buffer = &layout->buffer[index], *first = &plan->layout[0].buffer[index];
    if (buffer->rows != first->rows || buffer->row_bytes != first->row_bytes) return false;
    if (buffer->external != first->external) return false;
    if (buffer->rows < 1 || buffer->row_bytes < 1 || buffer->row_bytes > UINT32_MAX) return false;
    if (buffer->slots < 1 || buffer->slots > buffer->rows) return false;
    if ((buffer->external >= 0 || writer_of(plan, index) < 0 || layout == &plan->layout[BN_PROBING]) &&
        buffer->slots != buffer->rows)
        return false;
    if (buffer->external >= 0) return check_external(plan, layout, index);
    return buffer->external == BN_ARENA && buffer->offset % BIISNET_ALIGNMENT == 0 &&
           fits(buffer->offset, (uint64_t)buffer->slots * buffer->row_bytes, layout->maps_bytes);
}

/* Each row y by a stage that reads row y, and is the only one to read the map: then it is not missed. Its kernel reads
 * that map in no other place, so that it has this one in every layout. */
static bool check_successor(const bn_plan *plan, const bn_layout *layout, int32_t index) {
    const bn_buffer *buffer = &layout->buffer[index];
    int32_t next = buffer->successor, writer, reads = 0;
    if (next != plan->layout[0].buffer[index].successor) return false;
    if (next == 0) return true;
    if (next < 0 || next >= plan->buffers) return false;
    const bn_buffer *after = &layout->buffer[next];
    if (buffer->external != BN_ARENA || after->external != BN_ARENA || after->offset != buffer->offset) return false;
    if (after->rows != buffer->rows || after->slots != buffer->slots || after->row_bytes != buffer->row_bytes)
        return false;
    writer = writer_of(plan, next);
    if (writer_of(plan, index) >= writer) return false;
    for (int32_t k = 0; k < plan->stages; k++)
        for (int32_t i = 0; i < plan->stage[k].inputs; i++) {
            const bn_operand *operand = &plan->stage[k].input[i];
            if (operand->buffer != index) continue;
            if (k != writer || plan->stage[k].kind != BN_ROWS || operand->mul != 1 || operand->add != 0 ||
                operand->div != 1 || operand->count != 1 || operand->odd != 0)
                return false;
            reads++;
        }
    return reads == 1;
}

static bool check_operand(const bn_plan *plan, const bn_operand *operand) {
    if (operand->buffer < 0 || operand->buffer >= plan->buffers) return false;
    if (operand->mul < 0 || operand->step < 0) return false; /* later rows read later rows */
    if (operand->div < 1 || operand->count < 1 || operand->count > BN_MAX_ROWS) return false;
    const bn_buffer *buffer = &plan->layout[BN_STREAMING].buffer[operand->buffer];
    if (operand->edge == BN_EDGE_ZERO) return buffer->row_bytes <= plan->zero_bytes;
    return operand->edge == BN_EDGE_CLAMP;
}

/* A map as a whole. */
static bool check_whole_operand(const bn_plan *plan, const bn_operand *operand) {
    if (operand->buffer < 0 || operand->buffer >= plan->buffers || !is_whole(plan, operand->buffer)) return false;
    return !operand->mul && !operand->add && !operand->div && !operand->step && !operand->count && !operand->edge &&
           !operand->odd;
}

static bool check_operands(const bn_plan *plan, const bn_stage *stage) {
    int32_t rows = 0; /* at most BN_MAX_INPUTS * BN_MAX_ROWS: cannot overflow */
    for (int32_t i = 0; i < stage->inputs; i++) {
        const bn_operand *operand = &stage->input[i];
        if (!(stage->kind == BN_WHOLE ? check_whole_operand : check_operand)(plan, operand)) return false;
        rows += operand->count;
    }
    return rows <= BN_MAX_ROWS;
}

static bool check_stage(const bn_plan *plan, const bn_stage *stage) {
    if (stage->kind != BN_ROWS && stage->kind != BN_WHOLE) return false;
    if (!stage->name || !stage->kernel || stage->rows < 1) return false;
    if (stage->band < 1 || stage->band > (stage->kind == BN_WHOLE ? 1 : BN_MAX_BAND)) return false;
    if (stage->inputs < 0 || stage->inputs > BN_MAX_INPUTS) return false;
    if (stage->outputs < 1 || stage->outputs > BN_MAX_OUTPUTS) return false;
    if (!fits(stage->params, stage->params_bytes, plan->params_bytes)) return false;
    if (stage->params_bytes != bn_packed_bytes(stage)) return false;
    if (stage->constants % BIISNET_ALIGNMENT != 0) return false;
    for (int i = 0; i < BN_LAYOUTS; i++)
        if (!fits(stage->constants, bn_replicated_bytes(stage), plan->layout[i].maps_bytes)) return false;
    if (!check_operands(plan, stage)) return false;
    for (int32_t i = 0; i < stage->outputs; i++) {
        int32_t buffer = stage->output[i];
        if (buffer < 0 || buffer >= plan->buffers) return false;
        if (stage->kind == BN_WHOLE && !is_whole(plan, buffer)) return false;
        if (stage->kind == BN_ROWS && plan->layout[BN_STREAMING].buffer[buffer].rows != stage->rows) return false;
    }
    return true;
}

/* Each map is written once, and before it is read. */
static bool check_order(const bn_plan *plan, int32_t k) {
    const bn_stage *stage = &plan->stage[k];
    for (int32_t i = 0; i < stage->outputs; i++) {
        if (writer_of(plan, stage->output[i]) != k) return false;
        for (int32_t j = 0; j < i; j++)
            if (stage->output[i] == stage->output[j]) return false;
    }
    for (int32_t i = 0; i < stage->inputs; i++) {
        /* One that no stage writes is the caller's to fill: harmless, and what tests of single kernels do. */
        if (writer_of(plan, stage->input[i].buffer) >= k) return false;
    }
    return true;
}

/* That each task comes in its turn is for bn_flow_check() to see. */
static bool check_tasks(const bn_plan *plan, const bn_order *order) {
    if (!order || order->tasks < 1 || !order->task || !order->rows) return false;
    for (int32_t k = 0; k < plan->stages; k++) {
        const bn_stage *stage = &plan->stage[k];
        if (order->rows[k] < 1 || stage->band % order->rows[k] != 0) return false;
        if ((stage->rows - 1) / order->rows[k] + 1 > BN_MAX_TASKS) return false;
    }
    return true;
}

static bool check_layout(const bn_plan *plan, const bn_layout *layout) {
    if (layout->maps_bytes < 1 || layout->maps_bytes % BIISNET_ALIGNMENT != 0 || layout->maps_bytes > SIZE_MAX / 2)
        return false;
    if (!fits(plan->zero_offset, plan->zero_bytes, layout->maps_bytes)) return false;
    if (!check_tasks(plan, layout->order)) return false;
    for (int32_t i = 0; i < plan->buffers; i++)
        if (!check_buffer(plan, layout, i) || !check_successor(plan, layout, i)) return false;
    return true;
}

bool bn_plan_check(const bn_plan *plan) {
    if (plan->version != BN_PLAN_VERSION || !plan->model_name || !check_sha256(plan->model_sha256))
        return false;
    if (plan->zero_offset % BIISNET_ALIGNMENT != 0) return false;
    if (plan->params_bytes > 0 && (!plan->params || (uintptr_t)plan->params % BIISNET_ALIGNMENT != 0)) return false;
    if (!check_tensors(plan->input, plan->inputs, BN_MAX_INPUTS)) return false;
    for (int32_t i = 0; i < plan->inputs; i++)
        if (!bn_image_dtype(plan->input[i].dtype)) return false;
    if (!check_tensors(plan->output, plan->outputs, BN_MAX_OUTPUTS)) return false;
    if (!check_task(plan)) return false;
    if (plan->stages < 1 || plan->stages > UINT16_MAX || plan->buffers < 1) return false;
    for (int32_t k = 0; k < plan->stages; k++)
        if (!check_stage(plan, &plan->stage[k])) return false;
    for (int32_t k = 0; k < plan->stages; k++)
        if (!check_order(plan, k)) return false;
    for (int i = 0; i < BN_LAYOUTS; i++)
        if (!check_layout(plan, &plan->layout[i])) return false;
    return true;
}
