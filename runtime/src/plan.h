/* The contract between the generated plan (plan.c of a bundle) and the runtime that walks it.
 *
 * A network is a list of stages. A stage computes one row of each of its outputs at a time by calling a
 * row kernel (machine code that TVM generated) with pointers to the input rows that this output row needs.
 * Feature maps are stored row by row, [row][channel][column], so that a row of all channels is contiguous
 * and a map may be kept whole or, later, as a ring of its last rows (row r lives in slot r % slots).
 * All maps live in one arena, whose layout was fixed when compiling.
 */
#ifndef BIISNET_PLAN_H
#define BIISNET_PLAN_H

#include <stddef.h>
#include <stdint.h>

enum { BN_ARENA = -1 };                  /* bn_buffer.external of a buffer in the arena */
enum { BN_EDGE_ZERO = 0, BN_EDGE_CLAMP = 1 };
enum { BN_MAX_INPUTS = 8, BN_MAX_OUTPUTS = 4, BN_MAX_ROWS = 32, BN_MAX_RANK = 4 };

/* Where rows of a feature map are found. The user's own tensors are [channel][row][column]; a kernel is given
 * the row of channel 0 and knows how far the other channels are. */
typedef struct {
    int32_t external;    /* BN_ARENA, or the index of the user's input (or output) that this buffer is */
    uint64_t offset;     /* bytes from the arena's start, a multiple of 64; 0 for external buffers */
    uint64_t row_bytes;  /* bytes from one row to the next */
    int32_t rows;        /* rows of the whole map */
    int32_t slots;       /* rows that the memory holds; row r lives in slot r % slots */
} bn_buffer;

/* The rows of a map that output row y needs: first + i*step, i = 0 .. count-1,
 * first = floor_div(y*mul + add, div). A row outside of 0 .. rows-1 is the zero row
 * (BN_EDGE_ZERO) or the nearest row of the map (BN_EDGE_CLAMP). */
typedef struct {
    int32_t buffer;      /* index into bn_plan.buffers */
    int32_t mul, add, div, step, count, edge;
} bn_operand;

/* One row of a stage. `in`: the input rows, operand after operand; `out`: a row of each output;
 * `params`: this stage's constants; `y`: the output row. */
typedef void (*bn_row_kernel)(const void *const *in, const uint8_t *params, void *const *out, int32_t y);

typedef struct {
    const char *name;
    bn_row_kernel kernel;
    uint64_t params;       /* bytes from bn_plan.params */
    uint64_t params_bytes;
    int32_t rows;          /* output rows, the same for each output */
    int32_t inputs, outputs;
    bn_operand input[BN_MAX_INPUTS];
    int32_t output[BN_MAX_OUTPUTS];   /* indices into bn_plan.buffers */
} bn_stage;

/* An input or output of the model as the user sees it: float32, C order. */
typedef struct {
    const char *name;
    int32_t rank;
    int64_t shape[BN_MAX_RANK];
} bn_tensor;

typedef struct {
    uint32_t version;            /* BN_PLAN_VERSION */
    uint64_t arena_bytes;        /* a multiple of 64; the runtime aligns the arena to 64 bytes */
    uint64_t zero_offset;        /* where in the arena the zero row lies, zeroed at creation */
    uint64_t zero_bytes;
    const uint8_t *params;       /* constants of all stages, 64-byte aligned, in .rodata */
    uint64_t params_bytes;
    int32_t inputs, outputs, buffers, stages;
    const bn_tensor *input, *output;
    const bn_buffer *buffer;
    const bn_stage *stage;
    const char *model_name;
    float threshold;             /* a pixel is a target where the probability is greater */
} bn_plan;

enum { BN_PLAN_VERSION = 1 };

extern const bn_plan biisnet_plan;   /* defined by the generated plan.c */

#endif
