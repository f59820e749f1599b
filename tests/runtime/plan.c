/* SPDX-License-Identifier: Apache-2.0 */
/* A small plan with hand-written row kernels: what compile/ generates, short enough to be checked by eye. Its
 * meaning in numpy is `reference` in cbuild.py; PLAN_HEIGHT and PLAN_WIDTH may be odd. Its tasks are in three parts, two
 * with a ring, and between them a stage that has no rows:
 *     blur -> box -> half   3x3, 3x3 and 2:1; blur's map is a ring, box's is read by join, too
 *     total                 of a whole map, in four parts
 *     up -> join            1:2 with an odd operand, and a window over its ring
 */
#include "plan.h"

/* The most rows of a call; tests make it more. */
#ifndef PLAN_BAND
#define PLAN_BAND 1
#endif

enum {
    H = PLAN_HEIGHT,
    W = PLAN_WIDTH,
    HALF = H > 1 ? H / 2 : 1, /* an odd last row is dropped: no row of `half` asks for it */
    BAND = PLAN_BAND,
    RING = H < 2 * BAND + 1 ? H : 2 * BAND + 1, /* a band, a row above and below, what the writer's band is ahead */
    LONG_RING = H < 3 * BAND + 1 ? H : 3 * BAND + 1, /* of several threads: a band more */
    ROW = W * 4,
    PARTS = 4 /* of total: there may be fewer columns */
};

#define UP_64(bytes) (((bytes) + 63) / 64 * 64)

/* A multiple of the stride, and less than what results depend on: for tests of how tiles are cut. */
#ifndef FIELD_RADIUS
#define FIELD_RADIUS 2
#define FIELD_STRIDE 2
#endif

/* Every map starts at a multiple of 64. */
enum {
    BLUR_CONSTANTS = UP_64(ROW), /* behind the zero row */
    BOX_CONSTANTS = BLUR_CONSTANTS + 64,
    JOIN_CONSTANTS = BOX_CONSTANTS + 64 + 64 + 128,
    TOTAL_CONSTANTS = JOIN_CONSTANTS + 64,
    MAPS = TOTAL_CONSTANTS + 64,
    BOX = MAPS,
    MEAN = BOX + UP_64(H * 2 * ROW),
    MOST = MEAN + UP_64(HALF * ROW),
    TOTAL = MOST + UP_64(HALF * ROW),
    /* The rings, or in the layout of whole maps these: */
    BLUR = TOTAL + UP_64(ROW),
    UP = BLUR + UP_64(RING * ROW),
    ALONE = UP + UP_64(RING * ROW),
    LONG_UP = BLUR + UP_64(LONG_RING * ROW),
    TOGETHER = LONG_UP + UP_64(LONG_RING * ROW),
    WHOLE_UP = BLUR + UP_64(H * ROW),
    WHOLE = WHOLE_UP + UP_64(H * ROW)
};

static const struct {
    _Alignas(64) float blur[1];
    float box[2];
    int16_t box_words[4]; /* 3 and padding */
    uint8_t box_bytes[8]; /* 5 and padding */
    float join[2];
    float total[1];
} params = {{0.125f}, {0.125f, 0.5f}, {7, -300, 260, 0}, {1, 2, 0, 255, 3, 0, 0, 0}, {-14.0f, 0.03125f}, {0.0009765625f}};

/* How kernels find constant i of a section that starts at `section`. */
static float float_at(const uint8_t *section, int i) { return ((const float *)(const void *)section)[i * 4 + i % 4]; }
static int word_at(const uint8_t *section, int i) { return ((const int16_t *)(const void *)section)[i]; }
static int byte_at(const uint8_t *section, int i) { return section[i * 16 + i * 3]; }

static float sum_3x3(const void *const *in, int x) {
    float sum = 0;
    for (int i = 0; i < 3; i++)
        for (int j = -1; j <= 1; j++)
            if (x + j >= 0 && x + j < W) sum += ((const float *)in[i])[x + j];
    return sum;
}

/* blur = w * sum of the 3x3 neighbours */
static void blur_row(const void *const *in, const uint8_t *constants, void *const *out, int32_t y) {
    (void)y;
    for (int x = 0; x < W; x++) ((float *)out[0])[x] = float_at(constants, 0) * sum_3x3(in, x);
}

/* box[0] = w0 * sum of the 3x3 neighbours + sum of words, box[1] = w1 * pixel + bytes, weighted 1 .. 5 */
static void box_row(const void *const *in, const uint8_t *constants, void *const *out, int32_t y) {
    float *box = out[0];
    (void)y;
    int words = 0, bytes = 0;
    for (int i = 0; i < 3; i++) words += word_at(constants + 64, i);
    for (int i = 0; i < 5; i++) bytes += (i + 1) * byte_at(constants + 128, i);
    for (int x = 0; x < W; x++) {
        box[x] = float_at(constants, 0) * sum_3x3(in, x) + (float)words;
        box[W + x] = float_at(constants, 1) * ((const float *)in[1])[x] + (float)bytes / 16;
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

/* total[x] = w * (sum of column x of most - the largest of its input's same column): whole maps, one of them the
 * model's own input. A part is a quarter of the columns. */
static void total_part(const void *const *in, const uint8_t *constants, void *const *out, int32_t part, int32_t rows) {
    (void)rows;
    const float *most = in[0], *grey = in[1];
    for (int x = W * part / PARTS; x < W * (part + 1) / PARTS; x++) {
        float sum = 0, largest = 0;
        for (int y = 0; y < HALF; y++) sum += most[y * W + x];
        for (int y = 0; y < H; y++) largest = grey[y * W + x] > largest ? grey[y * W + x] : largest;
        ((float *)out[0])[x] = float_at(constants, 0) * (sum - largest);
    }
}

/* up = 3/4 of the mean row that holds y and 1/4 of the one on the other side of y */
static void up_row(const void *const *in, const uint8_t *constants, void *const *out, int32_t y) {
    const float *near = in[0], *far = in[1];
    (void)constants, (void)y;
    for (int x = 0; x < W; x++) ((float *)out[0])[x] = 0.75f * near[x] + 0.25f * far[x];
}

/* z = bias + scale * (three up rows, weighted 1/4 1/2 1/4, + most + box[0]) + total + y / 1024,
 * output = (1 + z / (1 + |z|)) / 2 */
static void join_row(const void *const *in, const uint8_t *constants, void *const *out, int32_t y) {
    const float *above = in[0], *up = in[1], *below = in[2], *most = in[3], *box = in[4], *total = in[5];
    for (int x = 0; x < W; x++) {
        float window = 0.25f * above[x] + 0.5f * up[x] + 0.25f * below[x];
        float z = float_at(constants, 0) + float_at(constants, 1) * (window + most[x] + box[x]) + total[x] + (float)y / 1024;
        ((float *)out[0])[x] = 0.5f * (1 + z / (1 + (z < 0 ? -z : z)));
    }
}

/* Rows of an operand: those of one output row, and how many further the next output row's begin in those of a band. */
typedef struct {
    int count, advance;
} reads;

static void take(const void **row, const void *const *in, const reads *operand, int operands, int r) {
    for (int i = 0; i < operands; in += operand[i].count + (BAND - 1) * operand[i].advance, i++)
        for (int j = 0; j < operand[i].count; j++) *row++ = in[r * operand[i].advance + j];
}

/* As the plan calls them: with so many operands to read, and rows to write. */
#define BANDED(name, writes, ...)                                                                                      \
    static void name##_rows(const void *const *in, const uint8_t *constants, void *const *out, int32_t y, int32_t rows) { \
        static const reads operand[] = {__VA_ARGS__};                                                                  \
        const void *row[BN_MAX_ROWS];                                                                                  \
        for (int32_t r = 0; r < rows; r++) {                                                                           \
            take(row, in, operand, sizeof operand / sizeof *operand, r);                                               \
            name##_row(row, constants, out + r * writes, y + r);                                                       \
        }                                                                                                              \
    }
BANDED(blur, 1, {3, 1})
BANDED(box, 1, {3, 1})
BANDED(half, 2, {2, 2})
BANDED(up, 1, {1, 1}, {1, 1})
BANDED(join, 1, {3, 1}, {1, 1}, {1, 1}, {1, 1})

enum { INPUT, BLUR_MAP, BOX_MAP, MEAN_MAP, MOST_MAP, TOTAL_MAP, UP_MAP, OUTPUT, BUFFERS };

/* Tests make them too short. */
#ifndef BOX_SLOTS
#define BOX_SLOTS H
#endif
#ifndef BLUR_SLOTS
#define BLUR_SLOTS RING
#endif

#define MAPS_BUT_RINGS                                                                                          \
    [INPUT] = {.external = 0, .row_bytes = ROW, .rows = H, .slots = H},                                         \
    [BOX_MAP] = {.external = BN_ARENA, .offset = BOX, .row_bytes = 2 * ROW, .rows = H, .slots = BOX_SLOTS},     \
    [MEAN_MAP] = {.external = BN_ARENA, .offset = MEAN, .row_bytes = ROW, .rows = HALF, .slots = HALF},         \
    [MOST_MAP] = {.external = BN_ARENA, .offset = MOST, .row_bytes = ROW, .rows = HALF, .slots = HALF},         \
    [TOTAL_MAP] = {.external = BN_ARENA, .offset = TOTAL, .row_bytes = ROW, .rows = 1, .slots = 1},             \
    [OUTPUT] = {.external = 0, .row_bytes = ROW, .rows = H, .slots = H}

#define RINGS(up, blur_slots, up_slots)                                                                         \
    [BLUR_MAP] = {.external = BN_ARENA, .offset = BLUR, .row_bytes = ROW, .rows = H, .slots = blur_slots},      \
    [UP_MAP] = {.external = BN_ARENA, .offset = up, .row_bytes = ROW, .rows = H, .slots = up_slots}

static const bn_buffer streaming_buffers[] = {MAPS_BUT_RINGS, RINGS(UP, BLUR_SLOTS, RING)};
static const bn_buffer sharing_buffers[] = {MAPS_BUT_RINGS, RINGS(LONG_UP, LONG_RING, LONG_RING)};
static const bn_buffer probing_buffers[] = {MAPS_BUT_RINGS, RINGS(WHOLE_UP, H, H)};

enum { BLUR_STAGE, BOX_STAGE, HALF_STAGE, TOTAL_STAGE, UP_STAGE, JOIN_STAGE, STAGES };
/* Tasks of so many rows. */
#define TASKS_OF(rows) (4 * ((H + (rows) - 1) / (rows)) + (HALF + (rows) - 1) / (rows) + PARTS)

/* Lists of tasks are filled when the program is loaded: their lengths depend on the size. Several threads' are of single
 * rows. */
static bn_task banded[TASKS_OF(BAND)], single[TASKS_OF(1)];

typedef struct {
    bn_task *end;
    int rows;
    uint16_t next[STAGES];
} list;

static void add(list *to, int stage) { *to->end++ = (bn_task){.stage = (uint16_t)stage, .number = to->next[stage]++}; }

/* Tasks of a stage up to a row, or its last. */
static void add_rows(list *to, int stage, int end, int height) {
    while (to->next[stage] * to->rows < end && to->next[stage] * to->rows < height) {
        int own = (to->next[stage] + 1) * to->rows;
        if (stage == BOX_STAGE) add_rows(to, BLUR_STAGE, own + 1, H);
        if (stage == HALF_STAGE) add_rows(to, BOX_STAGE, 2 * own, H);
        if (stage == JOIN_STAGE) add_rows(to, UP_STAGE, own + 1, H);
        add(to, stage);
    }
}

static void add_all(bn_task *tasks, int rows) {
    list to = {.end = tasks, .rows = rows};
    add_rows(&to, HALF_STAGE, HALF, HALF);
    add_rows(&to, BOX_STAGE, H, H); /* a last row that is odd */
    while (to.next[TOTAL_STAGE] < PARTS) add(&to, TOTAL_STAGE);
    add_rows(&to, JOIN_STAGE, H, H);
}

__attribute__((constructor)) static void list_all(void) {
    add_all(banded, BAND);
    add_all(single, 1);
}

static const uint8_t banded_rows[STAGES] = {BAND, BAND, BAND, 1, BAND, BAND}, single_rows[STAGES] = {1, 1, 1, 1, 1, 1};
static const bn_order banded_order = {TASKS_OF(BAND), banded, banded_rows}, single_order = {TASKS_OF(1), single, single_rows};

#define ROWS_3X3 .mul = 1, .add = -1, .div = 1, .step = 1, .count = 3, .edge = BN_EDGE_ZERO

static const bn_stage stages[] = {
    {.name = "blur", .kernel = blur_rows, .params = 0, .params_bytes = 4, .floats = 1, .constants = BLUR_CONSTANTS,
     .rows = H, .band = BAND, .inputs = 1, .outputs = 1, .input = {{.buffer = INPUT, ROWS_3X3}}, .output = {BLUR_MAP}},
    {.name = "box", .kernel = box_rows, .params = 4, .params_bytes = 24, .floats = 2, .words = 3, .bytes = 5,
     .constants = BOX_CONSTANTS, .rows = H, .band = BAND, .inputs = 1, .outputs = 1,
     .input = {{.buffer = BLUR_MAP, ROWS_3X3}}, .output = {BOX_MAP}},
    {.name = "half", .kernel = half_rows, .params = 28, .constants = MAPS, .rows = HALF, .band = BAND, .inputs = 1, .outputs = 2,
     .input = {{.buffer = BOX_MAP, .mul = 2, .add = 0, .div = 1, .step = 1, .count = 2, .edge = BN_EDGE_CLAMP}},
     .output = {MEAN_MAP, MOST_MAP}},
    {.name = "total", .kind = BN_WHOLE, .kernel = total_part, .params = 36, .params_bytes = 4, .floats = 1,
     .constants = TOTAL_CONSTANTS, .rows = PARTS, .band = 1, .inputs = 2, .outputs = 1,
     .input = {{.buffer = MOST_MAP}, {.buffer = INPUT}}, .output = {TOTAL_MAP}},
    {.name = "up", .kernel = up_rows, .params = 28, .constants = MAPS, .rows = H, .band = BAND, .inputs = 2, .outputs = 1,
     .input = {{.buffer = MEAN_MAP, .mul = 1, .add = 0, .div = 2, .step = 1, .count = 1, .edge = BN_EDGE_CLAMP},
               {.buffer = MEAN_MAP, .mul = 1, .add = -2, .div = 2, .step = 1, .count = 1, .edge = BN_EDGE_CLAMP,
                .odd = 2}},
     .output = {UP_MAP}},
    {.name = "join", .kernel = join_rows, .params = 28, .params_bytes = 8, .floats = 2, .constants = JOIN_CONSTANTS,
     .rows = H, .band = BAND, .inputs = 4, .outputs = 1,
     .input = {{.buffer = UP_MAP, ROWS_3X3},
               {.buffer = MOST_MAP, .mul = 1, .add = 0, .div = 2, .step = 1, .count = 1, .edge = BN_EDGE_CLAMP},
               {.buffer = BOX_MAP, .mul = 1, .add = 0, .div = 1, .step = 1, .count = 1, .edge = BN_EDGE_CLAMP},
               {.buffer = TOTAL_MAP, .mul = 0, .add = 0, .div = 1, .step = 1, .count = 1, .edge = BN_EDGE_CLAMP}},
     .output = {OUTPUT}},
};

/* Tests make it another model. */
#ifndef PLAN_TASK
#define PLAN_TASK BIISNET_TASK_DETECTION
#define PLAN_THRESHOLD 0.5f
#endif
#ifndef PLAN_SLOPE
#define PLAN_SLOPE 1
#define PLAN_OFFSET 0
#endif

static const bn_tensor input = {.name = "grey", .meaning = BIISNET_MEANING_IMAGE, .scale = 1, .rank = 4, .shape = {1, 1, H, W}};
static const bn_tensor output = {.name = "probability", .meaning = BIISNET_MEANING_PROBABILITY, .scale = 1, .rank = 4, .shape = {1, 1, H, W}};

const bn_plan biisnet_plan = {
    .version = BN_PLAN_VERSION,
    .zero_offset = 0,
    .zero_bytes = ROW,
    .params = (const uint8_t *)&params,
    .params_bytes = sizeof params,
    .inputs = 1, .outputs = 1, .buffers = BUFFERS, .stages = STAGES,
    .input = &input, .output = &output, .stage = stages,
    .layout = {
        [BN_STREAMING] = {.maps_bytes = ALONE, .buffer = streaming_buffers, .order = &banded_order},
        [BN_SHARING] = {.maps_bytes = TOGETHER, .buffer = sharing_buffers, .order = &single_order},
        [BN_PROBING] = {.maps_bytes = WHOLE, .buffer = probing_buffers, .order = &banded_order},
    },
    .model_name = "tiny \"box\"",
    .model_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    .task = PLAN_TASK,
    .threshold = PLAN_THRESHOLD,
    .score_slope = PLAN_SLOPE, .score_offset = PLAN_OFFSET,
    .field_radius = FIELD_RADIUS, .field_stride = FIELD_STRIDE,
};
