/* SPDX-License-Identifier: Apache-2.0 */
/* The contract between the generated plan (plan.c of a bundle) and the runtime that walks it.
 *
 * A network is a list of stages. Most compute one row of each of their outputs at a time, or a band of a few, by calling
 * a kernel (machine code that TVM generated) with pointers to the input rows that each output row needs.
 * Feature maps are stored row by row, [row][channel][column], so that a row of all channels is contiguous
 * and a map may be kept whole or as a ring of its last rows (row r lives in slot r % slots).
 *
 * What has no rows (a reduction over a whole map, a vector from a vector) is a stage of the other kind: its kernel is
 * given the maps themselves and computes one part of the result at a time, of as many parts as the plan says. Its maps
 * are whole.
 *
 * A few rows of a stage, or a part of it, are a task. A layout lists all tasks in the order in which one thread runs
 * them. Several threads take them from the list, each the first one whose input rows are there and whose output rows'
 * slots nobody reads any more (flow.h). All maps are shared, and live in one arena, whose layout was fixed when
 * compiling. A plan has three layouts: one for one thread, whose tasks are bands and whose rings have just the slots
 * that the list needs; one for several, whose tasks are parts of a band where there would be too few, and whose rings
 * have some more slots, so that there is work for all; and one in which all maps are whole, to look at single stages,
 * each run to its end before the next.
 */
#ifndef BIISNET_PLAN_H
#define BIISNET_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "biisnet.h"

enum { BN_ARENA = -1 }; /* bn_buffer.external of a buffer in the arena */
enum { BN_EDGE_ZERO = 0, BN_EDGE_CLAMP = 1 };
enum { BN_MAX_INPUTS = 8, BN_MAX_OUTPUTS = 4, BN_MAX_ROWS = 32, BN_MAX_RANK = 4, BN_MAX_BAND = 8 };

/* Where rows of a feature map are found. The user's own tensors are [channel][row][column]; a kernel is given
 * the row of channel 0 and knows how far the other channels are. */
typedef struct {
    int32_t external;    /* BN_ARENA, or the index of the user's input (or output) that it is */
    uint64_t offset;     /* bytes from the start of the arena, a multiple of 64 */
    uint64_t row_bytes;  /* bytes from one row to the next */
    int32_t rows;        /* rows of the whole map */
    int32_t slots;       /* rows that the memory holds; row r lives in slot r % slots */
    int32_t successor;   /* the buffer that takes its place in every layout, each row by the stage that reads it there; 0: none */
} bn_buffer;

/* The rows of a map that output row y needs: first + i*step, i = 0 .. count-1,
 * first = floor_div(y*mul + add, div), plus `odd` where y is odd. A row outside of 0 .. rows-1 is the zero row
 * (BN_EDGE_ZERO) or the nearest row of the map (BN_EDGE_CLAMP). */
typedef struct {
    int32_t buffer;      /* index into bn_layout.buffer */
    int32_t mul, add, div, step, count, edge, odd;
} bn_operand;

enum { BN_ROWS = 0, BN_WHOLE = 1 }; /* bn_stage.kind */

/* BN_ROWS: rows y .. y+rows-1 of a stage, at most its band. `in`: operand after operand, the input rows, each
 * once where the next output row reads all but the first of them too (rows.c), with room for a whole band's; `out`: a row of each output, then the next of each. BN_WHOLE: one part of it. `in`, `out`: where each
 * operand's and each output's map begins; `y`: the part; `rows`: 1. `constants`: this stage's, replicated. */
typedef void (*bn_kernel)(const void *const *in, const uint8_t *constants, void *const *out, int32_t y, int32_t rows);

/* A stage's constants lie in the library once (float32, int16, uint8, then int8 tables as runs of equal bytes,
 * each its length less one and the byte, then int16 biases, each section
 * padded to 4 bytes), and in each instance's arena as the kernel reads them: every float32 four times, every uint8
 * sixteen times, so that a constant is one 16-byte load, every bias 32 times, so that a sum of 32 lanes starts from
 * loads, each section aligned to BN_SECTION bytes. */
enum { BN_SECTION = 64, BN_FLOAT_COPIES = 4, BN_BYTE_COPIES = 16, BN_BIAS_COPIES = 32 };

typedef struct {
    const char *name;
    int32_t kind;          /* BN_ROWS or BN_WHOLE */
    bn_kernel kernel;
    uint64_t params;       /* bytes from bn_plan.params */
    uint64_t params_bytes;
    uint32_t floats, words, bytes, tables, biases; /* constants of each section */
    uint32_t runs;         /* of equal bytes, in which the library has the tables */
    uint64_t constants;    /* where they are replicated: bytes from the arena's start */
    int32_t rows;          /* output rows, the same for each output; of BN_WHOLE: the parts */
    int32_t band;          /* the most rows of a call, which do not cross a multiple of it; at most BN_MAX_BAND; of BN_WHOLE: 1 */
    int32_t inputs, outputs;
    bn_operand input[BN_MAX_INPUTS];  /* of BN_WHOLE just the buffer of each, the rest 0 */
    int32_t output[BN_MAX_OUTPUTS];   /* indices into bn_layout.buffer */
} bn_stage;

/* An input or output of the model as the user sees it, in C order. */
typedef struct {
    const char *name;
    biisnet_dtype dtype;       /* of its buffer's elements too; of an input BIISNET_FLOAT32 or BIISNET_UINT8 */
    biisnet_meaning meaning;
    double scale;              /* of a probability or a logit in integers: what the value is to be multiplied by; else 1 */
    int32_t rank;
    int64_t shape[BN_MAX_RANK];
} bn_tensor;

/* The `number`-th task of a stage: of its rows n*number .. n*number + n-1, as far as it has them, where n are the rows
 * of its tasks; of BN_WHOLE: that part. */
typedef struct {
    uint16_t stage, number;
} bn_task;

enum { BN_MAX_TASKS = 65535 /* of a stage */ };

/* In which order one thread would run all tasks, each stage's in its own order. */
typedef struct {
    int32_t tasks;
    const bn_task *task;
    const uint8_t *rows; /* of each stage those of a task, a divisor of its band; of BN_WHOLE: 1 */
} bn_order;

typedef struct {
    uint64_t maps_bytes; /* of the arena, which the runtime aligns to 64 bytes: a multiple of 64 */
    const bn_buffer *buffer;
    const bn_order *order; /* that the rings suit */
} bn_layout;

/* For one thread, for several, and with whole maps. */
enum { BN_STREAMING = 0, BN_SHARING = 1, BN_PROBING = 2, BN_LAYOUTS = 3 };

typedef struct {
    uint32_t version;            /* BN_PLAN_VERSION */
    uint64_t zero_offset;        /* where in the arena the zero row lies, zeroed at creation */
    uint64_t zero_bytes;
    const uint8_t *params;       /* constants of all stages, 64-byte aligned, in .rodata */
    uint64_t params_bytes;
    int32_t inputs, outputs, buffers, stages;
    const bn_tensor *input, *output;
    const bn_stage *stage;
    bn_layout layout[BN_LAYOUTS];
    const char *model_name;
    const char *model_sha256;    /* of the ONNX file, 64 digits */
    biisnet_task task;
    float threshold;             /* of a detection: a pixel is a target where the output's value is greater; else 0 */
    double score_slope, score_offset; /* of a detection: what makes a score of its highest probability; else 1 and 0 */
    int32_t field_radius, field_stride; /* of the receptive field, in input pixels; stride 0: none is known */
} bn_plan;

enum { BN_PLAN_VERSION = 9 };

/* What an instance takes of the arena for itself, behind its maps: this, so much for each buffer and each stage, and
 * each input's conversion, each rounded up to a multiple of BIISNET_ALIGNMENT. */
enum { BN_INSTANCE_BYTES = 2048, BN_INSTANCE_BUFFER_BYTES = 24, BN_INSTANCE_STAGE_BYTES = 48 };

extern const bn_plan biisnet_plan;   /* defined by the generated plan.c */

#endif
