/* SPDX-License-Identifier: Apache-2.0 */
#include "flow.h"

#include <string.h>

/* Tasks of the list that are looked at, from the first unclaimed one: rings hold no more ahead of it. */
enum { WINDOW = 256 };

/* Tasks of a stage that may be under way at once: the bits of bn_progress.behind. */
enum { UNDER_WAY = 64 };

/* The rows of a stage's task, but for its last. */
static int32_t task_rows(const bn_flow *flow, int32_t k) { return flow->layout->order->rows[k]; }

static int32_t task_count(const bn_flow *flow, int32_t k) { return (flow->plan->stage[k].rows - 1) / task_rows(flow, k) + 1; }

static bn_range rows_of(const bn_flow *flow, int32_t k, int64_t number) {
    int64_t rows = flow->plan->stage[k].rows, from = number * task_rows(flow, k), to = from + task_rows(flow, k);
    return (bn_range){from, to < rows ? to : rows};
}

/* Rows of a map that are there, from its first on. A map that has no rows to its writer is there at once. */
static int64_t finished_rows(const bn_flow *flow, int32_t buffer) {
    int32_t writer = flow->addresses.writer[buffer];
    if (writer < 0) return INT64_MAX; /* it is the caller's */
    const bn_stage *stage = &flow->plan->stage[writer];
    int32_t finished = flow->progress[writer].finished;
    if (finished == task_count(flow, writer)) return INT64_MAX;
    return stage->kind == BN_WHOLE ? 0 : (int64_t)finished * task_rows(flow, writer);
}

static bool has_inputs(const bn_flow *flow, const bn_stage *stage, bn_range rows) {
    for (int32_t i = 0; i < stage->inputs; i++) {
        const bn_operand *operand = &stage->input[i];
        int64_t height = flow->layout->buffer[operand->buffer].rows, there = finished_rows(flow, operand->buffer);
        if (there < (stage->kind == BN_WHOLE ? height : bn_end_of_rows(operand, rows, height))) return false;
    }
    return true;
}

/* The first row of a map that one of its readers has yet to read, at most `oldest`. */
static int64_t oldest_row_of(const bn_flow *flow, int32_t buffer, int64_t oldest) {
    for (int32_t i = flow->first_reader[buffer]; i < flow->first_reader[buffer + 1]; i++) {
        const bn_reader *reader = &flow->reader[i];
        const bn_stage *stage = &flow->plan->stage[reader->stage];
        int32_t finished = flow->progress[reader->stage].finished;
        if (finished == task_count(flow, reader->stage)) continue;
        if (stage->kind == BN_WHOLE) return 0;
        bn_range left = {(int64_t)finished * task_rows(flow, reader->stage), stage->rows};
        int64_t first = bn_first_of_rows(&stage->input[reader->input], left, flow->layout->buffer[buffer].rows);
        if (first < oldest) oldest = first;
    }
    return oldest;
}

/* The same with the maps that take its place: their rows are in its slots. */
static int64_t oldest_row(const bn_flow *flow, int32_t buffer) {
    int64_t oldest = oldest_row_of(flow, buffer, finished_rows(flow, buffer));
    for (int32_t next = buffer; (next = flow->layout->buffer[next].successor);) oldest = oldest_row_of(flow, next, oldest);
    return oldest;
}

static bool has_slots(const bn_flow *flow, const bn_stage *stage, bn_range rows) {
    for (int32_t i = 0; i < stage->outputs; i++) {
        const bn_buffer *buffer = &flow->layout->buffer[stage->output[i]];
        if (buffer->slots < buffer->rows && rows.to - oldest_row(flow, stage->output[i]) > buffer->slots) return false;
    }
    return true;
}

bool bn_flow_ready(const bn_flow *flow, int32_t k) {
    const bn_stage *stage = &flow->plan->stage[k];
    const bn_progress *progress = &flow->progress[k];
    if (progress->claimed == task_count(flow, k) || progress->claimed - progress->finished == UNDER_WAY) return false;
    bn_range rows = rows_of(flow, k, progress->claimed);
    return has_inputs(flow, stage, rows) && has_slots(flow, stage, rows);
}

void bn_flow_claim(bn_flow *flow, int32_t stage) { flow->progress[stage].claimed++; }

void bn_flow_finish(bn_flow *flow, bn_task task) {
    bn_progress *progress = &flow->progress[task.stage];
    progress->behind |= UINT64_C(1) << (task.number - progress->finished);
    for (; progress->behind & 1; progress->behind >>= 1) progress->finished++;
}

void bn_flow_start(bn_flow *flow, int32_t only) {
    flow->head = 0;
    for (int32_t k = 0; k < flow->plan->stages; k++) {
        int32_t done = only < 0 || only == k ? 0 : task_count(flow, k);
        flow->progress[k] = (bn_progress){.claimed = done, .finished = done};
    }
}

bool bn_flow_check(bn_flow *flow) {
    const bn_order *order = flow->layout->order;
    bn_flow_start(flow, -1);
    for (int32_t i = 0; i < order->tasks; i++) {
        bn_task task = order->task[i];
        if (task.stage >= flow->plan->stages || task.number != flow->progress[task.stage].claimed) return false;
        if (!bn_flow_ready(flow, task.stage)) return false;
        bn_flow_claim(flow, task.stage);
        bn_flow_finish(flow, task);
    }
    for (int32_t k = 0; k < flow->plan->stages; k++)
        if (flow->progress[k].finished != task_count(flow, k)) return false;
    return true;
}

static void run_task(const bn_flow *flow, bn_task task) {
    const bn_stage *stage = &flow->plan->stage[task.stage];
    const uint8_t *constants = flow->constants + stage->constants;
    if (stage->kind == BN_WHOLE)
        bn_run_part(stage, constants, &flow->addresses, task.number);
    else
        bn_run_rows(flow->layout, stage, constants, &flow->addresses, rows_of(flow, task.stage, task.number));
}

static bool is_claimed(const bn_flow *flow, bn_task task) { return task.number < flow->progress[task.stage].claimed; }

/* The first task of the list that is ready; false: none is. A stage whose next task is not is passed over with all
 * that come behind it. */
static bool find_task(bn_flow *flow, bn_task *found) {
    const bn_order *order = flow->layout->order;
    while (flow->head < order->tasks && is_claimed(flow, order->task[flow->head])) flow->head++;
    for (int32_t i = flow->head; i < order->tasks && i - flow->head < WINDOW; i++) {
        bn_task task = order->task[i];
        if (task.number != flow->progress[task.stage].claimed || !bn_flow_ready(flow, task.stage)) continue;
        *found = task;
        return true;
    }
    return false;
}

typedef struct {
    bn_flow *flow;
    bn_team *team;
} job;

static void run_claimed(void *context, int member) {
    const job *work = context;
    bn_flow *flow = work->flow;
    bn_task task;
    (void)member;
    bn_team_lock(work->team);
    for (;;) {
        if (find_task(flow, &task)) {
            bn_flow_claim(flow, task.stage);
            bn_team_unlock(work->team);
            run_task(flow, task);
            bn_team_lock(work->team);
            bn_flow_finish(flow, task);
            bn_team_wake(work->team);
        } else if (flow->head < flow->layout->order->tasks) {
            bn_team_wait(work->team); /* for another member's task */
        } else {
            break;
        }
    }
    bn_team_unlock(work->team);
}

void bn_flow_run(bn_flow *flow, bn_team *team) {
    if (team->members == 1) {
        const bn_order *order = flow->layout->order;
        for (int32_t i = 0; i < order->tasks; i++)
            if (!is_claimed(flow, order->task[i])) run_task(flow, order->task[i]);
        return;
    }
    job work = {.flow = flow, .team = team};
    bn_team_run(team, run_claimed, &work);
}
