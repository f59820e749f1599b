/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "measure.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "float32 files and the probe protocol are little endian and not converted"
#endif

static void send(const void *data, uint64_t bytes) {
    if (fwrite(data, 1, (size_t)bytes, stdout) != bytes) fail("--probe: the answer could not be written");
}

static void acknowledge(void) { send(&(uint32_t){0}, 4); }

_Noreturn static void refuse(const char *message) {
    uint32_t length = (uint32_t)strlen(message);
    send(&(uint32_t){1}, 4);
    send(&length, 4);
    send(message, length);
    fflush(stdout);
    fail("--probe: %s", message);
}

static void receive(void *data, uint64_t bytes) {
    if (fread(data, 1, (size_t)bytes, stdin) != bytes) refuse("the input ended within a command");
}

static uint32_t receive32(void) {
    uint32_t value;
    receive(&value, sizeof value);
    return value;
}

static uint64_t receive64(void) {
    uint64_t value;
    receive(&value, sizeof value);
    return value;
}

static void check(biisnet_status status) {
    if (status != BIISNET_OK) refuse(biisnet_status_string(status));
}

/* Reads offset and size of a command, checked. */
static uint8_t *receive_range(const session *s, uint64_t *bytes) {
    uint64_t offset = receive64();
    *bytes = receive64();
    uint8_t *range = session_range(s, offset, *bytes);
    if (!range) refuse("the range is outside of maps, inputs and outputs");
    return range;
}

static int32_t receive_stage(void) {
    uint32_t stage = receive32();
    if (stage >= (uint32_t)biisnet_stage_count()) refuse("there is no such stage");
    return (int32_t)stage;
}

static void run_stage(session *s, int32_t stage, const void *params) {
    check(biisnet_run_stage(s->probed, stage, params));
    acknowledge();
}

static void run_with_params(session *s) {
    int32_t stage = receive_stage();
    uint64_t bytes = receive64();
    if (bytes != biisnet_stage_params_bytes(stage)) refuse("the constants have another size than the stage's");
    void *params = NULL;
    size_t room = bytes ? (size_t)bytes : 1;
    if (posix_memalign(&params, BIISNET_ALIGNMENT, room) != 0) refuse("no memory for the constants");
    receive(params, bytes);
    run_stage(s, stage, params);
    free(params);
}

static void infer(session *s) {
    for (int i = 0; i < biisnet_input_count(); i++)
        receive(s->block + s->layout.input_offset[i], s->layout.input_bytes[i]);
    check(biisnet_run(s->model, s->inputs, s->outputs));
    acknowledge();
    for (int i = 0; i < biisnet_output_count(); i++) send(s->outputs[i].data, s->layout.output_bytes[i]);
}

void probe_serve(session *s) {
    for (int command; (command = getchar()) != EOF; fflush(stdout)) {
        uint64_t bytes;
        uint8_t *range;
        switch (command) {
            case 'W':
                range = receive_range(s, &bytes);
                receive(range, bytes);
                acknowledge();
                break;
            case 'R':
                range = receive_range(s, &bytes);
                acknowledge();
                send(range, bytes);
                break;
            case 'S': run_stage(s, receive_stage(), NULL); break;
            case 'P': run_with_params(s); break;
            case 'I': infer(s); break;
            case 'B':
                acknowledge();
                region_start();
                break;
            case 'E':
                region_stop();
                acknowledge();
                break;
            case 'Q':
                acknowledge();
                fflush(stdout);
                return;
            default: refuse("unknown command");
        }
    }
}
