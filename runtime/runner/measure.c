/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <string.h>
#include <time.h>

#include "describe.h"
#include "file.h"

enum { REGION_START = 0x41373201, REGION_STOP = 0x41373202 };

double milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double timed_run(session *s) {
    double start = milliseconds();
    session_run(s);
    return milliseconds() - start;
}

/* Of sorted times, the one that `percent` of them are not above (nearest rank). */
static double percentile(const double *times, int runs, int percent) {
    int rank = (int)(((long)runs * percent + 99) / 100);
    return times[rank - 1];
}

/* The largest memory of this program so far; 0 where the system does not say. (getrusage's is also that of who started
 * it.) */
static long long peak_kilobytes(void) {
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long long peak = 0;
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, "VmHWM:", 6) == 0) peak = atoll(line + 6);
    if (status) fclose(status);
    return peak;
}

void measure_time(session *s, const options *o, double load) {
    int runs = o->bench;
    double *times = memory((size_t)runs * sizeof *times), first = timed_run(s);
    for (int i = 0; i < runs; i++) times[i] = timed_run(s);
    if (o->times) {
        for (int i = 0; i < runs; i++) printf("%s%.4f", i ? ", " : "{\"times_ms\": [", times[i]);
        printf("], ");
    }
    qsort(times, (size_t)runs, sizeof *times, compare);
    printf("%s\"runs\": %d, \"threads\": %d, \"load_ms\": %.4f, \"first_ms\": %.4f, \"min_ms\": %.4f, ",
           o->times ? "" : "{", runs, o->threads, load, first, times[0]);
    printf("\"median_ms\": %.4f, \"p95_ms\": %.4f, \"p99_ms\": %.4f, \"peak_bytes\": %lld}\n",
           (times[(runs - 1) / 2] + times[runs / 2]) / 2, percentile(times, runs, 95), percentile(times, runs, 99),
           1024 * peak_kilobytes());
    free(times);
}

static double median_of_stage(session *s, int stage, int runs, double *times) {
    for (int i = -1; i < runs; i++) { /* the first one warms up */
        double start = milliseconds();
        session_check(biisnet_run_stage(s->probed, stage, NULL));
        if (i >= 0) times[i] = milliseconds() - start;
    }
    qsort(times, (size_t)runs, sizeof *times, compare);
    return (times[(runs - 1) / 2] + times[runs / 2]) / 2;
}

void measure_stages(session *s, const options *o) {
    double *times = memory((size_t)o->stages * sizeof *times);
    printf("{\"runs\": %d, \"threads\": %d, \"stages\": [", o->stages, o->threads);
    for (int i = 0; i < biisnet_stage_count(); i++) {
        printf("%s{\"name\": ", i ? ", " : "");
        print_string(biisnet_stage_name(i));
        printf(", \"median_ms\": %.4f}", median_of_stage(s, i, o->stages, times));
    }
    puts("]}");
    free(times);
}

void region_start(void) { prctl(REGION_START, 0, 0, 0, 0); }

void region_stop(void) { prctl(REGION_STOP, 0, 0, 0, 0); }

void measure_region(session *s) {
    session_run(s);
    region_start();
    session_run(s);
    region_stop();
}
