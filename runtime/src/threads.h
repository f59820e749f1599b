/* SPDX-License-Identifier: Apache-2.0 */
/* A team of threads that runs one job at a time, all members on the same job, with a lock that they share.
 *
 * The caller is member 0. A team of one starts no thread and calls nothing of the threads library; it has no lock.
 */
#ifndef BIISNET_THREADS_H
#define BIISNET_THREADS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "biisnet.h"

/* Called once on each member, 0 .. members-1. */
typedef void (*bn_job)(void *context, int member);

/* Members that arrive wait until the last has; `generation` counts the releases. */
typedef struct {
    atomic_int parties, arrived;
    atomic_uint generation;
    pthread_mutex_t lock;
    pthread_cond_t released;
} bn_barrier;

/* A lock, and those who wait for news of what it guards; `news` counts them. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t told;
    atomic_uint news;
    int asleep;
} bn_monitor;

struct bn_team;
typedef struct {
    struct bn_team *team;
    int index;
    pthread_t thread;
} bn_member;

typedef struct bn_team {
    int members;
    bn_barrier barrier;
    bn_monitor monitor;
    bn_job job; /* NULL ends the threads; written only while all of them wait */
    void *context;
    bn_member member[BIISNET_MAX_THREADS];
} bn_team;

/* False when the system gives no thread; the team then holds nothing that needs bn_team_end(). */
bool bn_team_start(bn_team *team, int members);
/* Returns when all members have returned from the job. */
void bn_team_run(bn_team *team, bn_job job, void *context);

/* Inside a job of several members: the team's lock. Who holds it may wake the others, or wait, without it, until
 * another member does that. */
void bn_team_lock(bn_team *team);
void bn_team_unlock(bn_team *team);
void bn_team_wake(bn_team *team);
void bn_team_wait(bn_team *team);
void bn_team_end(bn_team *team);

#endif
