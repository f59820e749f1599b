/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements of warm inferences. */
#ifndef BIISNET_RUN_MEASURE_H
#define BIISNET_RUN_MEASURE_H

#include "options.h"
#include "session.h"

/* Of a clock that only goes on. */
double milliseconds(void);

/* Times o->bench inferences after a first one; prints one line of JSON (docs/runtime.md). `load` is how long it took to
 * make the instance. */
void measure_time(session *s, const options *o, double load);

/* Times each stage of the probing instance o->stages times, on what the stages before it have left; prints one line of
 * JSON. */
void measure_stages(session *s, const options *o);

/* Brackets one inference, after one warm-up, with the two prctl calls that a profiler of the emulated core
 * looks for; the kernel refuses them, which does nothing. */
void measure_region(session *s);

/* The two calls. */
void region_start(void);
void region_stop(void);

#endif
