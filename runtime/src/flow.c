/* SPDX-License-Identifier: Apache-2.0 */
#include "flow.h"

#include <string.h>

/* Tasks of the list that are looked at, from the first unclaimed one: rings hold no more ahead of it. */
enum { WINDOW = 256 };

/* Bands of a stage that may be under way at once: the bits of bn_progress.behind. */
enum { UNDER_WAY = 64 };

int32_t bn_task_count(const bn_stage *stage) { return (stage->rows - 1) / stage->band + 1; }

static bn_range rows_of(const bn_stage *stage, int64_t band) {
    int64_t from = band * stage->band, to = from + stage->band;
    return (bn_range){from, to < stage->rows ? to : stage->rows};
}

/* Rows of a map that are there, from its first on. A map that has no rows to its writer is there at once. */
static int64_t finished_rows(const bn_flow *flow, int32_t buffer) {
    int32_t writer = flow->addresses.writer[buffer];
    if (writer < 0) return INT64_MAX; /* it is the caller's */
    const bn_stage *stage = &flow->plan->stage[writer];
    int32_t finished = flow->progress[writer].finished;
    if (finished == bn_task_count(stage)) return INT64_MAX;
    return stage->kind == BN_WHOLE ? 0 : (int64_t)finished * stage->band;
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
        if (finished == bn_task_count(stage)) continue;
        if (stage->kind == BN_WHOLE) return 0;
        bn_range left = {(int64_t)finished * stage->band, stage->rows};
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
    if (progress->claimed == bn_task_count(stage) || progress->claimed - progress->finished == UNDER_WAY) return false;
    bn_range rows = rows_of(stage, progress->claimed);
    return has_inputs(flow, stage, rows) && has_slots(flow, stage, rows);
}

void bn_flow_claim(bn_flow *flow, int32_t stage) { flow->progress[stage].claimed++; }

void bn_flow_finish(bn_flow *flow, bn_task task) {
    bn_progress *progress = &flow->progress[task.stage];
    progress->behind |= UINT64_C(1) << (task.band - progress->finished);
    for (; progress->behind & 1; progress->behind >>= 1) progress->finished++;
}

void bn_flow_start(bn_flow *flow, int32_t only) {
    flow->head = 0;
    for (int32_t k = 0; k < flow->plan->stages; k++) {
        int32_t done = only < 0 || only == k ? 0 : bn_task_count(&flow->plan->stage[k]);
        flow->progress[k] = (bn_progress){.claimed = done, .finished = done};
    }
}

bool bn_flow_check(bn_flow *flow) {
    bn_flow_start(flow, -1);
    for (int32_t i = 0; i < flow->plan->tasks; i++) {
        bn_task task = flow->plan->order[i];
        if (task.stage >= flow->plan->stages || task.band != flow->progress[task.stage].claimed) return false;
        if (!bn_flow_ready(flow, task.stage)) return false;
        bn_flow_claim(flow, task.stage);
        bn_flow_finish(flow, task);
    }
    for (int32_t k = 0; k < flow->plan->stages; k++)
        if (flow->progress[k].finished != bn_task_count(&flow->plan->stage[k])) return false;
    return true;
}

static void run_task(const bn_flow *flow, bn_task task) {
    const bn_stage *stage = &flow->plan->stage[task.stage];
    const uint8_t *constants = flow->constants + stage->constants;
    if (stage->kind == BN_WHOLE)
        bn_run_part(stage, constants, &flow->addresses, task.band);
    else
        bn_run_rows(flow->layout, stage, constants, &flow->addresses, rows_of(stage, task.band));
}

static bool is_claimed(const bn_flow *flow, bn_task task) { return task.band < flow->progress[task.stage].claimed; }

/* The first task of the list that is ready; false: none is. A stage whose next task is not is passed over with all
 * that come behind it. */
static bool find_task(bn_flow *flow, bn_task *found) {
    const bn_task *order = flow->plan->order;
    int32_t tasks = flow->plan->tasks;
    while (flow->head < tasks && is_claimed(flow, order[flow->head])) flow->head++;
    for (int32_t i = flow->head; i < tasks && i - flow->head < WINDOW; i++) {
        if (order[i].band != flow->progress[order[i].stage].claimed || !bn_flow_ready(flow, order[i].stage)) continue;
        *found = order[i];
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
        } else if (flow->head < flow->plan->tasks) {
            bn_team_wait(work->team); /* for another member's task */
        } else {
            break;
        }
    }
    bn_team_unlock(work->team);
}

void bn_flow_run(bn_flow *flow, bn_team *team) {
    if (team->members == 1) {
        for (int32_t i = 0; i < flow->plan->tasks; i++)
            if (!is_claimed(flow, flow->plan->order[i])) run_task(flow, flow->plan->order[i]);
        return;
    }
    job work = {.flow = flow, .team = team};
    bn_team_run(team, run_claimed, &work);
}
