/* SPDX-License-Identifier: Apache-2.0 */
/* A plan of integers: bytes in, int16 logits out, as an integer network has them. Its meaning in numpy is
 * `integer_reference` in cbuild.py. Three stages, row by row, with two rings between them:
 *     sums -> around -> edges   the sum of three rows, of three columns of that; nine times the pixel less it, and a bias
 */
#include "plan.h"

enum { H = PLAN_HEIGHT, W = PLAN_WIDTH, RING = H < 3 ? H : 3, LONG_RING = H < 4 ? H : 4, PAIR = H < 2 ? H : 2, WIDE = W * 2 };

#define UP_64(bytes) (((bytes) + 63) / 64 * 64)

enum {
    CONSTANTS = UP_64(WIDE), /* behind the zero row */
    SUMS = CONSTANTS + 64,
    AROUND = SUMS + UP_64(RING * WIDE),
    ALONE = AROUND + UP_64(WIDE),
    LONG_AROUND = SUMS + UP_64(LONG_RING * WIDE),
    TOGETHER = LONG_AROUND + UP_64(PAIR * WIDE),
    WHOLE_AROUND = SUMS + UP_64(H * WIDE),
    WHOLE = WHOLE_AROUND + UP_64(H * WIDE)
};

static const struct {
    _Alignas(64) int16_t bias[2]; /* 1 and padding */
} params = {{-700, 0}};

static int clamp(int x) { return x < 0 ? 0 : x >= W ? W - 1 : x; }

static void sums_row(const void *const *in, const uint8_t *constants, void *const *out, int32_t y, int32_t rows) {
    (void)rows;
    (void)constants, (void)y;
    for (int x = 0; x < W; x++) {
        int sum = 0;
        for (int i = 0; i < 3; i++) sum += ((const uint8_t *)in[i])[x];
        ((int16_t *)out[0])[x] = (int16_t)sum;
    }
}

static void around_row(const void *const *in, const uint8_t *constants, void *const *out, int32_t y, int32_t rows) {
    (void)rows;
    const int16_t *sums = in[0];
    (void)constants, (void)y;
    for (int x = 0; x < W; x++)
        ((int16_t *)out[0])[x] = (int16_t)(sums[clamp(x - 1)] + sums[x] + sums[clamp(x + 1)]);
}

static void edges_row(const void *const *in, const uint8_t *constants, void *const *out, int32_t y, int32_t rows) {
    (void)rows;
    const uint8_t *grey = in[0];
    const int16_t *around = in[1];
    (void)y;
    for (int x = 0; x < W; x++)
        ((int16_t *)out[0])[x] = (int16_t)(9 * grey[x] - around[x] + ((const int16_t *)(const void *)constants)[0]);
}

enum { INPUT, SUMS_MAP, AROUND_MAP, OUTPUT, BUFFERS };

#define BUFFERS_OF(around, sums_slots, around_slots)                                                                \
    {                                                                                                               \
        [INPUT] = {.external = 0, .row_bytes = W, .rows = H, .slots = H},                                           \
        [SUMS_MAP] = {.external = BN_ARENA, .offset = SUMS, .row_bytes = WIDE, .rows = H, .slots = sums_slots},     \
        [AROUND_MAP] = {.external = BN_ARENA, .offset = around, .row_bytes = WIDE, .rows = H, .slots = around_slots}, \
        [OUTPUT] = {.external = 0, .row_bytes = WIDE, .rows = H, .slots = H},                                       \
    }

static const bn_buffer streaming_buffers[] = BUFFERS_OF(AROUND, RING, 1);
static const bn_buffer sharing_buffers[] = BUFFERS_OF(LONG_AROUND, LONG_RING, PAIR);
static const bn_buffer probing_buffers[] = BUFFERS_OF(WHOLE_AROUND, H, H);

/* The list of tasks is filled when the program is loaded: its length depends on the size. */
enum { STAGES = 3, TASKS = STAGES * H };
static bn_task tasks[TASKS];

__attribute__((constructor)) static void list_all(void) {
    for (int y = 0; y < H; y++)
        for (int k = 0; k < STAGES; k++) tasks[STAGES * y + k] = (bn_task){.stage = (uint16_t)k, .number = (uint16_t)y};
}

static const uint8_t rows[STAGES] = {1, 1, 1};
static const bn_order order = {TASKS, tasks, rows};

#define OWN_ROW .mul = 1, .add = 0, .div = 1, .step = 1, .count = 1, .edge = BN_EDGE_CLAMP

static const bn_stage stages[] = {
    {.name = "sums", .kernel = sums_row, .constants = SUMS, .rows = H, .band = 1, .inputs = 1, .outputs = 1,
     .input = {{.buffer = INPUT, .mul = 1, .add = -1, .div = 1, .step = 1, .count = 3, .edge = BN_EDGE_CLAMP}},
     .output = {SUMS_MAP}},
    {.name = "around", .kernel = around_row, .constants = SUMS, .rows = H, .band = 1, .inputs = 1, .outputs = 1,
     .input = {{.buffer = SUMS_MAP, OWN_ROW}}, .output = {AROUND_MAP}},
    {.name = "edges", .kernel = edges_row, .params_bytes = 4, .words = 1, .constants = CONSTANTS, .rows = H, .band = 1,
     .inputs = 2, .outputs = 1, .input = {{.buffer = INPUT, OWN_ROW}, {.buffer = AROUND_MAP, OWN_ROW}}, .output = {OUTPUT}},
};

/* Tests make it another model. */
#ifndef PLAN_THRESHOLD
#define PLAN_THRESHOLD 0
#endif
#ifndef PLAN_SCALE
#define PLAN_SCALE 0.00390625
#endif
#ifndef PLAN_SLOPE
#define PLAN_SLOPE 1
#define PLAN_OFFSET 0
#endif

static const bn_tensor input = {.name = "image", .dtype = BIISNET_UINT8, .meaning = BIISNET_MEANING_IMAGE, .scale = 1,
                                .rank = 4, .shape = {1, 1, H, W}};
static const bn_tensor output = {.name = "logit", .dtype = BIISNET_INT16, .meaning = BIISNET_MEANING_LOGIT,
                                 .scale = PLAN_SCALE, .rank = 4, .shape = {1, 1, H, W}};

const bn_plan biisnet_plan = {
    .version = BN_PLAN_VERSION,
    .zero_offset = 0,
    .zero_bytes = WIDE,
    .params = (const uint8_t *)&params,
    .params_bytes = sizeof params,
    .inputs = 1, .outputs = 1, .buffers = BUFFERS, .stages = STAGES,
    .input = &input, .output = &output, .stage = stages,
    .layout = {
        [BN_STREAMING] = {.maps_bytes = ALONE, .buffer = streaming_buffers, .order = &order},
        [BN_SHARING] = {.maps_bytes = TOGETHER, .buffer = sharing_buffers, .order = &order},
        [BN_PROBING] = {.maps_bytes = WHOLE, .buffer = probing_buffers, .order = &order},
    },
    .model_name = "tiny edges",
    .model_sha256 = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210",
    .task = BIISNET_TASK_DETECTION,
    .threshold = PLAN_THRESHOLD,
    .score_slope = PLAN_SLOPE, .score_offset = PLAN_OFFSET,
    .field_radius = 1, .field_stride = 1,
};
