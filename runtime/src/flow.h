/* SPDX-License-Identifier: Apache-2.0 */
/* The run of a plan's tasks (plan.h), on any number of threads.
 *
 * One thread runs its layout's list from its first task to its last. Of several, each claims the first task of the list
 * that is ready:
 *   - the rows that it reads are finished, and
 *   - the slots that its rows go to hold no row that a task which has not finished reads, or still writes.
 * Tasks of one stage are claimed one after the other; several may be under way at once. So a row is computed once, by
 * the same call of the same kernel, whoever makes it: results do not depend on the number of threads.
 *
 * It never comes to a stand. What is ready stays ready: a map has one writer, and tasks that finish only free slots and
 * add rows. When no task is under way, all tasks before the first unclaimed one have finished, as they had when one
 * thread came to it; and that one thread finds every task of the list ready is what bn_flow_check() sees to.
 */
#ifndef BIISNET_FLOW_H
#define BIISNET_FLOW_H

#include "rows.h"
#include "threads.h"

/* How far a stage is: tasks claimed; those of them before which all have finished; and which have finished behind
 * these, bit 0 the next one. */
typedef struct {
    int32_t claimed, finished;
    uint64_t behind;
} bn_progress;

/* An operand that reads a buffer. */
typedef struct {
    uint16_t stage, input;
} bn_reader;

typedef struct {
    const bn_plan *plan;
    const bn_layout *layout;
    const uint8_t *constants; /* where the stages' are based */
    bn_addresses addresses;
    const bn_reader *reader;      /* of all buffers, one after the other */
    const int32_t *first_reader;  /* of each buffer; behind the last one, their number */
    bn_progress *progress;        /* of each stage */
    int32_t head;                 /* all tasks before this one are claimed */
} bn_flow;

/* All stages from the beginning; `only` >= 0: that one, as if the others had finished. */
void bn_flow_start(bn_flow *flow, int32_t only);

/* Whether a stage has a next task that may be claimed. */
bool bn_flow_ready(const bn_flow *flow, int32_t stage);

/* Claims it, and says that it has finished, for who computes nothing. */
void bn_flow_claim(bn_flow *flow, int32_t stage);
void bn_flow_finish(bn_flow *flow, bn_task task);

/* Whether the layout's list has each task once, each ready in its turn. It leaves the flow as if all had finished. */
bool bn_flow_check(bn_flow *flow);

/* All tasks since bn_flow_start(), on the members of a team. */
void bn_flow_run(bn_flow *flow, bn_team *team);

#endif
