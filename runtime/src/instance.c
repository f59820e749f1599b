/* SPDX-License-Identifier: Apache-2.0 */
#include "instance.h"

#include <string.h>

#include "constants.h"
#include "tensor.h"

/* Of each buffer: two addresses, the stage that writes it, where its readers begin (and where the last one's end). Of
 * each stage: how far it is, and as the reader of its operands. */
_Static_assert(sizeof(biisnet_model) + sizeof(int32_t) <= BN_INSTANCE_BYTES, "the compiler counts with BN_INSTANCE_BYTES");
_Static_assert(2 * sizeof(uint8_t *) + 2 * sizeof(int32_t) <= BN_INSTANCE_BUFFER_BYTES, "BN_INSTANCE_BUFFER_BYTES");
_Static_assert(sizeof(bn_progress) + BN_MAX_INPUTS * sizeof(bn_reader) <= BN_INSTANCE_STAGE_BYTES,
               "and BN_INSTANCE_STAGE_BYTES");

static uint64_t round_up(uint64_t bytes) {
    return (bytes + BIISNET_ALIGNMENT - 1) / BIISNET_ALIGNMENT * BIISNET_ALIGNMENT;
}

static uint64_t instance_bytes(const bn_plan *plan) {
    return round_up(BN_INSTANCE_BYTES + (uint64_t)plan->buffers * BN_INSTANCE_BUFFER_BYTES +
                    (uint64_t)plan->stages * BN_INSTANCE_STAGE_BYTES);
}

uint64_t bn_arena_bytes(const bn_plan *plan, const bn_layout *layout) {
    uint64_t bytes = layout->maps_bytes + instance_bytes(plan);
    for (int32_t i = 0; i < plan->inputs; i++) bytes += round_up(bn_tensor_bytes(&plan->input[i]));
    return bytes;
}

/* Who reads each buffer: buffer by buffer, each in the order of the stages. */
static void find_readers(const bn_plan *plan, bn_reader *reader, int32_t *first) {
    int32_t found = 0;
    for (int32_t buffer = 0; buffer < plan->buffers; buffer++) {
        first[buffer] = found;
        for (int32_t k = 0; k < plan->stages; k++)
            for (int32_t i = 0; i < plan->stage[k].inputs; i++)
                if (plan->stage[k].input[i].buffer == buffer)
                    reader[found++] = (bn_reader){.stage = (uint16_t)k, .input = (uint16_t)i};
    }
    first[plan->buffers] = found;
}

/* The tables behind the instance: those of 8 bytes first, for their alignment. */
static bn_flow place_tables(const bn_plan *plan, void *place) {
    int32_t buffers = plan->buffers, stages = plan->stages;
    bn_progress *progress = place;
    const uint8_t **source = (const uint8_t **)(void *)(progress + stages);
    uint8_t **target = (uint8_t **)(void *)(source + buffers);
    int32_t *writer = (int32_t *)(void *)(target + buffers), *first_reader = writer + buffers;
    bn_reader *reader = (bn_reader *)(void *)(first_reader + buffers + 1);
    for (int32_t i = 0; i < buffers; i++) writer[i] = -1;
    for (int32_t k = 0; k < stages; k++)
        for (int32_t i = 0; i < plan->stage[k].outputs; i++) writer[plan->stage[k].output[i]] = k;
    find_readers(plan, reader, first_reader);
    return (bn_flow){.addresses = {.source = source, .target = target, .writer = writer},
                     .reader = reader, .first_reader = first_reader, .progress = progress};
}

static void bind_arena(bn_flow *flow, uint8_t *arena) {
    for (int32_t i = 0; i < flow->plan->buffers; i++) {
        const bn_buffer *buffer = &flow->layout->buffer[i];
        if (buffer->external >= 0) continue;
        flow->addresses.target[i] = arena + buffer->offset;
        flow->addresses.source[i] = flow->addresses.target[i];
    }
    flow->addresses.zero = arena + flow->plan->zero_offset;
}

biisnet_model *bn_instance_make(const bn_plan *plan, const bn_layout *layout, uint8_t *arena) {
    uint64_t maps = layout->maps_bytes, own = instance_bytes(plan);
    /* All maps, not just the zero row: results then never depend on what was there (lanes beyond a row's end), and the
     * system hands out the pages here instead of in the first inference. Converted inputs are written before they are
     * read: who has none pays for no page of theirs. */
    memset(arena, 0, (size_t)(maps + own));
    biisnet_model *model = (biisnet_model *)(void *)(arena + maps);
    model->plan = plan;
    model->arena = arena;
    model->flow = place_tables(plan, model + 1);
    model->flow.plan = plan;
    model->flow.layout = layout;
    model->flow.constants = arena;
    bind_arena(&model->flow, arena);
    uint8_t *next = arena + maps + own;
    for (int32_t i = 0; i < plan->inputs; next += round_up(bn_tensor_bytes(&plan->input[i])), i++)
        model->converted[i] = next;
    for (int32_t k = 0; k < plan->stages; k++)
        bn_replicate(&plan->stage[k], plan->params + plan->stage[k].params, arena + plan->stage[k].constants);
    return model;
}
