/* SPDX-License-Identifier: Apache-2.0 */
/* Uses the C interface as a program would, for the sanitizers: arguments that are refused, instances side by
 * side in several threads, every number of threads and stage by stage against the whole. Linked with --wrap, it
 * counts what the runtime asks of the system, too. Prints "ok"; writes the outputs to a file if one is named. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "biisnet.h"
#include "biisnet_probe.h"
#include "check.h"

enum { PIXELS = PLAN_HEIGHT * PLAN_WIDTH, RUNS = 20 };

/* Of plan.c, or with INTEGER of integer_plan.c. */
#ifdef INTEGER
typedef uint8_t level;
typedef int16_t value;
enum { LEVEL = BIISNET_UINT8, VALUE = BIISNET_INT16, OUTPUT_MEANING = BIISNET_MEANING_LOGIT };
#define OUTPUT_SCALE 0.00390625
#else
typedef float level, value;
enum { LEVEL = BIISNET_FLOAT32, VALUE = BIISNET_FLOAT32, OUTPUT_MEANING = BIISNET_MEANING_PROBABILITY };
#define OUTPUT_SCALE 1
#endif

#ifdef COUNT_CALLS
static atomic_int allocations, threads_started;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
int __real_posix_memalign(void **block, size_t alignment, size_t bytes);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*start)(void *), void *argument);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
int __wrap_posix_memalign(void **block, size_t alignment, size_t bytes);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*start)(void *), void *argument);

void *__wrap_malloc(size_t bytes) {
    allocations++;
    return __real_malloc(bytes);
}
void *__wrap_calloc(size_t count, size_t bytes) {
    allocations++;
    return __real_calloc(count, bytes);
}
int __wrap_posix_memalign(void **block, size_t alignment, size_t bytes) {
    allocations++;
    return __real_posix_memalign(block, alignment, bytes);
}
/* FAIL_THREAD: the n-th thread is refused, as a system at its limit does. */
static int fail_thread = -1;

/* Everything else of the threads library that the runtime calls. */
static atomic_int thread_calls;
#define COUNTED(name, parameters, arguments)  \
    int __real_##name parameters;             \
    int __wrap_##name parameters;             \
    int __wrap_##name parameters {            \
        thread_calls++;                       \
        return __real_##name arguments;       \
    }
COUNTED(pthread_mutex_init, (pthread_mutex_t *m, const pthread_mutexattr_t *a), (m, a))
COUNTED(pthread_mutex_lock, (pthread_mutex_t *m), (m))
COUNTED(pthread_mutex_unlock, (pthread_mutex_t *m), (m))
COUNTED(pthread_mutex_destroy, (pthread_mutex_t *m), (m))
COUNTED(pthread_cond_init, (pthread_cond_t *c, const pthread_condattr_t *a), (c, a))
COUNTED(pthread_cond_wait, (pthread_cond_t *c, pthread_mutex_t *m), (c, m))
COUNTED(pthread_cond_broadcast, (pthread_cond_t *c), (c))
COUNTED(pthread_cond_destroy, (pthread_cond_t *c), (c))
COUNTED(pthread_attr_init, (pthread_attr_t *a), (a))
COUNTED(pthread_attr_setstacksize, (pthread_attr_t *a, size_t bytes), (a, bytes))
COUNTED(pthread_attr_destroy, (pthread_attr_t *a), (a))
COUNTED(pthread_sigmask, (int how, const sigset_t *set, sigset_t *old), (how, set, old))
COUNTED(pthread_join, (pthread_t thread, void **result), (thread, result))

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*start)(void *), void *argument) {
    if (threads_started++ == fail_thread) return 11;
    return __real_pthread_create(thread, how, start, argument);
}
#endif

static level grey[PIXELS];
static value expected[PIXELS];
static const biisnet_input dense[] = {{.data = grey, .dtype = (biisnet_dtype)LEVEL}};

static biisnet_output output_of(void *data) { return (biisnet_output){data, (biisnet_dtype)VALUE}; }

static void run_whole(biisnet_model *model, value *result) {
    biisnet_output output = output_of(result);
    CHECK(biisnet_run(model, dense, &output) == BIISNET_OK);
}

static void *repeat(void *argument) {
    biisnet_model *model = argument;
    value result[PIXELS];
    for (int i = 0; i < RUNS; i++) {
        memset(result, 0, sizeof result);
        run_whole(model, result);
        CHECK(memcmp(result, expected, sizeof result) == 0);
    }
    return NULL;
}

static void check_refusals(void) {
    biisnet_model *model = (biisnet_model *)grey;
    _Alignas(64) static uint8_t small[64];
    uint64_t one = biisnet_arena_bytes(1), two = biisnet_arena_bytes(2), probing = biisnet_probing_arena_bytes();
    CHECK(biisnet_create(NULL, 1) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_create(&model, 0) == BIISNET_E_ARGUMENT && model == NULL);
    CHECK(biisnet_create(&model, BIISNET_MAX_THREADS + 1) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_arena_bytes(0) == 0 && biisnet_arena_bytes(BIISNET_MAX_THREADS + 1) == 0);
    CHECK(one > 0 && two >= one && biisnet_arena_bytes(BIISNET_MAX_THREADS) == two); /* threads share all maps */
    CHECK(biisnet_probing_maps_bytes() < probing);
    CHECK(strlen(biisnet_model_sha256()) == 64 && biisnet_model_task() == BIISNET_TASK_DETECTION);
    CHECK(biisnet_input_meaning(0) == BIISNET_MEANING_IMAGE && biisnet_output_meaning(0) == (biisnet_meaning)OUTPUT_MEANING);
    CHECK(biisnet_input_dtype(0) == (biisnet_dtype)LEVEL && biisnet_output_dtype(0) == (biisnet_dtype)VALUE);
    CHECK(biisnet_output_scale(0) == OUTPUT_SCALE && biisnet_output_scale(1) == 0 && biisnet_output_scale(-1) == 0);
    CHECK(biisnet_input_dtype(9) == 0 && biisnet_output_meaning(-1) == 0);
    CHECK(biisnet_create_in(&model, 1, small, sizeof small) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_create_in(&model, 2, small, two - 1) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_create_in(&model, 1, small + 4, one) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_create_in(&model, 1, NULL, one) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_create_probing(NULL, 1, small, probing) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_create_probing(&model, 0, small, probing) == BIISNET_E_ARGUMENT && model == NULL);
    CHECK(biisnet_create_probing(&model, 1, small, probing - 1) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_create_probing(&model, 1, small + 4, probing) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_create_probing(&model, 1, NULL, probing) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_run(NULL, NULL, NULL) == BIISNET_E_ARGUMENT);
    CHECK(!biisnet_stage_name(-1) && !biisnet_input_name(1) && !biisnet_output_shape(7));
    CHECK(biisnet_input_rank(-1) == 0 && biisnet_stage_params_bytes(99) == 0 && !biisnet_arena(NULL));
    biisnet_destroy(NULL);
    for (int status = -1; status < 9; status++) CHECK(biisnet_status_string((biisnet_status)status)[0]);
}

static biisnet_model *create_probing(int threads, void **arena) {
    biisnet_model *model;
    uint64_t bytes = biisnet_probing_arena_bytes();
    CHECK(posix_memalign(arena, BIISNET_ALIGNMENT, bytes) == 0);
    memset(*arena, 0xff, bytes);
    CHECK(biisnet_create_probing(&model, threads, *arena, bytes) == BIISNET_OK);
    CHECK(biisnet_arena(model) == *arena);
    return model;
}

static void check_refused_runs(void) {
    biisnet_model *model;
    _Alignas(64) static uint8_t constants[128];
    const biisnet_input none = {.dtype = (biisnet_dtype)LEVEL}, scaled = {grey, (biisnet_dtype)LEVEL, 0, 2, 0};
    biisnet_output good = output_of(expected), null = output_of(NULL), odd = output_of((uint8_t *)expected + 1);
    CHECK(biisnet_create(&model, 1) == BIISNET_OK);
    CHECK(biisnet_run(model, &none, &good) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_run(model, dense, &null) == BIISNET_E_ARGUMENT && biisnet_run(model, dense, &odd) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_run(model, dense, NULL) == BIISNET_E_ARGUMENT && biisnet_run(model, NULL, &good) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_bind(model, &none, &good) == BIISNET_E_ARGUMENT && biisnet_bind(NULL, dense, &good) == BIISNET_E_ARGUMENT);
    /* memory of another type is never written to, and what is bound is not converted */
    for (int dtype = -1; dtype < 6; dtype++) {
        biisnet_output other = {expected, (biisnet_dtype)dtype};
        biisnet_input same = {grey, (biisnet_dtype)dtype, 0, 0, 0};
        if (dtype != VALUE) CHECK(biisnet_run(model, dense, &other) == BIISNET_E_DTYPE);
        if (dtype != VALUE) CHECK(biisnet_bind(model, dense, &other) == BIISNET_E_DTYPE);
        if (dtype != LEVEL) CHECK(biisnet_bind(model, &same, &good) != BIISNET_OK);
    }
    CHECK(biisnet_bind(model, &scaled, &good) == BIISNET_E_DTYPE);
    CHECK(biisnet_bind(model, dense, &good) == BIISNET_OK);
    for (int k = 0; k < biisnet_stage_count(); k++) /* its maps are rings */
        CHECK(biisnet_run_stage(model, k, NULL) == BIISNET_E_ARGUMENT);
    biisnet_destroy(model);

    void *arena = NULL;
    model = create_probing(1, &arena);
    CHECK(biisnet_run_stage(model, 0, NULL) == BIISNET_E_UNBOUND);
    CHECK(biisnet_run_stage(model, 1, NULL) == BIISNET_OK); /* only in the arena */
    CHECK(biisnet_run_stage(model, 1, constants + 1) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_run_stage(model, -1, NULL) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_run_stage(model, biisnet_stage_count(), NULL) == BIISNET_E_ARGUMENT);
    CHECK(biisnet_bind(model, dense, &good) == BIISNET_OK);
    CHECK(biisnet_run_stage(model, 0, NULL) == BIISNET_OK);
    biisnet_destroy(model);
    free(arena);
}

static void check_threads(int threads) {
    biisnet_model *model;
    void *arena = NULL;
    uint64_t bytes = biisnet_arena_bytes(threads);
    CHECK(posix_memalign(&arena, BIISNET_ALIGNMENT, bytes) == 0);
    memset(arena, 0xff, bytes);
    CHECK(biisnet_create_in(&model, threads, arena, bytes) == BIISNET_OK);
    CHECK(biisnet_arena(model) == arena);
    repeat(model);
    biisnet_destroy(model);
    free(arena);
}

static void check_stages(int threads) {
    value result[PIXELS] = {0};
    _Alignas(64) static uint8_t others[128]; /* constants that are not the stage's */
    biisnet_output output = output_of(result);
    void *arena = NULL;
    biisnet_model *model = create_probing(threads, &arena);
    for (int round = 0; round < 2; round++) {
        memset(result, 0, sizeof result);
        CHECK(biisnet_bind(model, dense, &output) == BIISNET_OK);
        for (int k = 0; k < biisnet_stage_count(); k++) {
            CHECK(biisnet_stage_params_bytes(k) <= sizeof others);
            if (round) CHECK(biisnet_run_stage(model, k, others) == BIISNET_OK);
            CHECK(biisnet_run_stage(model, k, NULL) == BIISNET_OK); /* with its own again */
        }
        CHECK(memcmp(result, expected, sizeof result) == 0);
    }
    for (int k = 0; k < biisnet_stage_count(); k++) CHECK(biisnet_run_stage(model, k, others) == BIISNET_OK);
    CHECK(memcmp(result, expected, sizeof result) != 0);
    repeat(model); /* all of it, by stages */
    biisnet_destroy(model);
    free(arena);
}

#ifdef INTEGER
enum { OFFSET = 0 };
#define NEAR 0.25f /* rounded away */
#else
enum { OFFSET = 1 }; /* of bytes from levels */
#define NEAR 0.0f
#endif

/* The same levels as bytes, as words of twice their value, with a sign too, and as floats below each other in a wider
 * picture. */
static void check_images(int threads) {
    enum { GAP = 3, STRIDE = PLAN_WIDTH + GAP };
    static uint8_t bytes[PIXELS];
    static uint16_t words[PLAN_HEIGHT * STRIDE];
    static int16_t counts[PLAN_HEIGHT * STRIDE];
    static float floats[PLAN_HEIGHT * STRIDE];
    value result[PIXELS];
    biisnet_output output = output_of(result);
    biisnet_model *model;
    for (int i = 0; i < PLAN_HEIGHT * STRIDE; i++) words[i] = 65535, counts[i] = -32768, floats[i] = 1e9f;
    for (int i = 0; i < PIXELS; i++) {
        int wide = i / PLAN_WIDTH * STRIDE + i % PLAN_WIDTH;
        bytes[i] = (uint8_t)(grey[i] - OFFSET);
        words[wide] = (uint16_t)(2 * grey[i] + 6000);
        counts[wide] = (int16_t)(2 * grey[i] - 6000);
        floats[wide] = grey[i] + (i % 2 ? NEAR : -NEAR);
    }
    const biisnet_input good[] = {
        {grey, (biisnet_dtype)LEVEL, 0, 1, 0},
        {grey, (biisnet_dtype)LEVEL, 0, 0, 0},
        {grey, (biisnet_dtype)LEVEL, PLAN_WIDTH * sizeof *grey, 1, 0},
        {bytes, BIISNET_UINT8, 0, 1, OFFSET},
        {words, BIISNET_UINT16, STRIDE * sizeof *words, 0.5f, -3000},
        {counts, BIISNET_INT16, STRIDE * sizeof *counts, 0.5f, 3000},
        {floats, BIISNET_FLOAT32, STRIDE * sizeof *floats, 1, 0},
    };
    CHECK(biisnet_create(&model, threads) == BIISNET_OK);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        memset(result, 0, sizeof result);
        CHECK(biisnet_run(model, &good[i], &output) == BIISNET_OK);
        CHECK(memcmp(result, expected, sizeof result) == 0);
    }
    const float zero = 0, infinite = 1 / zero;
    const biisnet_input bad[] = {
        {NULL, BIISNET_UINT8, 0, 1, 0},
        {bytes, (biisnet_dtype)4, 0, 1, 0},
        {bytes, BIISNET_UINT8, PLAN_WIDTH - 1, 1, 0}, /* 0 where the width is 1: then it is the dense one */
        {(uint8_t *)words + 1, BIISNET_UINT16, 0, 1, 0},
        {words, BIISNET_UINT16, 2 * PLAN_WIDTH + 1, 1, 0},
        {bytes, BIISNET_UINT8, SIZE_MAX, 1, 0},
        {bytes, BIISNET_UINT8, 0, infinite, 0},
        {bytes, BIISNET_UINT8, 0, 1, infinite - infinite},
        {bytes, BIISNET_UINT8, 0, 0, 1}, /* all would be one level */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bool is_dense = bad[i].row_stride == 0 && i == 2, is_one_row = bad[i].row_stride == SIZE_MAX && PLAN_HEIGHT == 1;
        if (!is_dense && !is_one_row) CHECK(biisnet_run(model, &bad[i], &output) == BIISNET_E_ARGUMENT);
    }
    CHECK(biisnet_run(NULL, good, &output) == BIISNET_E_ARGUMENT);
    biisnet_destroy(model);
}

/* A frame that is what the model takes is read where it lies: the room for converted ones, at the end of the caller's
 * arena, stays as it was. */
static void check_copies(void) {
    enum { STRIDE = PLAN_WIDTH + 1 };
    static level wide[PLAN_HEIGHT * STRIDE];
    value result[PIXELS];
    biisnet_output output = output_of(result);
    biisnet_model *model;
    void *arena = NULL;
    uint64_t bytes = biisnet_arena_bytes(1), room = (sizeof grey + 63) / 64 * 64;
    CHECK(posix_memalign(&arena, BIISNET_ALIGNMENT, bytes) == 0);
    memset(arena, 0xa5, bytes);
    CHECK(biisnet_create_in(&model, 1, arena, bytes) == BIISNET_OK);
    const uint8_t *converted = (const uint8_t *)arena + bytes - room;
    run_whole(model, result);
    for (uint64_t i = 0; i < room; i++) CHECK(converted[i] == 0xa5);
    for (int i = 0; i < PIXELS; i++) wide[i / PLAN_WIDTH * STRIDE + i % PLAN_WIDTH] = grey[i];
    const biisnet_input gaps = {wide, (biisnet_dtype)LEVEL, STRIDE * sizeof *wide, 0, 0};
    CHECK(biisnet_run(model, &gaps, &output) == BIISNET_OK && memcmp(result, expected, sizeof result) == 0);
    CHECK(memcmp(converted, grey, sizeof grey) == 0);
    biisnet_destroy(model);
    free(arena);
}

#ifdef INTEGER
/* Levels between whole ones, beyond black and white, and none at all. */
static void check_rounding(void) {
    static const struct {
        float given;
        uint8_t level;
    } cases[] = {{0.5f, 0}, {1.5f, 2}, {2.5f, 2}, {0.49999997f, 0}, {254.5f, 254}, {254.50002f, 255}, {255.5f, 255},
                 {1e30f, 255}, {-0.5f, 0}, {-1e30f, 0}, {(float)INFINITY, 255}, {(float)-INFINITY, 0}, {(float)NAN, 0}};
    static float given[PIXELS];
    static level whole[PIXELS];
    value result[PIXELS], wanted[PIXELS];
    biisnet_output outputs[] = {output_of(result), output_of(wanted)};
    biisnet_model *model;
    CHECK(biisnet_create(&model, 1) == BIISNET_OK);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        for (int i = 0; i < PIXELS; i++) given[i] = cases[k].given, whole[i] = cases[k].level;
        const biisnet_input inputs[] = {{given, BIISNET_FLOAT32, 0, 0, 0}, {whole, BIISNET_UINT8, 0, 0, 0}};
        for (int i = 0; i < 2; i++) CHECK(biisnet_run(model, &inputs[i], &outputs[i]) == BIISNET_OK);
        CHECK(memcmp(result, wanted, sizeof result) == 0);
    }
    biisnet_destroy(model);
}
#endif

static int child_answers(biisnet_model *model, biisnet_model *probing, biisnet_status wanted) {
    static value result[PIXELS];
    biisnet_output output = output_of(result);
    if (biisnet_run(model, dense, &output) != wanted) return 1;
    if (biisnet_bind(probing, dense, &output) != BIISNET_OK) return 2;
    if (biisnet_run_stage(probing, 0, NULL) != wanted) return 3;
    biisnet_destroy(model);
    biisnet_destroy(probing);
    biisnet_model *own; /* one of its own works */
    if (biisnet_create(&own, 1) != BIISNET_OK || biisnet_run(own, dense, &output) != BIISNET_OK) return 4;
    if (memcmp(result, expected, sizeof result) != 0) return 5;
    biisnet_destroy(own);
    return 0;
}

/* The child of a fork() has the instance and not its threads: it must say so instead of waiting for them. An instance
 * without threads goes on in both. */
static void check_fork(int threads) {
    biisnet_model *model;
    void *arena = NULL;
    CHECK(biisnet_create(&model, threads) == BIISNET_OK);
    biisnet_model *probing = create_probing(threads, &arena);
    repeat(model);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(20); /* instead of for ever */
        _exit(child_answers(model, probing, threads > 1 ? BIISNET_E_PROCESS : BIISNET_OK));
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    repeat(model);
    biisnet_destroy(model);
    biisnet_destroy(probing);
    free(arena);
}

static void check_side_by_side(void) {
    enum { INSTANCES = 3 };
    pthread_t thread[INSTANCES];
    biisnet_model *model[INSTANCES];
    for (int i = 0; i < INSTANCES; i++) {
        CHECK(biisnet_create(&model[i], i + 1) == BIISNET_OK);
        CHECK(pthread_create(&thread[i], NULL, repeat, model[i]) == 0);
    }
    for (int i = 0; i < INSTANCES; i++) {
        pthread_join(thread[i], NULL);
        biisnet_destroy(model[i]);
    }
}

#ifdef COUNT_CALLS
static void check_calls(void) {
    biisnet_model *model;
    value result[PIXELS];
    threads_started = thread_calls = 0;
    CHECK(biisnet_create(&model, 1) == BIISNET_OK && threads_started == 0);
    run_whole(model, result);
    biisnet_destroy(model);
    CHECK(threads_started == 0 && thread_calls == 0);
    for (int threads = 1; threads <= 4; threads += 3) { /* in the caller's memory: nothing is allocated at all */
        void *arena = NULL;
        uint64_t bytes = biisnet_arena_bytes(threads);
        CHECK(__real_posix_memalign(&arena, BIISNET_ALIGNMENT, bytes) == 0);
        int allocated = allocations;
        CHECK(biisnet_create_in(&model, threads, arena, bytes) == BIISNET_OK);
        run_whole(model, result);
        biisnet_destroy(model);
        CHECK(allocations == allocated);
        free(arena);
    }
    CHECK(thread_calls > 0); /* of four threads: they are counted */
    int one = allocations;
    threads_started = 0;
    CHECK(biisnet_create(&model, 1) == BIISNET_OK && allocations == one + 1);
    biisnet_destroy(model);
    CHECK(biisnet_create(&model, 4) == BIISNET_OK && threads_started == 3);
    int before = allocations;
    for (int i = 0; i < RUNS; i++) run_whole(model, result);
    CHECK(allocations == before && threads_started == 3);
    biisnet_destroy(model);
    for (fail_thread = 0; fail_thread < 3; fail_thread++) {
        threads_started = 0;
        CHECK(biisnet_create(&model, 4) == BIISNET_E_THREAD && model == NULL);
    }
    fail_thread = -1;
}
#endif

static void write_expected(const char *name) {
    FILE *file = fopen(name, "wb");
    CHECK(file && fwrite(expected, sizeof expected, 1, file) == 1 && fclose(file) == 0);
}

int main(int count, char **arguments) {
    static const int threads[] = {1, 2, 3, 4, 7};
    biisnet_model *model;
    for (int i = 0; i < PIXELS; i++) grey[i] = (level)(i * 37 % 256 + OFFSET);
    check_refusals();
    check_refused_runs();
    CHECK(biisnet_create(&model, 1) == BIISNET_OK);
    run_whole(model, expected);
    biisnet_destroy(model);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        check_threads(threads[i]);
        check_stages(threads[i]);
        check_images(threads[i]);
        check_fork(threads[i]);
    }
    check_copies();
#ifdef INTEGER
    check_rounding();
#endif
    check_side_by_side();
#ifdef COUNT_CALLS
    check_calls();
#endif
    if (count > 1) write_expected(arguments[1]);
    puts("ok");
    return 0;
}
