/* Instances: their memory, and the walk over the plan's stages. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "biisnet.h"
#include "plan.h"
#include "plan_check.h"
#include "rows.h"
#include "threads.h"

struct biisnet_model {
    const bn_plan *plan;
    uint8_t *arena;
    void *own_arena; /* NULL when the arena is the caller's */
    bn_addresses addresses;
    bn_team team;
};

/* What one run of the team does: stages first .. last-1. */
typedef struct {
    biisnet_model *model;
    int32_t first, last;
    const uint8_t *params; /* instead of the (only) stage's own, or NULL */
} walk;

static void walk_stages(void *context, int member) {
    const walk *job = context;
    biisnet_model *model = job->model;
    const bn_plan *plan = model->plan;
    int64_t members = model->team.members;
    for (int32_t k = job->first; k < job->last; k++) {
        const bn_stage *stage = &plan->stage[k];
        int32_t begin = (int32_t)(stage->rows * (int64_t)member / members);
        int32_t end = (int32_t)(stage->rows * ((int64_t)member + 1) / members);
        const uint8_t *params = job->params ? job->params : plan->params + stage->params;
        bn_run_rows(plan, stage, params, &model->addresses, begin, end);
        /* The next stage reads rows of the neighbouring stripes, and may reuse this one's memory. */
        if (k + 1 < job->last) bn_team_barrier(&model->team);
    }
}

/* inputs = outputs = NULL unbinds. */
static void bind_external(biisnet_model *model, const float *const *inputs, float *const *outputs) {
    const bn_plan *plan = model->plan;
    for (int32_t i = 0; i < plan->buffers; i++) {
        int32_t external = plan->buffer[i].external;
        if (external < 0) continue;
        float *target = bn_is_written(plan, i) && outputs ? outputs[external] : NULL;
        const float *source = bn_is_written(plan, i) ? target : inputs ? inputs[external] : NULL;
        model->addresses.target[i] = (uint8_t *)target;
        model->addresses.source[i] = (const uint8_t *)source;
    }
}

static void bind_arena(biisnet_model *model) {
    const bn_plan *plan = model->plan;
    for (int32_t i = 0; i < plan->buffers; i++) {
        if (plan->buffer[i].external >= 0) continue;
        model->addresses.target[i] = model->arena + plan->buffer[i].offset;
        model->addresses.source[i] = model->addresses.target[i];
    }
    model->addresses.zero = model->arena + plan->zero_offset;
}

/* The instance and its tables of addresses are one block. */
static biisnet_model *allocate_model(const bn_plan *plan) {
    size_t buffers = (size_t)plan->buffers;
    biisnet_model *model = malloc(sizeof *model + buffers * 2 * sizeof(uint8_t *));
    if (!model) return NULL;
    memset(model, 0, sizeof *model);
    model->plan = plan;
    model->addresses.source = (const uint8_t **)(void *)(model + 1);
    model->addresses.target = (uint8_t **)(void *)(model->addresses.source + buffers);
    return model;
}

int32_t biisnet_create_in(biisnet_model **result, int32_t threads, void *arena, size_t bytes) {
    const bn_plan *plan = &biisnet_plan;
    if (!result) return BIISNET_E_ARGUMENT;
    *result = NULL;
    if (!bn_plan_check(plan)) return BIISNET_E_PLAN;
    if (threads < 1 || threads > BIISNET_MAX_THREADS || !arena || (uintptr_t)arena % BIISNET_ALIGNMENT != 0 ||
        bytes < plan->arena_bytes)
        return BIISNET_E_ARGUMENT;

    biisnet_model *model = allocate_model(plan);
    if (!model) return BIISNET_E_MEMORY;
    /* All of it, not just the zero row: results then never depend on what was there (lanes beyond a row's
     * end), and the system hands out the pages here instead of in the first inference. */
    model->arena = memset(arena, 0, (size_t)plan->arena_bytes);
    bind_arena(model);
    bind_external(model, NULL, NULL);
    if (!bn_team_start(&model->team, threads)) {
        free(model);
        return BIISNET_E_THREAD;
    }
    *result = model;
    return BIISNET_OK;
}

int32_t biisnet_create(biisnet_model **result, int32_t threads) {
    if (!result) return BIISNET_E_ARGUMENT;
    *result = NULL;
    if (!bn_plan_check(&biisnet_plan)) return BIISNET_E_PLAN;
    void *arena = NULL;
    if (posix_memalign(&arena, BIISNET_ALIGNMENT, (size_t)biisnet_plan.arena_bytes) != 0)
        return BIISNET_E_MEMORY;
    int32_t status = biisnet_create_in(result, threads, arena, (size_t)biisnet_plan.arena_bytes);
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
    walk job = {.model = model, .first = 0, .last = model->plan->stages, .params = NULL};
    bn_team_run(&model->team, walk_stages, &job);
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
    if (!is_bound(model, &model->plan->stage[stage])) return BIISNET_E_UNBOUND;
    walk job = {.model = model, .first = stage, .last = stage + 1, .params = params};
    bn_team_run(&model->team, walk_stages, &job);
    return BIISNET_OK;
}
