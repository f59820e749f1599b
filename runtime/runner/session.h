/* SPDX-License-Identifier: Apache-2.0 */
/* Instances of the model, and memory for its inputs and outputs. */
#ifndef BIISNET_RUN_SESSION_H
#define BIISNET_RUN_SESSION_H

#include <stdbool.h>

#include "biisnet.h"
#include "biisnet_probe.h"

enum { SESSION_MAX_TENSORS = 8 };

/* The block is the address space of --probe: the arena of the instance for probing from 0 (nothing of it without
 * --probe), then each input, then each output, each starting at the next multiple of 64 bytes. Between the arena's maps
 * and the first input lies the instance itself, which is nobody's to read or write. */
typedef struct {
    uint64_t block_bytes, maps_bytes, tensors_offset;
    uint64_t input_offset[SESSION_MAX_TENSORS], input_bytes[SESSION_MAX_TENSORS];
    uint64_t output_offset[SESSION_MAX_TENSORS], output_bytes[SESSION_MAX_TENSORS];
} session_layout;

typedef struct {
    session_layout layout;
    biisnet_model *model;
    biisnet_model *probed; /* stage by stage; NULL without --probe */
    uint8_t *block;
    biisnet_input inputs[SESSION_MAX_TENSORS];
    biisnet_output outputs[SESSION_MAX_TENSORS];
    int output;             /* the one whose values are read */
    float *levels, *values; /* of the first input and that output: in the block where they are float32, else beside it */
} session;

session_layout session_plan(bool probing);
session session_open(int threads, bool probing, int output);
void session_run(session *s);

/* Gives the model the grey levels in s->levels, its first input: where it takes bytes, rounded to the nearest whole one,
 * halves to the even one, as answers.py does. */
void session_give(session *s);
/* Gives it a frame of its size in bytes; false where it takes none. */
bool session_give_bytes(session *s, const uint8_t *bytes);
/* Reads the output's values into s->values. */
void session_take(session *s);

void session_close(session *s);

/* Where a range of the block begins; NULL where not all of it is of maps, inputs and outputs. */
uint8_t *session_range(const session *s, uint64_t offset, uint64_t bytes);

/* Fails unless the status is BIISNET_OK. */
void session_check(biisnet_status status);

#endif
