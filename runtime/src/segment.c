/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a segment: every stage's rows as late as the last stage's next row allows; or the parts of its one stage. */
#include "segment.h"

typedef struct {
    const bn_plan *plan;
    const bn_layout *layout;
    const bn_segment *segment;
    const uint8_t *constants;
    const bn_addresses *addresses;
    uint64_t ahead;                   /* this thread's private buffers from thread 0's */
    bn_range rows[BN_MAX_SEGMENT];    /* what is left to compute of each stage: from is its next row */
    int8_t producer[BN_MAX_SEGMENT][BN_MAX_INPUTS]; /* the segment's stage that writes an input; -1: none */
} walk;

static int find_producer(const walk *w, int32_t buffer) {
    int32_t k = w->addresses->writer[buffer];
    return w->segment->first <= k && k < w->segment->last ? k - w->segment->first : -1;
}

static void find_producers(walk *w) {
    for (int32_t k = w->segment->first; k < w->segment->last; k++)
        for (int32_t i = 0; i < w->plan->stage[k].inputs; i++)
            w->producer[k - w->segment->first][i] = (int8_t)find_producer(w, w->plan->stage[k].input[i].buffer);
}

static bn_range needed(const walk *w, const bn_operand *operand, bn_range rows) {
    return bn_needed_rows(operand, rows, w->layout->buffer[operand->buffer].rows);
}

/* The rows, or parts, of a stage that are a member's. */
static bn_range stripe(const bn_stage *stage, int64_t member, int64_t members) {
    return (bn_range){stage->rows * member / members, stage->rows * (member + 1) / members};
}

/* rows[]: of each stage those that stripe `member` of the last one needs. */
static void find_rows(walk *w, int member, int members) {
    int stages = w->segment->last - w->segment->first;
    for (int k = 0; k < stages; k++) w->rows[k] = (bn_range){INT64_MAX, INT64_MIN};
    w->rows[stages - 1] = stripe(&w->plan->stage[w->segment->last - 1], member, members);
    for (int k = stages - 1; k >= 0; k--) {
        const bn_stage *stage = &w->plan->stage[w->segment->first + k];
        if (w->rows[k].from >= w->rows[k].to) continue;
        for (int32_t i = 0; i < stage->inputs; i++) {
            int p = w->producer[k][i];
            if (p < 0) continue;
            bn_range n = needed(w, &stage->input[i], w->rows[k]);
            if (n.from < w->rows[p].from) w->rows[p].from = n.from;
            if (n.to > w->rows[p].to) w->rows[p].to = n.to;
        }
    }
}

/* A map that is read outside of the segment has no halo (the compiler saw to that), but a row of it that no later
 * stage of the segment needs, at its bottom, still has to be computed: by the last stripe. */
static void add_bottom(walk *w) {
    for (int k = 0; k < w->segment->last - w->segment->first; k++) {
        const bn_stage *stage = &w->plan->stage[w->segment->first + k];
        int whole = 0;
        for (int32_t i = 0; i < stage->outputs; i++)
            whole |= w->layout->buffer[stage->output[i]].external != BN_PRIVATE;
        if (whole && w->rows[k].from < w->rows[k].to) w->rows[k].to = stage->rows;
    }
}

/* The next rows of a stage: up to where its map's bands are cut, whatever the stripe, so that a ring needs no more
 * slots in one stripe than in another. */
static bn_range next_band(const walk *w, const bn_stage *stage, int k) {
    bn_range rows = w->rows[k];
    int64_t cut = stage->band > 1 ? rows.from - (int32_t)rows.from % stage->band + stage->band : rows.from + 1;
    if (cut < rows.to) rows.to = cut;
    return rows;
}

static void run_next(walk *w, int k) {
    const bn_stage *stage = &w->plan->stage[w->segment->first + k];
    bn_range rows = next_band(w, stage, k);
    for (int32_t i = 0; i < stage->inputs; i++) {
        int p = w->producer[k][i];
        if (p < 0) continue;
        const bn_operand *operand = &stage->input[i];
        int64_t to = bn_end_of_rows(operand, rows, w->layout->buffer[operand->buffer].rows);
        while (w->rows[p].from < to) run_next(w, p);
    }
    bn_run_rows(w->layout, stage, w->constants + stage->constants, w->addresses, w->ahead, rows);
    w->rows[k].from = rows.to;
}

static void run_parts(const bn_stage *stage, const uint8_t *constants, const bn_addresses *addresses, int member,
                      int members) {
    bn_range parts = stripe(stage, member, members);
    for (int64_t part = parts.from; part < parts.to; part++)
        bn_run_part(stage, constants + stage->constants, addresses, (int32_t)part);
}

void bn_run_segment(const bn_plan *plan, const bn_layout *layout, const bn_segment *segment, const uint8_t *constants,
                    const bn_addresses *addresses, int member, int members) {
    if (plan->stage[segment->first].kind == BN_WHOLE) { /* it is a segment of its own */
        run_parts(&plan->stage[segment->first], constants, addresses, member, members);
        return;
    }
    walk w = {.plan = plan, .layout = layout, .segment = segment, .constants = constants, .addresses = addresses,
              .ahead = (uint64_t)member * layout->private_bytes};
    find_producers(&w);
    find_rows(&w, member, members);
    if (member == members - 1) add_bottom(&w);
    int stages = segment->last - segment->first;
    while (w.rows[stages - 1].from < w.rows[stages - 1].to) run_next(&w, stages - 1);
    /* what the last stage did not ask for */
    for (int k = 0; k < stages - 1; k++)
        while (w.rows[k].from < w.rows[k].to) run_next(&w, k);
}
