/* SPDX-License-Identifier: Apache-2.0 */
#include "instance.h"

#include <string.h>

#include "constants.h"
#include "tensor.h"

/* Of each buffer: two addresses and the stage that writes it. */
_Static_assert(sizeof(biisnet_model) <= BN_INSTANCE_BYTES, "the compiler counts with BN_INSTANCE_BYTES");
_Static_assert(2 * sizeof(uint8_t *) + sizeof(int32_t) <= BN_INSTANCE_BUFFER_BYTES, "and BN_INSTANCE_BUFFER_BYTES");

static uint64_t round_up(uint64_t bytes) {
    return (bytes + BIISNET_ALIGNMENT - 1) / BIISNET_ALIGNMENT * BIISNET_ALIGNMENT;
}

static uint64_t instance_bytes(const bn_plan *plan) {
    return round_up(BN_INSTANCE_BYTES + (uint64_t)plan->buffers * BN_INSTANCE_BUFFER_BYTES);
}

uint64_t bn_maps_bytes(const bn_layout *layout, int32_t threads) {
    return layout->shared_bytes + (uint64_t)threads * layout->private_bytes;
}

uint64_t bn_arena_bytes(const bn_plan *plan, const bn_layout *layout, int32_t threads) {
    uint64_t bytes = bn_maps_bytes(layout, threads) + instance_bytes(plan);
    for (int32_t i = 0; i < plan->inputs; i++) bytes += round_up(bn_tensor_bytes(&plan->input[i]));
    return bytes;
}

/* The tables behind the instance: addresses first, for their alignment. */
static void place_tables(biisnet_model *model) {
    int32_t buffers = model->plan->buffers;
    const uint8_t **source = (const uint8_t **)(void *)(model + 1);
    uint8_t **target = (uint8_t **)(void *)(source + buffers);
    int32_t *writer = (int32_t *)(void *)(target + buffers);
    for (int32_t i = 0; i < buffers; i++) writer[i] = -1;
    for (int32_t k = 0; k < model->plan->stages; k++)
        for (int32_t i = 0; i < model->plan->stage[k].outputs; i++) writer[model->plan->stage[k].output[i]] = k;
    model->addresses = (bn_addresses){.source = source, .target = target, .writer = writer};
}

static void bind_arena(biisnet_model *model) {
    const bn_plan *plan = model->plan;
    for (int32_t i = 0; i < plan->buffers; i++) {
        const bn_buffer *buffer = &model->layout->buffer[i];
        if (buffer->external >= 0) continue;
        uint64_t base = buffer->external == BN_PRIVATE ? model->layout->shared_bytes : 0;
        model->addresses.target[i] = model->arena + base + buffer->offset;
        model->addresses.source[i] = model->addresses.target[i];
    }
    model->addresses.zero = model->arena + plan->zero_offset;
}

biisnet_model *bn_instance_make(const bn_plan *plan, const bn_layout *layout, int32_t threads, uint8_t *arena) {
    uint64_t maps = bn_maps_bytes(layout, threads), own = instance_bytes(plan);
    /* All maps, not just the zero row: results then never depend on what was there (lanes beyond a row's end), and the
     * system hands out the pages here instead of in the first inference. Converted inputs are written before they are
     * read: who has none pays for no page of theirs. */
    memset(arena, 0, (size_t)(maps + own));
    biisnet_model *model = (biisnet_model *)(void *)(arena + maps);
    model->plan = plan;
    model->layout = layout;
    model->arena = arena;
    place_tables(model);
    bind_arena(model);
    uint8_t *next = arena + maps + own;
    for (int32_t i = 0; i < plan->inputs; next += round_up(bn_tensor_bytes(&plan->input[i])), i++)
        model->converted[i] = next;
    for (int32_t k = 0; k < plan->stages; k++)
        bn_replicate(&plan->stage[k], plan->params + plan->stage[k].params, arena + plan->stage[k].constants);
    return model;
}
