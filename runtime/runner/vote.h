/* SPDX-License-Identifier: Apache-2.0 */
/* Temporal voting: of a stream's detections those that enough of its last frames have, by the rule of voting.py, whose
 * answers these are exactly. A detection lies where the middle of its box does, in half pixels. */
#ifndef BIISNET_RUN_VOTE_H
#define BIISNET_RUN_VOTE_H

#include <stddef.h>

#include "detect.h"

enum { VOTE_MAX_FRAMES = 100 };
#define VOTE_RADIUS 5.0 /* pixels, where nothing else is said */
#define VOTE_MAX_RADIUS 65536.0

/* So many of the last frames, and the distance in pixels at which a detection of theirs votes. */
typedef struct {
    int needed, frames; /* 0: every detection is reported */
    double radius;
} vote_rule;

/* '3/5'; fails on what is no such. */
vote_rule vote_parse(const char *text);

/* The places of one frame's detections, by row. */
typedef struct {
    struct place *places;
    size_t count;
} ballot;

typedef struct {
    vote_rule rule;
    ballot before[VOTE_MAX_FRAMES]; /* of the frames before, a ring of rule.frames - 1; empty where there were fewer */
    int oldest;                     /* the place of the next one */
} voter;

/* Keeps of the next frame's detections those that are reported, in their order; returns how many. */
size_t voter_see(voter *v, target *found, size_t count);

void voter_close(voter *v);

#endif
