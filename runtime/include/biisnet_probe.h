/* SPDX-License-Identifier: Apache-2.0 */
/* Single stages of a model, for verification and profiling: what biisnet-run and the tuner use beside biisnet.h.
 * The functions are in the archive; the shared library does not export them. */
#ifndef BIISNET_PROBE_H
#define BIISNET_PROBE_H

#include "biisnet.h"

#ifdef __cplusplus
extern "C" {
#endif

int32_t biisnet_stage_count(void);
const char *biisnet_stage_name(int32_t stage);
uint64_t biisnet_stage_params_bytes(int32_t stage);

/* An instance for biisnet_run_stage(): every feature map is kept whole, each stage runs for itself. It takes
 * more memory and time than biisnet_create()'s and gives the same results, bit for bit. The arena is the caller's,
 * as for biisnet_create_in(), and of biisnet_probing_arena_bytes(). */
uint64_t biisnet_probing_arena_bytes(void);
BIISNET_CHECKED biisnet_status biisnet_create_probing(biisnet_model **model, int32_t threads, void *arena,
                                                      size_t bytes);

/* The arena: feature maps lie where the bundle's plan says, in its first biisnet_probing_maps_bytes(). What is behind
 * them is the instance itself. */
void *biisnet_arena(biisnet_model *model);
uint64_t biisnet_probing_maps_bytes(void);

/* Says where the model's inputs and outputs are for the biisnet_run_stage() calls that follow; biisnet_run() drops it.
 * Inputs are such that need no conversion, others are BIISNET_E_DTYPE. */
BIISNET_CHECKED biisnet_status biisnet_bind(biisnet_model *model, const biisnet_input *inputs,
                                            const biisnet_output *outputs);

/* All of one stage of an instance of biisnet_create_probing() (of others: BIISNET_E_ARGUMENT), on its threads,
 * with the stage's own constants (params = NULL) or the caller's, packed as in the library:
 * BIISNET_ALIGNMENT-aligned, biisnet_stage_params_bytes() long. */
BIISNET_CHECKED biisnet_status biisnet_run_stage(biisnet_model *model, int32_t stage, const void *params);

#ifdef __cplusplus
}
#endif

#endif
