/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks the small plan in every way that the check has to notice; each line of `broken` is one. Prints "ok". */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instance.h"
#include "plan.h"
#include "plan_check.h"

enum { STAGES = 6, BUFFERS = 8, MOST_TASKS = 128 };
enum { INPUT, BLUR_MAP, BOX_MAP, MEAN_MAP, MOST_MAP, TOTAL_MAP, UP_MAP, OUTPUT };
enum { BLUR_STAGE = 0, BOX_STAGE = 1, HALF_STAGE = 2, TOTAL_STAGE = 3, UP_STAGE = 4, JOIN_STAGE = 5 };

/* A copy of the plan that may be changed. */
static bn_plan plan;
static bn_stage stage[STAGES];
static bn_tensor input, output;
static bn_task task[MOST_TASKS];
static uint8_t rows[STAGES];
static bn_order order;
static bn_buffer buffer[BN_LAYOUTS][BUFFERS];
static bn_layout *const fast = &plan.layout[BN_STREAMING], *const sharing = &plan.layout[BN_SHARING],
                 *const probing = &plan.layout[BN_PROBING];

static void copy(void) {
    plan = biisnet_plan;
    memcpy(stage, biisnet_plan.stage, sizeof stage);
    input = *biisnet_plan.input;
    output = *biisnet_plan.output;
    plan.stage = stage;
    plan.input = &input;
    plan.output = &output;
    order = *biisnet_plan.layout[BN_STREAMING].order;
    memcpy(task, order.task, (size_t)order.tasks * sizeof(bn_task));
    memcpy(rows, order.rows, sizeof rows);
    order.task = task, order.rows = rows;
    for (int i = 0; i < BN_LAYOUTS; i++) {
        memcpy(buffer[i], biisnet_plan.layout[i].buffer, sizeof buffer[i]);
        plan.layout[i].buffer = buffer[i];
        if (i != BN_SHARING) plan.layout[i].order = &order;
    }
}

/* A map's place is another's from then on, in each layout; that one lies there. */
static void succeed(int map, int32_t next) {
    for (int i = 0; i < BN_LAYOUTS; i++) buffer[i][map].successor = next;
}

static void move(int map, int where) {
    for (int i = 0; i < BN_LAYOUTS; i++) buffer[i][map].offset = buffer[i][where].offset;
}

/* As when an instance is made, in each layout. */
static bool is_accepted(void) {
    if (!bn_plan_check(&plan)) return false;
    bool good = true;
    for (int i = 0; i < BN_LAYOUTS; i++) {
        void *arena = NULL;
        if (posix_memalign(&arena, BIISNET_ALIGNMENT, (size_t)bn_arena_bytes(&plan, &plan.layout[i])) != 0) exit(3);
        good &= bn_flow_check(&bn_instance_make(&plan, &plan.layout[i], arena)->flow);
        free(arena);
    }
    return good;
}

/* The task of a stage in the list, by its number. */
static int task_of(int stage_index, int number) {
    for (int i = 0; i < order.tasks; i++)
        if (task[i].stage == stage_index && task[i].number == number) return i;
    exit(4);
}

static void swap(int a, int b) {
    bn_task kept = task[a];
    task[a] = task[b], task[b] = kept;
}

static int failures;

#define BREAK(...)                                                  \
    do {                                                            \
        copy();                                                     \
        __VA_ARGS__;                                                \
        if (is_accepted()) failures++, puts(#__VA_ARGS__);   \
    } while (0)

static void break_plan(void) {
    BREAK(plan.version++);
    BREAK(plan.model_name = NULL);
    BREAK(plan.model_sha256 = NULL);
    BREAK(plan.model_sha256 = plan.model_sha256 + 1);
    BREAK(plan.model_sha256 = "0123456789abcdeF0123456789abcdef0123456789abcdef0123456789abcdef");
    BREAK(plan.task = BIISNET_TASK_CLASSIFICATION + 1);
    BREAK(plan.task = BIISNET_TASK_SEGMENTATION); /* which has no threshold */
    BREAK(plan.threshold = 1.5f);
    BREAK(plan.threshold = -0.5f);
    BREAK(plan.score_slope = 0);
    BREAK(plan.score_slope = -1);
    BREAK(plan.score_slope = HUGE_VAL);
    BREAK(plan.score_slope = NAN);
    BREAK(plan.score_offset = -HUGE_VAL);
    BREAK(plan.score_offset = NAN);
    BREAK(plan.task = BIISNET_TASK_MAP, plan.threshold = 0, plan.score_slope = 0.5); /* which has no scores */
    BREAK(plan.task = BIISNET_TASK_MAP, plan.threshold = 0, plan.score_offset = 1);
    /* A detection is of a plane into one of its size. */
    BREAK(plan.field_stride = 0, output.shape[2] *= 2, output.shape[3] = 1);
    /* Another type is another map; of integers a probability has a scale, and only they are logits. */
    BREAK(output.dtype = BIISNET_UINT8, output.scale = 0.00390625);
    BREAK(output.dtype = BIISNET_INT16 + 1);
    BREAK(output.scale = 0.5);
    BREAK(output.meaning = BIISNET_MEANING_LOGIT);
    BREAK(output.meaning = BIISNET_MEANING_MAP);
    BREAK(input.dtype = BIISNET_UINT8, input.shape[3] *= 4);
    BREAK(input.dtype = BIISNET_INT16, input.shape[3] *= 2);
    BREAK(input.meaning = BIISNET_MEANING_LOGIT + 1);
    BREAK(plan.field_radius = -1);
    BREAK(plan.field_stride = -1);
    /* Of another height than the input, of two planes, or of none; a stride says that it can work in tiles. */
    BREAK(output.shape[2] *= 2, output.shape[3] = 1);
    BREAK(output.shape[1] = 2);
    BREAK(input.rank = 1, input.shape[0] = PLAN_HEIGHT * PLAN_WIDTH);
    BREAK(plan.zero_offset = 32);
    BREAK(plan.zero_offset = fast->maps_bytes);
    BREAK(plan.zero_bytes = PLAN_WIDTH * 4 - 1);
    BREAK(plan.params = NULL);
    BREAK(plan.params++);
    BREAK(plan.inputs = 0);
    BREAK(plan.outputs = BN_MAX_OUTPUTS + 1);
    BREAK(plan.stages = 0);
    BREAK(plan.buffers = 0);
    BREAK(input.shape[3] = 0);
    BREAK(input.shape[3] = INT64_MAX);
    BREAK(output.shape[3]++);
    BREAK(output.rank = BN_MAX_RANK + 1);
}

static void break_buffers(void) {
    /* Of a map that takes another's place: none, the user's, one that lies elsewhere, or has other rows; one that is
     * written by the same stage, or before; and one whose stage is not the only one that reads the other map. */
    BREAK(succeed(BOX_MAP, -1));
    BREAK(succeed(BOX_MAP, BUFFERS));
    BREAK(succeed(UP_MAP, OUTPUT));
    BREAK(succeed(UP_MAP, BLUR_MAP), move(BLUR_MAP, UP_MAP));
    BREAK(succeed(BLUR_MAP, UP_MAP));
    BREAK(succeed(BLUR_MAP, UP_MAP), move(UP_MAP, BLUR_MAP));
    BREAK(succeed(MEAN_MAP, MOST_MAP), move(MOST_MAP, MEAN_MAP));
    BREAK(buffer[BN_STREAMING][BOX_MAP].slots--); /* of a map that join reads when all of it is there */
    BREAK(buffer[BN_STREAMING][BLUR_MAP].slots--); /* just enough */
    BREAK(buffer[BN_SHARING][BLUR_MAP].slots = buffer[BN_STREAMING][BLUR_MAP].slots - 1);
    BREAK(buffer[BN_STREAMING][BLUR_MAP].slots = 1);
    BREAK(buffer[BN_STREAMING][UP_MAP].slots--);
    BREAK(buffer[BN_STREAMING][MOST_MAP].slots--); /* total reads all of it */
    BREAK(buffer[BN_SHARING][MOST_MAP].slots = 1);
    BREAK(buffer[BN_PROBING][BLUR_MAP].slots = 3);
    BREAK(buffer[BN_STREAMING][BLUR_MAP].slots = 0);
    BREAK(buffer[BN_STREAMING][BLUR_MAP].slots = PLAN_HEIGHT + 1);
    BREAK(buffer[BN_STREAMING][INPUT].slots--);
    BREAK(buffer[BN_STREAMING][OUTPUT].slots--);
    BREAK(buffer[BN_STREAMING][UP_MAP].offset += 64);
    BREAK(buffer[BN_STREAMING][BLUR_MAP].offset = UINT64_MAX - 63);
    BREAK(buffer[BN_STREAMING][BLUR_MAP].offset = 4);
    BREAK(buffer[BN_SHARING][UP_MAP].offset += 64);
    BREAK(buffer[BN_PROBING][UP_MAP].offset += 64);
    BREAK(buffer[BN_STREAMING][BLUR_MAP].external = -2);
    BREAK(buffer[BN_STREAMING][INPUT].external = 1);
    BREAK(buffer[BN_STREAMING][OUTPUT].external = 1);
    BREAK(buffer[BN_STREAMING][BOX_MAP].row_bytes = 0);
    BREAK(buffer[BN_STREAMING][BOX_MAP].rows = 0);
    /* The layouts hold the same maps. */
    BREAK(buffer[BN_PROBING][BLUR_MAP].rows--, buffer[BN_PROBING][BLUR_MAP].slots--);
    BREAK(buffer[BN_PROBING][BLUR_MAP].row_bytes -= 4);
    BREAK(buffer[BN_PROBING][UP_MAP] = buffer[BN_PROBING][OUTPUT]);
}

static void break_stages(void) {
    BREAK(stage[0].kernel = NULL);
    BREAK(stage[0].name = NULL);
    BREAK(stage[0].rows--);
    BREAK(stage[0].band = 0);
    BREAK(stage[0].band = BN_MAX_BAND + 1);
    BREAK(stage[TOTAL_STAGE].band = 2);
    BREAK(stage[0].inputs = BN_MAX_INPUTS + 1);
    BREAK(stage[0].outputs = 0);
    BREAK(stage[0].output[0] = BUFFERS);
    BREAK(stage[BOX_STAGE].floats++);
    BREAK(stage[BOX_STAGE].words += 2);
    BREAK(stage[BOX_STAGE].bytes += 4);
    BREAK(stage[BOX_STAGE].params = plan.params_bytes - 20);
    BREAK(stage[BOX_STAGE].constants += 4);
    BREAK(stage[BOX_STAGE].constants = fast->maps_bytes - 64);
    BREAK(stage[BOX_STAGE].constants = UINT64_MAX - 63);
    BREAK(stage[0].input[0].buffer = -1);
    BREAK(stage[0].input[0].buffer = BUFFERS);
    BREAK(stage[0].input[0].div = 0);
    BREAK(stage[0].input[0].count = 0);
    BREAK(stage[0].input[0].count = BN_MAX_ROWS + 1);
    BREAK(stage[JOIN_STAGE].input[0].count = stage[JOIN_STAGE].input[1].count = BN_MAX_ROWS / 2);
    BREAK(stage[0].input[0].edge = 2);
    /* Later rows read later rows. */
    BREAK(stage[0].input[0].mul = -1);
    BREAK(stage[0].input[0].step = -1);
    /* A stage of whole maps has no rows to read, writes what all threads share, and is of one or more parts. */
    BREAK(stage[TOTAL_STAGE].kind = BN_WHOLE + 1);
    BREAK(stage[TOTAL_STAGE].kind = BN_ROWS);
    BREAK(stage[TOTAL_STAGE].rows = 0);
    BREAK(stage[TOTAL_STAGE].input[0].buffer = BUFFERS);
    BREAK(stage[TOTAL_STAGE].input[1].buffer = UP_MAP);
    BREAK(stage[TOTAL_STAGE].output[0] = -1);
    BREAK(stage[TOTAL_STAGE].input[0].mul = 1);
    BREAK(stage[TOTAL_STAGE].input[0].count = 1);
    BREAK(stage[TOTAL_STAGE].input[0].odd = 1);
    BREAK(stage[BOX_STAGE].kind = BN_WHOLE, stage[BOX_STAGE].input[0] = (bn_operand){.buffer = BLUR_MAP});
    BREAK(stage[BLUR_STAGE].kind = BN_WHOLE, stage[BLUR_STAGE].input[0] = (bn_operand){.buffer = INPUT});
    /* More rows than the list can count, and than it has. */
    BREAK(stage[TOTAL_STAGE].rows = BN_MAX_TASKS + 1);
    BREAK(stage[TOTAL_STAGE].rows++);
    BREAK(stage[TOTAL_STAGE].rows--);
    /* Maps are written by one stage, before they are read. */
    BREAK(stage[0].input[0].buffer = BLUR_MAP);
    BREAK(stage[BOX_STAGE].input[0].buffer = BOX_MAP);
    BREAK(stage[BOX_STAGE].input[0].buffer = UP_MAP);
    BREAK(stage[UP_STAGE].output[0] = BLUR_MAP);
    BREAK(stage[HALF_STAGE].output[1] = MEAN_MAP);
}

static void break_layouts(void) {
    BREAK(fast->maps_bytes = 0);
    BREAK(fast->maps_bytes -= 64);
    BREAK(fast->maps_bytes += 4);
    BREAK(fast->maps_bytes = UINT64_MAX - 63);
    BREAK(sharing->maps_bytes -= 64);
    BREAK(probing->maps_bytes -= 64);
}

static void break_order(void) {
    BREAK(fast->order = NULL);
    BREAK(sharing->order = NULL);
    BREAK(order.task = NULL);
    BREAK(order.rows = NULL);
    BREAK(order.tasks = 0);
    BREAK(order.tasks = -1);
    BREAK(order.tasks--);
    BREAK(task[order.tasks] = task[order.tasks - 1], order.tasks++); /* twice */
    BREAK(rows[0] = 0);
    BREAK(rows[0] = BN_MAX_BAND + 1);
    BREAK(rows[TOTAL_STAGE] = 2);
    BREAK(stage[0].band = 3, rows[0] = 2); /* a task would cross a multiple of the band */
    BREAK(task[0].stage = STAGES);
    BREAK(task[0].stage = UINT16_MAX);
    BREAK(task[0].number = 1);
    BREAK(task[1] = task[0]);
    BREAK(swap(task_of(BLUR_STAGE, 0), task_of(BLUR_STAGE, 1)));
    BREAK(swap(task_of(BLUR_STAGE, 1), task_of(BOX_STAGE, 0))); /* before its rows are there */
    BREAK(swap(task_of(HALF_STAGE, 0), task_of(TOTAL_STAGE, 0)));
    BREAK(swap(task_of(TOTAL_STAGE, 3), task_of(JOIN_STAGE, 0)));
    BREAK(stage[JOIN_STAGE].input[3].buffer = UP_MAP, stage[JOIN_STAGE].input[3].add = PLAN_HEIGHT); /* all of a ring */
}

int main(void) {
    copy();
    if (!is_accepted()) failures++, puts("the plan itself is refused");
    break_plan();
    break_buffers();
    break_stages();
    break_layouts();
    break_order();
    if (!failures) puts("ok");
    return failures != 0;
}
