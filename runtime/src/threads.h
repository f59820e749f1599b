/* SPDX-License-Identifier: Apache-2.0 */
/* A team of threads that runs one task at a time, all members on the same task, with a barrier inside.
 *
 * The caller is member 0. A team of one starts no thread and calls nothing of the threads library; its barrier is a
 * comparison.
 */
#ifndef BIISNET_THREADS_H
#define BIISNET_THREADS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "biisnet.h"

/* Called once on each member, 0 .. members-1. */
typedef void (*bn_task)(void *context, int member);

/* Members that arrive wait until the last has; `generation` counts the releases. */
typedef struct {
    atomic_int parties, arrived;
    atomic_uint generation;
    pthread_mutex_t lock;
    pthread_cond_t released;
} bn_barrier;

struct bn_team;
typedef struct {
    struct bn_team *team;
    int index;
    pthread_t thread;
} bn_member;

typedef struct bn_team {
    int members;
    bn_barrier barrier;
    bn_task task; /* NULL ends the threads; written only while all of them wait */
    void *context;
    bn_member member[BIISNET_MAX_THREADS];
} bn_team;

/* False when the system gives no thread; the team then holds nothing that needs bn_team_end(). */
bool bn_team_start(bn_team *team, int members);
void bn_team_run(bn_team *team, bn_task task, void *context);
/* Inside a task: returns when every member has called it; writes before it are seen after it. */
void bn_team_barrier(bn_team *team);
void bn_team_end(bn_team *team);

#endif
