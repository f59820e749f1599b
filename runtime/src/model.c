/* SPDX-License-Identifier: Apache-2.0 */
/* Instances: arena, constants and threads, and the run of the plan's segments on them. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "biisnet.h"
#include "constants.h"
#include "plan.h"
#include "plan_check.h"
#include "rows.h"
#include "segment.h"
#include "threads.h"

struct biisnet_model {
    const bn_plan *plan;
    const bn_layout *layout;
    uint8_t *arena;
    void *own_arena; /* NULL when the arena is the caller's */
    bn_addresses addresses;
    bn_team team;
};

/* What one run of the team does: segments first .. last-1. */
typedef struct {
    biisnet_model *model;
    int32_t first, last;
} job;

static void run_segments(void *context, int member) {
    const job *work = context;
    biisnet_model *model = work->model;
    for (int32_t k = work->first; k < work->last; k++) {
        bn_run_segment(model->plan, model->layout, &model->layout->segment[k], model->arena, &model->addresses,
                       member, model->team.members);
        /* The next segment reads rows of the neighbouring stripes, and may reuse this one's memory. */
        if (k + 1 < work->last) bn_team_barrier(&model->team);
    }
}

/* inputs = outputs = NULL unbinds. */
static void bind_external(biisnet_model *model, const float *const *inputs, float *const *outputs) {
    const bn_plan *plan = model->plan;
    for (int32_t i = 0; i < plan->buffers; i++) {
        int32_t external = model->layout->buffer[i].external;
        if (external < 0) continue;
        float *target = bn_writer(plan, i) >= 0 && outputs ? outputs[external] : NULL;
        const float *source = bn_writer(plan, i) >= 0 ? target : inputs ? inputs[external] : NULL;
        model->addresses.target[i] = (uint8_t *)target;
        model->addresses.source[i] = (const uint8_t *)source;
    }
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

/* The instance and its tables of addresses are one block. */
static biisnet_model *allocate_model(const bn_plan *plan, const bn_layout *layout) {
    size_t buffers = (size_t)plan->buffers;
    biisnet_model *model = malloc(sizeof *model + buffers * 2 * sizeof(uint8_t *));
    if (!model) return NULL;
    memset(model, 0, sizeof *model);
    model->plan = plan;
    model->layout = layout;
    model->addresses.source = (const uint8_t **)(void *)(model + 1);
    model->addresses.target = (uint8_t **)(void *)(model->addresses.source + buffers);
    return model;
}

static uint64_t arena_bytes(int layout, int32_t threads) {
    if (threads < 1 || threads > BIISNET_MAX_THREADS) return 0;
    const bn_layout *l = &biisnet_plan.layout[layout];
    return l->shared_bytes + (uint64_t)threads * l->private_bytes;
}

static int32_t create(biisnet_model **result, int layout, int32_t threads, void *arena, size_t bytes) {
    const bn_plan *plan = &biisnet_plan;
    if (!result) return BIISNET_E_ARGUMENT;
    *result = NULL;
    if (!bn_plan_check(plan)) return BIISNET_E_PLAN;
    uint64_t needed = arena_bytes(layout, threads);
    if (!needed || !arena || (uintptr_t)arena % BIISNET_ALIGNMENT != 0 || bytes < needed) return BIISNET_E_ARGUMENT;

    biisnet_model *model = allocate_model(plan, &plan->layout[layout]);
    if (!model) return BIISNET_E_MEMORY;
    /* All of it, not just the zero row: results then never depend on what was there (lanes beyond a row's
     * end), and the system hands out the pages here instead of in the first inference. */
    model->arena = memset(arena, 0, (size_t)needed);
    for (int32_t k = 0; k < plan->stages; k++)
        bn_replicate(&plan->stage[k], plan->params + plan->stage[k].params, model->arena + plan->stage[k].constants);
    bind_arena(model);
    bind_external(model, NULL, NULL);
    if (!bn_team_start(&model->team, threads)) {
        free(model);
        return BIISNET_E_THREAD;
    }
    *result = model;
    return BIISNET_OK;
}

uint64_t biisnet_arena_bytes(int32_t threads) { return arena_bytes(BN_STREAMING, threads); }

uint64_t biisnet_probing_arena_bytes(void) { return arena_bytes(BN_PROBING, 1); }

int32_t biisnet_create_in(biisnet_model **result, int32_t threads, void *arena, size_t bytes) {
    return create(result, BN_STREAMING, threads, arena, bytes);
}

int32_t biisnet_create_probing(biisnet_model **result, int32_t threads, void *arena, size_t bytes) {
    return create(result, BN_PROBING, threads, arena, bytes);
}

int32_t biisnet_create(biisnet_model **result, int32_t threads) {
    if (!result) return BIISNET_E_ARGUMENT;
    *result = NULL;
    if (!bn_plan_check(&biisnet_plan)) return BIISNET_E_PLAN;
    uint64_t bytes = biisnet_arena_bytes(threads);
    if (!bytes) return BIISNET_E_ARGUMENT;
    void *arena = NULL;
    if (bytes > SIZE_MAX || posix_memalign(&arena, BIISNET_ALIGNMENT, (size_t)bytes) != 0) return BIISNET_E_MEMORY;
    int32_t status = biisnet_create_in(result, threads, arena, (size_t)bytes);
    if (status != BIISNET_OK)
        free(arena);
    else
        (*result)->own_arena = arena;
    return status;
}

void biisnet_destroy(biisnet_model *model) {
    if (!model) return;
    bn_team_end(&model->team);
    free(model->own_arena);
    free(model);
}

void *biisnet_arena(biisnet_model *model) { return model ? model->arena : NULL; }

int32_t biisnet_bind(biisnet_model *model, const float *const *inputs, float *const *outputs) {
    if (!model || !inputs || !outputs) return BIISNET_E_ARGUMENT;
    for (int32_t i = 0; i < model->plan->inputs; i++)
        if (!inputs[i] || (uintptr_t)inputs[i] % sizeof(float) != 0) return BIISNET_E_ARGUMENT;
    for (int32_t i = 0; i < model->plan->outputs; i++)
        if (!outputs[i] || (uintptr_t)outputs[i] % sizeof(float) != 0) return BIISNET_E_ARGUMENT;
    bind_external(model, inputs, outputs);
    return BIISNET_OK;
}

int32_t biisnet_run(biisnet_model *model, const float *const *inputs, float *const *outputs) {
    int32_t status = biisnet_bind(model, inputs, outputs);
    if (status != BIISNET_OK) return status;
    job all = {.model = model, .first = 0, .last = model->layout->segments};
    bn_team_run(&model->team, run_segments, &all);
    bind_external(model, NULL, NULL); /* the caller may free them now */
    return BIISNET_OK;
}

static bool is_bound(const biisnet_model *model, const bn_stage *stage) {
    for (int32_t i = 0; i < stage->inputs; i++)
        if (!model->addresses.source[stage->input[i].buffer]) return false;
    for (int32_t i = 0; i < stage->outputs; i++)
        if (!model->addresses.target[stage->output[i]]) return false;
    return true;
}

int32_t biisnet_run_stage(biisnet_model *model, int32_t stage, const void *params) {
    if (!model || stage < 0 || stage >= model->plan->stages) return BIISNET_E_ARGUMENT;
    if ((uintptr_t)params % BIISNET_ALIGNMENT != 0) return BIISNET_E_ARGUMENT;
    if (model->layout != &model->plan->layout[BN_PROBING]) return BIISNET_E_ARGUMENT;
    if (!is_bound(model, &model->plan->stage[stage])) return BIISNET_E_UNBOUND;
    const bn_stage *probed = &model->plan->stage[stage];
    uint8_t *constants = model->arena + probed->constants;
    if (params) bn_replicate(probed, params, constants);
    job one = {.model = model, .first = stage, .last = stage + 1};
    bn_team_run(&model->team, run_segments, &one);
    if (params) bn_replicate(probed, model->plan->params + probed->params, constants);
    return BIISNET_OK;
}
