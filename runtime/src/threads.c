/* SPDX-License-Identifier: Apache-2.0 */
/* The team of threads; see threads.h. Only what glibc 2.28 and musl have: mutex, condition, C11 atomics. */
#define _POSIX_C_SOURCE 200809L
#include "threads.h"

#include <signal.h>

/* A stage of a small map ends on all cores within microseconds of another, less than a sleep and a wake-up
 * cost; a core that is kept busy by somebody else must not be waited for longer. */
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

static bool barrier_init(bn_barrier *barrier, int parties) {
    atomic_init(&barrier->parties, parties);
    atomic_init(&barrier->arrived, 0);
    atomic_init(&barrier->generation, 0);
    if (pthread_mutex_init(&barrier->lock, NULL) != 0) return false;
    if (pthread_cond_init(&barrier->released, NULL) == 0) return true;
    pthread_mutex_destroy(&barrier->lock);
    return false;
}

static void barrier_end(bn_barrier *barrier) {
    pthread_cond_destroy(&barrier->released);
    pthread_mutex_destroy(&barrier->lock);
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
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&barrier->generation, memory_order_acquire) != generation) return;
        relax();
    }
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
        if (!team->task) return NULL;
        team->task(team->context, self->index);
        barrier_wait(&team->barrier);
    }
}

/* Members whose creation failed would be missed at the barrier, so the started ones are ended as a smaller
 * team. Whoever arrives after the caller sees the new size; whoever arrived before it was not the last. */
static void end_threads(bn_team *team, int started) {
    team->task = NULL;
    atomic_store(&team->barrier.parties, started);
    barrier_wait(&team->barrier);
    for (int i = 1; i < started; i++) pthread_join(team->member[i].thread, NULL);
    barrier_end(&team->barrier);
}

static bool start_member(bn_team *team, int index, const pthread_attr_t *attributes) {
    bn_member *member = &team->member[index];
    member->team = team;
    member->index = index;
    return pthread_create(&member->thread, attributes, member_main, member) == 0;
}

bool bn_team_start(bn_team *team, int members) {
    team->members = members;
    team->task = NULL;
    if (members == 1) return true;

    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    if (!barrier_init(&team->barrier, members)) {
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

void bn_team_run(bn_team *team, bn_task task, void *context) {
    if (team->members == 1) {
        task(context, 0);
        return;
    }
    team->task = task;
    team->context = context;
    barrier_wait(&team->barrier);
    task(context, 0);
    barrier_wait(&team->barrier);
}

void bn_team_barrier(bn_team *team) {
    if (team->members > 1) barrier_wait(&team->barrier);
}

void bn_team_end(bn_team *team) {
    if (team->members > 1) end_threads(team, team->members);
}
