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
 *     biisnet_input frame = {.data = grey, .dtype = BIISNET_UINT8};   // levels 0..255, biisnet_input_shape(0)
 *     biisnet_output map = {result, BIISNET_FLOAT32};   // biisnet_output_dtype(0), biisnet_output_shape(0)
 *     if (biisnet_run(model, &frame, &map) != BIISNET_OK) ...
 *     biisnet_destroy(model);                           // a target is where result > biisnet_threshold()
 */
#ifndef BIISNET_H
#define BIISNET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes with every incompatible change of this file; compare it with biisnet_abi_version(). */
#define BIISNET_ABI_VERSION 3

enum { BIISNET_ALIGNMENT = 64, BIISNET_MAX_THREADS = 64 };

/* Everything else in the library is hidden. Define it empty to keep a statically linked model private. */
#ifndef BIISNET_API
#define BIISNET_API __attribute__((visibility("default")))
#endif

/* A status that is not looked at is a warning. */
#ifndef BIISNET_CHECKED
#define BIISNET_CHECKED __attribute__((warn_unused_result))
#endif

typedef enum {
    BIISNET_OK = 0,
    BIISNET_E_ARGUMENT = 1, /* a null pointer, a number out of range, memory too small or misaligned */
    BIISNET_E_MEMORY = 2,   /* the system gave no memory */
    BIISNET_E_THREAD = 3,   /* the system gave no thread */
    BIISNET_E_PLAN = 4,     /* the plan in the library does not fit its runtime: the library was built wrong */
    BIISNET_E_UNBOUND = 5,  /* a stage needs the model's inputs or outputs (biisnet_probe.h) */
    BIISNET_E_PROCESS = 6,  /* made before fork() with threads, which the child does not have: make another there */
    BIISNET_E_DTYPE = 7     /* an input or an output is said to be of another type than it must be */
} biisnet_status;

/* What a model is for. */
typedef enum {
    BIISNET_TASK_MAP = 0,           /* any map of the image */
    BIISNET_TASK_DETECTION = 1,     /* an image to the probability, at each of its pixels, of a target */
    BIISNET_TASK_SEGMENTATION = 2,  /* an image to the probability of each class at each of its pixels */
    BIISNET_TASK_CLASSIFICATION = 3 /* an image to a score of each class */
} biisnet_task;

/* What a tensor means. */
typedef enum {
    BIISNET_MEANING_MAP = 0,
    BIISNET_MEANING_IMAGE = 1,       /* levels, 0..255: grey, or of several channels a plane each */
    BIISNET_MEANING_PROBABILITY = 2, /* 0..1; of integers biisnet_output_scale() times the value */
    BIISNET_MEANING_SCORES = 3,
    BIISNET_MEANING_LOGIT = 4 /* the probability is 1 / (1 + exp(-biisnet_output_scale() * value)) */
} biisnet_meaning;

/* Of the machine's byte order. */
typedef enum { BIISNET_FLOAT32 = 0, BIISNET_UINT8 = 1, BIISNET_UINT16 = 2, BIISNET_INT16 = 3 } biisnet_dtype;

/* The memory of an input, as a sensor or a decoder has it, and what it says of it. Value v is the level scale*v + offset,
 * in float32, product and sum each rounded. Of a model that takes bytes it is then rounded to the nearest whole level,
 * halves to the even one, and cut off at 0 and 255. Planes (channels) follow each other, each of as many rows as the
 * input has. */
typedef struct {
    const void *data;    /* aligned as its elements are */
    biisnet_dtype dtype; /* any; that of biisnet_input_dtype() is not converted */
    uint64_t row_stride; /* bytes from one row to the next, a multiple of an element's; 0: no gap between rows */
    float scale, offset; /* finite; 0 and 0, or 1 and 0, where values are levels 0..255 */
} biisnet_input;

/* The memory of an output: dense, in C order. */
typedef struct {
    void *data;          /* aligned as its elements are */
    biisnet_dtype dtype; /* biisnet_output_dtype(): what will be read there; another one is BIISNET_E_DTYPE */
} biisnet_output;

typedef struct biisnet_model biisnet_model;

/* The BIISNET_ABI_VERSION that the library was built with. */
BIISNET_API uint32_t biisnet_abi_version(void);

/* A sentence for a status, never NULL; constant. */
BIISNET_API const char *biisnet_status_string(biisnet_status status);

/* ---- instances ---- */

/* Makes an instance that runs on `threads` threads (1 .. BIISNET_MAX_THREADS), the caller's included:
 * threads = 1 starts none, and calls nothing of the threads library. *model is NULL unless the status is BIISNET_OK. */
BIISNET_API BIISNET_CHECKED biisnet_status biisnet_create(biisnet_model **model, int32_t threads);

/* The same in the caller's memory, all of it: `arena` is BIISNET_ALIGNMENT-aligned, holds at least
 * biisnet_arena_bytes(threads), is cleared here, and stays the caller's to free after biisnet_destroy(). Nothing is
 * allocated. */
BIISNET_API BIISNET_CHECKED biisnet_status biisnet_create_in(biisnet_model **model, int32_t threads, void *arena,
                                                             size_t bytes);

/* One inference: as many inputs and outputs as the model has, of the shapes below. Outputs must not overlap inputs.
 * Outputs are written where they lie, and inputs are read there if they are levels in the model's own type without
 * gaps; others are converted first, into the instance's memory. */
BIISNET_API BIISNET_CHECKED biisnet_status biisnet_run(biisnet_model *model, const biisnet_input *inputs,
                                                       const biisnet_output *outputs);

/* Ends the threads and frees the instance; NULL is allowed. After fork() the child may call it, too, for its copy. */
BIISNET_API void biisnet_destroy(biisnet_model *model);

/* ---- the model: constant, no instance needed. A bad index gives NULL or 0. ---- */

BIISNET_API const char *biisnet_model_name(void);

/* SHA-256 of the ONNX file that was compiled, 64 digits in lower case. */
BIISNET_API const char *biisnet_model_sha256(void);

BIISNET_API biisnet_task biisnet_model_task(void);

/* Of a detection: a pixel is a target where its output's value, as it is, is greater: a probability, or a whole number
 * where the output is of integers. 0 of other tasks. */
BIISNET_API float biisnet_threshold(void);

/* Of a detection: what makes a target's score of its highest probability p: 1 / (1 + exp(-(slope * log(p / (1 - p)) +
 * offset))), of p = 1 that of the greatest float below; the share that are targets of the detections it was fitted on.
 * 1 and 0 where nobody has fitted them, and of other tasks: then the score is p itself. */
BIISNET_API double biisnet_score_slope(void);
BIISNET_API double biisnet_score_offset(void);

/* An output pixel depends on the input pixels at most `radius` rows and columns away, in a way that repeats every
 * `stride` pixels: tiles within a larger frame that begin at multiples of the stride and overlap by twice the radius
 * give what a model as large as the frame gives. Both are 0 where the model cannot work in tiles: where
 * its input and output are not one plane of one size, or it is not the same along both axes. */
BIISNET_API int32_t biisnet_receptive_field_radius(void);
BIISNET_API int32_t biisnet_receptive_field_stride(void);

/* What an instance on `threads` threads takes; 0 if there cannot be one. */
BIISNET_API uint64_t biisnet_arena_bytes(int32_t threads);

BIISNET_API int32_t biisnet_input_count(void);
BIISNET_API const char *biisnet_input_name(int32_t index);
BIISNET_API biisnet_dtype biisnet_input_dtype(int32_t index);
BIISNET_API biisnet_meaning biisnet_input_meaning(int32_t index);
BIISNET_API int32_t biisnet_input_rank(int32_t index);
BIISNET_API const int64_t *biisnet_input_shape(int32_t index);

BIISNET_API int32_t biisnet_output_count(void);
BIISNET_API const char *biisnet_output_name(int32_t index);
BIISNET_API biisnet_dtype biisnet_output_dtype(int32_t index);
BIISNET_API biisnet_meaning biisnet_output_meaning(int32_t index);
/* A probability or a logit in integers is this times the value; 1 of other outputs. */
BIISNET_API double biisnet_output_scale(int32_t index);
BIISNET_API int32_t biisnet_output_rank(int32_t index);
BIISNET_API const int64_t *biisnet_output_shape(int32_t index);

#ifdef __cplusplus
}
#endif

#endif
