/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

static uint64_t tensor_bytes(int rank, const int64_t *shape) {
    uint64_t bytes = sizeof(float);
    for (int i = 0; i < rank; i++) bytes *= (uint64_t)shape[i];
    return bytes;
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
        layout.input_bytes[i] = tensor_bytes(biisnet_input_rank(i), biisnet_input_shape(i));
        layout.input_offset[i] = place(&layout.block_bytes, layout.input_bytes[i]);
    }
    for (int i = 0; i < biisnet_output_count(); i++) {
        layout.output_bytes[i] = tensor_bytes(biisnet_output_rank(i), biisnet_output_shape(i));
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

session session_open(int threads, bool probing) {
    session s = {.layout = session_plan(probing)};
    void *block = NULL;
    if (posix_memalign(&block, BIISNET_ALIGNMENT, (size_t)s.layout.block_bytes) != 0)
        fail("no memory for the model's %llu bytes; compile it for a smaller size",
             (unsigned long long)s.layout.block_bytes);
    s.block = memset(block, 0, (size_t)s.layout.block_bytes);
    for (int i = 0; i < biisnet_input_count(); i++)
        s.inputs[i] = (const float *)(const void *)(s.block + s.layout.input_offset[i]);
    for (int i = 0; i < biisnet_output_count(); i++)
        s.outputs[i] = (float *)(void *)(s.block + s.layout.output_offset[i]);
    session_check(biisnet_create(&s.model, threads));
    if (probing) {
        session_check(biisnet_create_probing(&s.probed, threads, block, (size_t)biisnet_probing_arena_bytes()));
        session_check(biisnet_bind(s.probed, s.inputs, s.outputs));
    }
    return s;
}

void session_run(session *s) { session_check(biisnet_run(s->model, s->inputs, s->outputs)); }

void session_close(session *s) {
    biisnet_destroy(s->model);
    biisnet_destroy(s->probed);
    free(s->block);
}
