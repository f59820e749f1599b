#define _POSIX_C_SOURCE 200809L
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "file.h"

enum { REGION_START = 0x41373201, REGION_STOP = 0x41373202 };

static double milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void measure_time(session *s, int runs, int threads) {
    double *times = memory((size_t)runs * sizeof *times);
    session_run(s);
    for (int i = 0; i < runs; i++) {
        double start = milliseconds();
        session_run(s);
        times[i] = milliseconds() - start;
    }
    qsort(times, (size_t)runs, sizeof *times, compare);
    double median = (times[(runs - 1) / 2] + times[runs / 2]) / 2;
    printf("{\"runs\": %d, \"threads\": %d, \"min_ms\": %.4f, \"median_ms\": %.4f}\n", runs, threads, times[0],
           median);
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
