/* SPDX-License-Identifier: Apache-2.0 */
/* Instances made and ended, and runs on them. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <unistd.h>

#include "biisnet.h"
#include "biisnet_probe.h"
#include "constants.h"
#include "images.h"
#include "instance.h"
#include "plan_check.h"
#include "tensor.h"

static const bn_layout *layout_of(const bn_plan *plan, int32_t threads) {
    return &plan->layout[threads == 1 ? BN_STREAMING : BN_SHARING];
}

static bool is_probing(const biisnet_model *model) {
    return model->flow.layout == &model->plan->layout[BN_PROBING];
}

/* All of one stage, of whole maps. */
static void run_stage(biisnet_model *model, int32_t stage) {
    bn_flow_start(&model->flow, stage);
    bn_flow_run(&model->flow, &model->team);
}

/* All stages. Whole maps use the memory of those that are no longer needed: each stage ends before the next. */
static void run_all(biisnet_model *model) {
    if (!is_probing(model)) {
        bn_flow_start(&model->flow, -1);
        bn_flow_run(&model->flow, &model->team);
        return;
    }
    for (int32_t k = 0; k < model->plan->stages; k++) run_stage(model, k);
}

/* inputs = outputs = NULL unbinds. */
static void bind_external(biisnet_model *model, const void *const *inputs, const biisnet_output *outputs) {
    const bn_plan *plan = model->plan;
    for (int32_t i = 0; i < plan->buffers; i++) {
        int32_t external = model->flow.layout->buffer[i].external;
        if (external < 0) continue;
        bool written = model->flow.addresses.writer[i] >= 0;
        void *target = written && outputs ? outputs[external].data : NULL;
        const void *source = written ? target : inputs ? inputs[external] : NULL;
        model->flow.addresses.target[i] = target;
        model->flow.addresses.source[i] = source;
    }
}

/* fork() copies an instance's memory and none of its threads: nobody would ever come to the barrier. */
static bool is_of_another_process(const biisnet_model *model) { return model->process && model->process != getpid(); }

static biisnet_status create(biisnet_model **result, const bn_layout *layout, int32_t threads, void *arena, size_t bytes) {
    const bn_plan *plan = &biisnet_plan;
    if (!result) return BIISNET_E_ARGUMENT;
    *result = NULL;
    if (!bn_plan_check(plan)) return BIISNET_E_PLAN;
    if (threads < 1 || threads > BIISNET_MAX_THREADS) return BIISNET_E_ARGUMENT;
    if (!arena || (uintptr_t)arena % BIISNET_ALIGNMENT != 0 || bytes < bn_arena_bytes(plan, layout))
        return BIISNET_E_ARGUMENT;

    biisnet_model *model = bn_instance_make(plan, layout, arena);
    if (!bn_flow_check(&model->flow)) return BIISNET_E_PLAN;
    if (!bn_team_start(&model->team, threads)) return BIISNET_E_THREAD;
    model->process = threads > 1 ? getpid() : 0;
    *result = model;
    return BIISNET_OK;
}

uint64_t biisnet_arena_bytes(int32_t threads) {
    if (threads < 1 || threads > BIISNET_MAX_THREADS) return 0;
    return bn_arena_bytes(&biisnet_plan, layout_of(&biisnet_plan, threads));
}

uint64_t biisnet_probing_arena_bytes(void) { return bn_arena_bytes(&biisnet_plan, &biisnet_plan.layout[BN_PROBING]); }

uint64_t biisnet_probing_maps_bytes(void) { return biisnet_plan.layout[BN_PROBING].maps_bytes; }

biisnet_status biisnet_create_in(biisnet_model **result, int32_t threads, void *arena, size_t bytes) {
    return create(result, layout_of(&biisnet_plan, threads), threads, arena, bytes);
}

biisnet_status biisnet_create_probing(biisnet_model **result, int32_t threads, void *arena, size_t bytes) {
    return create(result, &biisnet_plan.layout[BN_PROBING], threads, arena, bytes);
}

biisnet_status biisnet_create(biisnet_model **result, int32_t threads) {
    if (!result) return BIISNET_E_ARGUMENT;
    *result = NULL;
    if (!bn_plan_check(&biisnet_plan)) return BIISNET_E_PLAN;
    uint64_t bytes = biisnet_arena_bytes(threads);
    if (!bytes) return BIISNET_E_ARGUMENT;
    void *arena = NULL;
    if (bytes > SIZE_MAX || posix_memalign(&arena, BIISNET_ALIGNMENT, (size_t)bytes) != 0) return BIISNET_E_MEMORY;
    biisnet_status status = biisnet_create_in(result, threads, arena, (size_t)bytes);
    if (status != BIISNET_OK)
        free(arena);
    else
        (*result)->own_arena = arena;
    return status;
}

void biisnet_destroy(biisnet_model *model) {
    if (!model) return;
    if (!is_of_another_process(model)) bn_team_end(&model->team);
    free(model->own_arena); /* the instance lies in it */
}

void *biisnet_arena(biisnet_model *model) { return model ? model->arena : NULL; }

static biisnet_status check_tensors(const bn_plan *plan, const biisnet_input *inputs, const biisnet_output *outputs) {
    if (!inputs || !outputs) return BIISNET_E_ARGUMENT;
    for (int32_t i = 0; i < plan->inputs; i++)
        if (!bn_image_check(&inputs[i], &plan->input[i])) return BIISNET_E_ARGUMENT;
    for (int32_t i = 0; i < plan->outputs; i++)
        if (outputs[i].dtype != plan->output[i].dtype) return BIISNET_E_DTYPE;
    for (int32_t i = 0; i < plan->outputs; i++)
        if (!bn_tensor_aligned(&plan->output[i], outputs[i].data)) return BIISNET_E_ARGUMENT;
    return BIISNET_OK;
}

biisnet_status biisnet_bind(biisnet_model *model, const biisnet_input *inputs, const biisnet_output *outputs) {
    if (!model) return BIISNET_E_ARGUMENT;
    biisnet_status status = check_tensors(model->plan, inputs, outputs);
    if (status != BIISNET_OK) return status;
    const void *ready[BN_MAX_INPUTS];
    for (int32_t i = 0; i < model->plan->inputs; i++) {
        if (!bn_image_is_ready(&inputs[i], &model->plan->input[i])) return BIISNET_E_DTYPE;
        ready[i] = inputs[i].data;
    }
    bind_external(model, ready, outputs);
    return BIISNET_OK;
}

biisnet_status biisnet_run(biisnet_model *model, const biisnet_input *inputs, const biisnet_output *outputs) {
    if (!model) return BIISNET_E_ARGUMENT;
    const bn_plan *plan = model->plan;
    biisnet_status status = check_tensors(plan, inputs, outputs);
    if (status != BIISNET_OK) return status;
    if (is_of_another_process(model)) return BIISNET_E_PROCESS;
    const void *ready[BN_MAX_INPUTS];
    for (int32_t i = 0; i < plan->inputs; i++) {
        bool is_ready = bn_image_is_ready(&inputs[i], &plan->input[i]);
        if (!is_ready) bn_image_convert(&inputs[i], &plan->input[i], model->converted[i]);
        ready[i] = is_ready ? inputs[i].data : model->converted[i];
    }
    bind_external(model, ready, outputs);
    run_all(model);
    bind_external(model, NULL, NULL); /* the caller may free them now */
    return BIISNET_OK;
}

static bool is_bound(const biisnet_model *model, const bn_stage *stage) {
    for (int32_t i = 0; i < stage->inputs; i++)
        if (!model->flow.addresses.source[stage->input[i].buffer]) return false;
    for (int32_t i = 0; i < stage->outputs; i++)
        if (!model->flow.addresses.target[stage->output[i]]) return false;
    return true;
}

biisnet_status biisnet_run_stage(biisnet_model *model, int32_t stage, const void *params) {
    if (!model || stage < 0 || stage >= model->plan->stages) return BIISNET_E_ARGUMENT;
    if ((uintptr_t)params % BIISNET_ALIGNMENT != 0) return BIISNET_E_ARGUMENT;
    if (!is_probing(model)) return BIISNET_E_ARGUMENT;
    if (!is_bound(model, &model->plan->stage[stage])) return BIISNET_E_UNBOUND;
    if (is_of_another_process(model)) return BIISNET_E_PROCESS;
    const bn_stage *probed = &model->plan->stage[stage];
    uint8_t *constants = model->arena + probed->constants;
    if (params) bn_replicate(probed, params, constants);
    run_stage(model, stage);
    if (params) bn_replicate(probed, model->plan->params + probed->params, constants);
    return BIISNET_OK;
}
