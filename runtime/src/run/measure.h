/* Measurements of warm inferences. */
#ifndef BIISNET_RUN_MEASURE_H
#define BIISNET_RUN_MEASURE_H

#include "session.h"

/* Times `runs` inferences after one warm-up; prints {"runs", "threads", "min_ms", "median_ms"}. */
void measure_time(session *s, int runs, int threads);

/* Brackets one inference, after one warm-up, with the two prctl calls that a profiler of the emulated core
 * looks for; the kernel refuses them, which does nothing. */
void measure_region(session *s);

/* The two calls. */
void region_start(void);
void region_stop(void);

#endif
