/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "file.h"

static uint64_t elements(int rank, const int64_t *shape) {
    uint64_t count = 1;
    for (int i = 0; i < rank; i++) count *= (uint64_t)shape[i];
    return count;
}

static uint64_t input_elements(int index) { return elements(biisnet_input_rank(index), biisnet_input_shape(index)); }

static uint64_t output_elements(int index) { return elements(biisnet_output_rank(index), biisnet_output_shape(index)); }

static uint64_t item_bytes(biisnet_dtype dtype) {
    return dtype == BIISNET_FLOAT32 ? sizeof(float) : dtype == BIISNET_UINT8 ? 1 : 2;
}

static uint64_t place(uint64_t *end, uint64_t bytes) {
    uint64_t offset = *end;
    *end += (bytes + BIISNET_ALIGNMENT - 1) / BIISNET_ALIGNMENT * BIISNET_ALIGNMENT;
    return offset;
}

session_layout session_plan(bool probing) {
    session_layout layout = {0};
    if (biisnet_input_count() > SESSION_MAX_TENSORS || biisnet_output_count() > SESSION_MAX_TENSORS)
        fail("the model has more than %d inputs or outputs; use the library instead", SESSION_MAX_TENSORS);
    if (probing) place(&layout.block_bytes, biisnet_probing_arena_bytes());
    layout.maps_bytes = probing ? biisnet_probing_maps_bytes() : 0;
    layout.tensors_offset = layout.block_bytes;
    for (int i = 0; i < biisnet_input_count(); i++) {
        layout.input_bytes[i] = input_elements(i) * item_bytes(biisnet_input_dtype(i));
        layout.input_offset[i] = place(&layout.block_bytes, layout.input_bytes[i]);
    }
    for (int i = 0; i < biisnet_output_count(); i++) {
        layout.output_bytes[i] = output_elements(i) * item_bytes(biisnet_output_dtype(i));
        layout.output_offset[i] = place(&layout.block_bytes, layout.output_bytes[i]);
    }
    return layout;
}

static bool fits(uint64_t offset, uint64_t bytes, uint64_t size) { return offset <= size && bytes <= size - offset; }

uint8_t *session_range(const session *s, uint64_t offset, uint64_t bytes) {
    const session_layout *l = &s->layout;
    bool tensors = offset >= l->tensors_offset && fits(offset, bytes, l->block_bytes);
    return tensors || fits(offset, bytes, l->maps_bytes) ? s->block + offset : NULL;
}

void session_check(biisnet_status status) {
    if (status == BIISNET_E_THREAD || status == BIISNET_E_MEMORY)
        fail("%s; use fewer --threads or close other programs", biisnet_status_string(status));
    if (status != BIISNET_OK) fail("%s", biisnet_status_string(status));
}

/* Where the floats of a tensor are. */
static float *floats_of(uint8_t *tensor, biisnet_dtype dtype, uint64_t count) {
    return dtype == BIISNET_FLOAT32 ? (float *)(void *)tensor : memory((size_t)count * sizeof(float));
}

session session_open(int threads, bool probing, int output) {
    session s = {.layout = session_plan(probing), .output = output};
    void *block = NULL;
    if (posix_memalign(&block, BIISNET_ALIGNMENT, (size_t)s.layout.block_bytes) != 0)
        fail("no memory for the model's %llu bytes; compile it for a smaller size",
             (unsigned long long)s.layout.block_bytes);
    s.block = memset(block, 0, (size_t)s.layout.block_bytes);
    for (int i = 0; i < biisnet_input_count(); i++)
        s.inputs[i] = (biisnet_input){.data = s.block + s.layout.input_offset[i], .dtype = biisnet_input_dtype(i)};
    for (int i = 0; i < biisnet_output_count(); i++)
        s.outputs[i] = (biisnet_output){s.block + s.layout.output_offset[i], biisnet_output_dtype(i)};
    s.levels = floats_of(s.block + s.layout.input_offset[0], biisnet_input_dtype(0), input_elements(0));
    s.values = floats_of(s.block + s.layout.output_offset[output], biisnet_output_dtype(output), output_elements(output));
    session_check(biisnet_create(&s.model, threads));
    if (probing) {
        session_check(biisnet_create_probing(&s.probed, threads, block, (size_t)biisnet_probing_arena_bytes()));
        session_check(biisnet_bind(s.probed, s.inputs, s.outputs));
    }
    return s;
}

void session_run(session *s) { session_check(biisnet_run(s->model, s->inputs, s->outputs)); }

void session_give(session *s) {
    if (s->inputs[0].dtype == BIISNET_FLOAT32) return; /* they are there */
    uint8_t *bytes = s->block + s->layout.input_offset[0];
    for (uint64_t i = 0, count = input_elements(0); i < count; i++) bytes[i] = (uint8_t)rintf(s->levels[i]);
}

bool session_give_bytes(session *s, const uint8_t *bytes) {
    if (s->inputs[0].dtype != BIISNET_UINT8) return false;
    memcpy(s->block + s->layout.input_offset[0], bytes, (size_t)input_elements(0));
    return true;
}

void session_take(session *s) {
    const void *from = s->outputs[s->output].data;
    const uint8_t *bytes = from;
    const uint16_t *words = from;
    const int16_t *counts = from;
    uint64_t count = output_elements(s->output);
    switch (s->outputs[s->output].dtype) {
        case BIISNET_FLOAT32: break; /* they are there */
        case BIISNET_UINT8:
            for (uint64_t i = 0; i < count; i++) s->values[i] = (float)bytes[i];
            break;
        case BIISNET_UINT16:
            for (uint64_t i = 0; i < count; i++) s->values[i] = (float)words[i];
            break;
        case BIISNET_INT16:
            for (uint64_t i = 0; i < count; i++) s->values[i] = (float)counts[i];
            break;
    }
}

void session_close(session *s) {
    if (s->inputs[0].dtype != BIISNET_FLOAT32) free(s->levels);
    if (s->outputs[s->output].dtype != BIISNET_FLOAT32) free(s->values);
    biisnet_destroy(s->model);
    biisnet_destroy(s->probed);
    free(s->block);
}
