/* SPDX-License-Identifier: Apache-2.0 */
/* How samples become grey levels 0 to 255: the rule of levels.py, bit for bit. */
#ifndef BIISNET_RUN_LEVELS_H
#define BIISNET_RUN_LEVELS_H

#include <stdbool.h>

#include "grey.h"

/* What becomes black and white: counts of the sensor, or percentiles of each frame. Not given: by the format. */
typedef struct {
    bool given;
    double low, high;
    bool low_percent, high_percent;
    const char *text;
    bool whole; /* whether the model takes whole levels only */
} levels;

/* LOW:HIGH, each a number or a percentage; fails on anything else. */
levels levels_parse(const char *text);

/* What all frames had, so that a wrong scale is said once and not silent. */
typedef struct {
    long frames;
    double span, low, high, share; /* grey levels; counts; of full scale */
    bool deep, floats;
} levels_watch;

levels_watch levels_watch_begin(void);

/* Replaces a frame's samples by grey levels (bytes that are levels already stay bytes), and remembers what they were. Fails, with `name`, for samples that are not
 * finite, floats outside of 0..255 (or, for a model of whole levels, between such) where no levels are given, and levels that no sample can lie between. */
void levels_apply(const levels *l, levels_watch *watch, const char *name, image *frame);

/* One line on stderr where all frames together look as if they had another scale. */
void levels_note(const levels *l, const levels_watch *watch);

#endif
