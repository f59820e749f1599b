/* SPDX-License-Identifier: Apache-2.0 */
/* C interface of a compiled BiisNet model (C99 and C++).
 *
 * One library holds one model: its weights, its kernels and the plan that walks them, all constant. An
 * instance (`biisnet_model`) is the memory to run it in: the arena and the threads, both made by
 * biisnet_create() and by nothing afterwards. There are no globals, so any number of instances may run at
 * the same time in different threads. One instance runs one inference at a time: two threads must not use
 * the same instance at once.
 *
 *     biisnet_model *model;
 *     if (biisnet_create(&model, 4) != BIISNET_OK) ...
 *     const float *inputs[] = {grey};             // grey levels 0..255, biisnet_input_shape(0)
 *     float *outputs[] = {probability};           // 0..1, biisnet_output_shape(0)
 *     biisnet_run(model, inputs, outputs);        // a target is where probability > biisnet_threshold()
 *     biisnet_destroy(model);
 */
#ifndef BIISNET_H
#define BIISNET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes with every incompatible change of this file; compare it with biisnet_abi_version(). */
#define BIISNET_ABI_VERSION 1

enum { BIISNET_ALIGNMENT = 64, BIISNET_MAX_THREADS = 64 };

/* Everything else in the library is hidden. Define it empty to keep a statically linked model private. */
#ifndef BIISNET_API
#define BIISNET_API __attribute__((visibility("default")))
#endif

/* All functions that return an int32_t named status return one of these. */
enum {
    BIISNET_OK = 0,
    BIISNET_E_ARGUMENT = 1, /* a null pointer, a number out of range, memory too small or misaligned */
    BIISNET_E_MEMORY = 2,   /* the system gave no memory */
    BIISNET_E_THREAD = 3,   /* the system gave no thread */
    BIISNET_E_PLAN = 4,     /* the plan in the library does not fit its runtime: the library was built wrong */
    BIISNET_E_UNBOUND = 5   /* a stage needs the model's inputs or outputs: call biisnet_bind() first */
};

typedef struct biisnet_model biisnet_model;

/* The BIISNET_ABI_VERSION that the library was built with. */
BIISNET_API uint32_t biisnet_abi_version(void);

/* A sentence for a status, never NULL; constant. */
BIISNET_API const char *biisnet_status_string(int32_t status);

/* ---- instances ---- */

/* Makes an instance that runs on `threads` threads (1 .. BIISNET_MAX_THREADS), the caller's included:
 * threads = 1 starts none. *model is NULL unless the status is BIISNET_OK. */
BIISNET_API int32_t biisnet_create(biisnet_model **model, int32_t threads);

/* The same in the caller's memory: `arena` is BIISNET_ALIGNMENT-aligned, holds at least
 * biisnet_arena_bytes(threads), is cleared here, and stays the caller's to free after biisnet_destroy(). */
BIISNET_API int32_t biisnet_create_in(biisnet_model **model, int32_t threads, void *arena, size_t bytes);

/* One inference. inputs[i] and outputs[i] are dense float32 in C order of the shapes below, aligned as a
 * float is. Outputs must not overlap inputs. Drops what biisnet_bind() has bound. */
BIISNET_API int32_t biisnet_run(biisnet_model *model, const float *const *inputs, float *const *outputs);

/* Ends the threads and frees the instance; NULL is allowed. */
BIISNET_API void biisnet_destroy(biisnet_model *model);

/* ---- the model: constant, no instance needed. A bad index gives NULL or 0. ---- */

BIISNET_API const char *biisnet_model_name(void);
BIISNET_API float biisnet_threshold(void);

/* An output pixel depends on the input pixels at most `radius` rows and columns away, in a way that repeats every
 * `stride` pixels: tiles within a larger frame that begin at multiples of the stride and overlap by twice the radius
 * give what a model as large as the frame gives. Both are 0 where the model's input and output are not one plane of one
 * size. */
BIISNET_API int32_t biisnet_receptive_field_radius(void);
BIISNET_API int32_t biisnet_receptive_field_stride(void);

/* What an instance on `threads` threads takes; 0 if there cannot be one. */
BIISNET_API uint64_t biisnet_arena_bytes(int32_t threads);

BIISNET_API int32_t biisnet_input_count(void);
BIISNET_API const char *biisnet_input_name(int32_t index);
BIISNET_API int32_t biisnet_input_rank(int32_t index);
BIISNET_API const int64_t *biisnet_input_shape(int32_t index);

BIISNET_API int32_t biisnet_output_count(void);
BIISNET_API const char *biisnet_output_name(int32_t index);
BIISNET_API int32_t biisnet_output_rank(int32_t index);
BIISNET_API const int64_t *biisnet_output_shape(int32_t index);

/* ---- probing, for verification and profiling ---- */

BIISNET_API int32_t biisnet_stage_count(void);
BIISNET_API const char *biisnet_stage_name(int32_t stage);
BIISNET_API uint64_t biisnet_stage_params_bytes(int32_t stage);

/* An instance for biisnet_run_stage(): every feature map is kept whole, each stage runs for itself. It takes
 * more memory and time than biisnet_create()'s and gives the same results, bit for bit. The arena is the caller's,
 * as for biisnet_create_in(), and of biisnet_probing_arena_bytes(). */
BIISNET_API uint64_t biisnet_probing_arena_bytes(void);
BIISNET_API int32_t biisnet_create_probing(biisnet_model **model, int32_t threads, void *arena, size_t bytes);

/* The arena: feature maps lie where the bundle's plan says. */
BIISNET_API void *biisnet_arena(biisnet_model *model);

/* Says where the model's inputs and outputs are for the biisnet_run_stage() calls that follow. */
BIISNET_API int32_t biisnet_bind(biisnet_model *model, const float *const *inputs, float *const *outputs);

/* All rows of one stage of an instance of biisnet_create_probing() (of others: BIISNET_E_ARGUMENT), on its threads,
 * with the stage's own constants (params = NULL) or the caller's, packed as in the library:
 * BIISNET_ALIGNMENT-aligned, biisnet_stage_params_bytes() long. */
BIISNET_API int32_t biisnet_run_stage(biisnet_model *model, int32_t stage, const void *params);

#ifdef __cplusplus
}
#endif

#endif
