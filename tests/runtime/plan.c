/* A small plan with hand-written row kernels: what compile/ generates, short enough to be checked by eye. Its
 * meaning in numpy is `reference` in conftest.py. Two stages have halos across stripes (zero edge and clamped
 * edge), one reduces rows, one doubles them; PLAN_HEIGHT and PLAN_WIDTH may be odd. */
#include "plan.h"

enum {
    H = PLAN_HEIGHT,
    W = PLAN_WIDTH,
    HALF = (H + 1) / 2,
    ROW = W * 4,
    /* Every map starts at a multiple of 64. */
    ZERO_BYTES = (ROW + 63) / 64 * 64,
    BOX = ZERO_BYTES,
    MEAN = BOX + (H * 2 * ROW + 63) / 64 * 64,
    MOST = MEAN + (HALF * ROW + 63) / 64 * 64,
    ARENA = MOST + (HALF * ROW + 63) / 64 * 64
};

static const union {
    _Alignas(64) float value[32];
    uint8_t bytes[128];
} params = {.value = {[0] = 0.125f, [1] = 0.5f, [16] = -20.0f, [17] = 0.03125f}};

/* box[0] = w0 * sum of the 3x3 neighbours, box[1] = w1 * pixel */
static void box_row(const void *const *in, const uint8_t *constants, void *const *out, int32_t y) {
    const float *weight = (const float *)(const void *)constants;
    float *box = out[0];
    (void)y;
    for (int x = 0; x < W; x++) {
        float sum = 0;
        for (int i = 0; i < 3; i++)
            for (int j = -1; j <= 1; j++)
                if (x + j >= 0 && x + j < W) sum += ((const float *)in[i])[x + j];
        box[x] = weight[0] * sum;
        box[W + x] = weight[1] * ((const float *)in[1])[x];
    }
}

/* mean = mean of box[0], most = maximum of box[1] over rows 2y and 2y+1 */
static void half_row(const void *const *in, const uint8_t *constants, void *const *out, int32_t y) {
    const float *first = in[0], *second = in[1];
    (void)constants, (void)y;
    for (int x = 0; x < W; x++) {
        ((float *)out[0])[x] = 0.5f * (first[x] + second[x]);
        ((float *)out[1])[x] = first[W + x] > second[W + x] ? first[W + x] : second[W + x];
    }
}

/* z = bias + scale * (mean of two mean rows + most + box[0]) + y / 1024, output = (1 + z / (1 + |z|)) / 2 */
static void join_row(const void *const *in, const uint8_t *constants, void *const *out, int32_t y) {
    const float *weight = (const float *)(const void *)constants;
    const float *above = in[0], *below = in[1], *most = in[2], *box = in[3];
    for (int x = 0; x < W; x++) {
        float z = weight[0] + weight[1] * (0.5f * (above[x] + below[x]) + most[x] + box[x]) + (float)y / 1024;
        ((float *)out[0])[x] = 0.5f * (1 + z / (1 + (z < 0 ? -z : z)));
    }
}

enum { INPUT, BOX_MAP, MEAN_MAP, MOST_MAP, OUTPUT };

#ifndef BOX_SLOTS
#define BOX_SLOTS H
#endif

static const bn_buffer buffers[] = {
    [INPUT] = {.external = 0, .row_bytes = ROW, .rows = H, .slots = H},
    [BOX_MAP] = {.external = BN_ARENA, .offset = BOX, .row_bytes = 2 * ROW, .rows = H, .slots = BOX_SLOTS},
    [MEAN_MAP] = {.external = BN_ARENA, .offset = MEAN, .row_bytes = ROW, .rows = HALF, .slots = HALF},
    [MOST_MAP] = {.external = BN_ARENA, .offset = MOST, .row_bytes = ROW, .rows = HALF, .slots = HALF},
    [OUTPUT] = {.external = 0, .row_bytes = ROW, .rows = H, .slots = H},
};

static const bn_stage stages[] = {
    {.name = "box", .kernel = box_row, .params = 0, .params_bytes = 64, .rows = H, .inputs = 1, .outputs = 1,
     .input = {{.buffer = INPUT, .mul = 1, .add = -1, .div = 1, .step = 1, .count = 3, .edge = BN_EDGE_ZERO}},
     .output = {BOX_MAP}},
    {.name = "half", .kernel = half_row, .params = 64, .params_bytes = 0, .rows = HALF, .inputs = 1, .outputs = 2,
     .input = {{.buffer = BOX_MAP, .mul = 2, .add = 0, .div = 1, .step = 1, .count = 2, .edge = BN_EDGE_CLAMP}},
     .output = {MEAN_MAP, MOST_MAP}},
    {.name = "join", .kernel = join_row, .params = 64, .params_bytes = 64, .rows = H, .inputs = 3, .outputs = 1,
     .input = {{.buffer = MEAN_MAP, .mul = 1, .add = -1, .div = 2, .step = 1, .count = 2, .edge = BN_EDGE_CLAMP},
               {.buffer = MOST_MAP, .mul = 1, .add = 0, .div = 2, .step = 1, .count = 1, .edge = BN_EDGE_CLAMP},
               {.buffer = BOX_MAP, .mul = 1, .add = 0, .div = 1, .step = 1, .count = 1, .edge = BN_EDGE_CLAMP}},
     .output = {OUTPUT}},
};

static const bn_tensor input = {.name = "grey", .rank = 4, .shape = {1, 1, H, W}};
static const bn_tensor output = {.name = "probability", .rank = 4, .shape = {1, 1, H, W}};

const bn_plan biisnet_plan = {
    .version = BN_PLAN_VERSION,
    .arena_bytes = ARENA,
    .zero_offset = 0,
    .zero_bytes = ZERO_BYTES,
    .params = params.bytes,
    .params_bytes = sizeof params,
    .inputs = 1, .outputs = 1, .buffers = 5, .stages = 3,
    .input = &input, .output = &output, .buffer = buffers, .stage = stages,
    .model_name = "tiny \"box\"",
    .threshold = 0.5f,
};
