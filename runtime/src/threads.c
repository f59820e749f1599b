/* SPDX-License-Identifier: Apache-2.0 */
/* The team of threads; see threads.h. Only what glibc 2.28 and musl have: mutex, condition, C11 atomics. */
#define _POSIX_C_SOURCE 200809L
#include "threads.h"

#include <signal.h>

/* A band takes microseconds, less than a sleep and a wake-up cost; a core that is kept busy by somebody else must not be
 * waited for longer. */
enum { SPINS = 2000 };

/* Row kernels keep little on the stack; musl's default of 128 KiB would do, glibc's 8 MiB is address space. */
enum { STACK_BYTES = 512 * 1024 };

static void relax(void) {
#if defined(__aarch64__)
    __asm__ volatile("yield");
#elif defined(__x86_64__)
    __asm__ volatile("pause");
#endif
}

static bool lock_init(pthread_mutex_t *lock, pthread_cond_t *condition) {
    if (pthread_mutex_init(lock, NULL) != 0) return false;
    if (pthread_cond_init(condition, NULL) == 0) return true;
    pthread_mutex_destroy(lock);
    return false;
}

static void lock_end(pthread_mutex_t *lock, pthread_cond_t *condition) {
    pthread_cond_destroy(condition);
    pthread_mutex_destroy(lock);
}

static bool meeting_init(bn_team *team) {
    bn_barrier *barrier = &team->barrier;
    bn_monitor *monitor = &team->monitor;
    atomic_init(&barrier->parties, team->members);
    atomic_init(&barrier->arrived, 0);
    atomic_init(&barrier->generation, 0);
    atomic_init(&monitor->news, 0);
    monitor->asleep = 0;
    if (!lock_init(&barrier->lock, &barrier->released)) return false;
    if (lock_init(&monitor->lock, &monitor->told)) return true;
    lock_end(&barrier->lock, &barrier->released);
    return false;
}

static void meeting_end(bn_team *team) {
    lock_end(&team->monitor.lock, &team->monitor.told);
    lock_end(&team->barrier.lock, &team->barrier.released);
}

/* Whether a counter changes soon. */
static bool changes(const atomic_uint *counter, unsigned seen) {
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(counter, memory_order_acquire) != seen) return true;
        relax();
    }
    return false;
}

static void barrier_wait(bn_barrier *barrier) {
    /* Read before arriving: it cannot change until all have arrived. */
    unsigned generation = atomic_load(&barrier->generation);
    int before = atomic_fetch_add(&barrier->arrived, 1);
    if (before == atomic_load(&barrier->parties) - 1) { /* read after arriving: see end_threads */
        atomic_store(&barrier->arrived, 0);
        /* Under the lock, so that nobody tests the generation, is released, and then goes to sleep. */
        pthread_mutex_lock(&barrier->lock);
        atomic_store(&barrier->generation, generation + 1);
        pthread_cond_broadcast(&barrier->released);
        pthread_mutex_unlock(&barrier->lock);
        return;
    }
    if (changes(&barrier->generation, generation)) return;
    pthread_mutex_lock(&barrier->lock);
    while (atomic_load(&barrier->generation) == generation)
        pthread_cond_wait(&barrier->released, &barrier->lock);
    pthread_mutex_unlock(&barrier->lock);
}

static void *member_main(void *argument) {
    bn_member *self = argument;
    bn_team *team = self->team;
    for (;;) {
        barrier_wait(&team->barrier);
        if (!team->job) return NULL;
        team->job(team->context, self->index);
        barrier_wait(&team->barrier);
    }
}

/* Members whose creation failed would be missed at the barrier, so the started ones are ended as a smaller
 * team. Whoever arrives after the caller sees the new size; whoever arrived before it was not the last. */
static void end_threads(bn_team *team, int started) {
    team->job = NULL;
    atomic_store(&team->barrier.parties, started);
    barrier_wait(&team->barrier);
    for (int i = 1; i < started; i++) pthread_join(team->member[i].thread, NULL);
    meeting_end(team);
}

static bool start_member(bn_team *team, int index, const pthread_attr_t *attributes) {
    bn_member *member = &team->member[index];
    member->team = team;
    member->index = index;
    return pthread_create(&member->thread, attributes, member_main, member) == 0;
}

bool bn_team_start(bn_team *team, int members) {
    team->members = members;
    team->job = NULL;
    if (members == 1) return true;

    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    if (!meeting_init(team)) {
        pthread_attr_destroy(&attributes);
        return false;
    }
    pthread_attr_setstacksize(&attributes, STACK_BYTES);

    /* The host program's signals belong to its own threads. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int started = 1;
    while (started < members && start_member(team, started, &attributes)) started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);

    if (started == members) return true;
    end_threads(team, started);
    return false;
}

void bn_team_run(bn_team *team, bn_job job, void *context) {
    if (team->members == 1) {
        job(context, 0);
        return;
    }
    team->job = job;
    team->context = context;
    barrier_wait(&team->barrier);
    job(context, 0);
    barrier_wait(&team->barrier);
}

void bn_team_lock(bn_team *team) { pthread_mutex_lock(&team->monitor.lock); }

void bn_team_unlock(bn_team *team) { pthread_mutex_unlock(&team->monitor.lock); }

void bn_team_wake(bn_team *team) {
    atomic_fetch_add(&team->monitor.news, 1);
    if (team->monitor.asleep) pthread_cond_broadcast(&team->monitor.told);
}

void bn_team_wait(bn_team *team) {
    bn_monitor *monitor = &team->monitor;
    unsigned seen = atomic_load(&monitor->news); /* it changes under the lock only */
    pthread_mutex_unlock(&monitor->lock);
    bool changed = changes(&monitor->news, seen);
    pthread_mutex_lock(&monitor->lock);
    if (changed) return;
    monitor->asleep++;
    while (atomic_load(&monitor->news) == seen) pthread_cond_wait(&monitor->told, &monitor->lock);
    monitor->asleep--;
}

void bn_team_end(bn_team *team) {
    if (team->members > 1) end_threads(team, team->members);
}
