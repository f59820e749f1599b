/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the small plan's tasks in random orders, as many as there is time for, in both layouts of rings, on one thread
 * and on several: each order is one in which every task is ready in its turn, and gives the same result. Prints "ok". */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "instance.h"

enum { PIXELS = PLAN_HEIGHT * PLAN_WIDTH, ORDERS = 40, MOST_TASKS = 256, MOST_STAGES = 16 };

static bn_plan plan;
static bn_task task[MOST_TASKS];
static bn_order order;
static float grey[PIXELS], expected[PIXELS];
static uint32_t random_state = 1;

static uint32_t draw(uint32_t below) {
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

/* A list in which every task is any one that is ready. */
static void shuffle(bn_flow *flow) {
    bn_flow_start(flow, -1);
    for (int32_t i = 0; i < order.tasks; i++) {
        uint16_t ready[MOST_STAGES];
        uint32_t count = 0;
        for (int32_t k = 0; k < plan.stages; k++)
            if (bn_flow_ready(flow, k)) ready[count++] = (uint16_t)k;
        CHECK(count > 0); /* it never comes to a stand */
        uint16_t stage = ready[draw(count)];
        task[i] = (bn_task){.stage = stage, .number = (uint16_t)flow->progress[stage].claimed};
        bn_flow_claim(flow, stage);
        bn_flow_finish(flow, task[i]);
    }
}

static void run(biisnet_model *model, float *result) {
    const biisnet_input input = {.data = grey, .dtype = BIISNET_FLOAT32};
    const biisnet_output output = {result, BIISNET_FLOAT32};
    memset(result, 0, sizeof expected);
    CHECK(biisnet_run(model, &input, &output) == BIISNET_OK);
}

static void check_orders(int layout, int threads) {
    float result[PIXELS];
    void *arena = NULL;
    order = *biisnet_plan.layout[layout].order, order.task = task;
    CHECK(order.tasks <= MOST_TASKS);
    plan.layout[layout].order = &order;
    CHECK(posix_memalign(&arena, BIISNET_ALIGNMENT, (size_t)bn_arena_bytes(&plan, &plan.layout[layout])) == 0);
    biisnet_model *model = bn_instance_make(&plan, &plan.layout[layout], arena);
    CHECK(bn_team_start(&model->team, threads));
    model->process = threads > 1 ? getpid() : 0;
    int differing = 0;
    for (int i = 0; i < ORDERS; i++) {
        shuffle(&model->flow);
        differing += memcmp(task, biisnet_plan.layout[layout].order->task, (size_t)order.tasks * sizeof(bn_task)) != 0;
        CHECK(bn_flow_check(&model->flow));
        run(model, result);
        CHECK(memcmp(result, expected, sizeof result) == 0);
    }
    CHECK(differing > 0 || PIXELS < 16);
    biisnet_destroy(model);
    free(arena);
}

int main(int count, char **arguments) {
    alarm(120); /* instead of for ever */
    CHECK(biisnet_plan.stages <= MOST_STAGES);
    for (int i = 0; i < PIXELS; i++) grey[i] = (float)(i * 37 % 256 + 1);
    biisnet_model *model;
    CHECK(biisnet_create(&model, 1) == BIISNET_OK);
    run(model, expected);
    biisnet_destroy(model);
    plan = biisnet_plan;
    for (int threads = 1; threads <= 4; threads++)
        for (int layout = BN_STREAMING; layout <= BN_SHARING; layout++) check_orders(layout, threads);
    (void)count, (void)arguments;
    puts("ok");
    return 0;
}
