/* SPDX-License-Identifier: Apache-2.0 */
/* Instances of one model side by side, each with threads of its own, and one after the other: every result must be that
 * of one instance with one thread. Prints "ok". With SHARED all threads use one instance, which is not allowed. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "biisnet.h"

enum { INSTANCES = 3, RUNS = 4 };

static size_t pixels;
static float *grey, *expected;

static void check(int condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void run(biisnet_model *model, float *result) {
    const biisnet_input input = {.data = grey, .dtype = BIISNET_FLOAT32};
    const biisnet_output output = {result, BIISNET_FLOAT32};
    check(biisnet_run(model, &input, &output) == BIISNET_OK, "biisnet_run failed");
}

static void *repeat(void *argument) {
    biisnet_model *model;
#ifdef SHARED
    model = argument;
#else
    check(biisnet_create(&model, *(int *)argument) == BIISNET_OK, "biisnet_create failed");
#endif
    float *result = malloc(pixels * sizeof *result);
    for (int i = 0; i < RUNS; i++) {
        memset(result, 0, pixels * sizeof *result);
        run(model, result);
#ifndef SHARED
        check(memcmp(result, expected, pixels * sizeof *result) == 0, "another result");
#endif
    }
    free(result);
#ifndef SHARED
    biisnet_destroy(model);
#endif
    return NULL;
}

int main(void) {
    const int64_t *shape = biisnet_input_shape(0);
    pixels = (size_t)(shape[2] * shape[3]);
    grey = malloc(pixels * sizeof *grey);
    expected = malloc(pixels * sizeof *expected);
    for (size_t i = 0; i < pixels; i++) grey[i] = (float)(i * 37 % 256);
    biisnet_model *model;
    check(biisnet_create(&model, 1) == BIISNET_OK, "biisnet_create failed");
    run(model, expected);
    pthread_t thread[INSTANCES];
    int threads[INSTANCES];
    for (int i = 0; i < INSTANCES; i++) {
        threads[i] = i + 1;
#ifdef SHARED
        void *argument = model;
#else
        void *argument = &threads[i];
#endif
        check(pthread_create(&thread[i], NULL, repeat, argument) == 0, "no thread");
    }
    for (int i = 0; i < INSTANCES; i++) pthread_join(thread[i], NULL);
    biisnet_destroy(model);
    free(grey);
    free(expected);
    puts("ok");
    return 0;
}
