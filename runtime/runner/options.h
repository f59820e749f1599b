/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of biisnet-run. */
#ifndef BIISNET_RUN_OPTIONS_H
#define BIISNET_RUN_OPTIONS_H

#include <stdbool.h>

#include "image.h"
#include "levels.h"
#include "vote.h"

typedef struct {
    const char *image, *mask, *probability; /* NULL: not given */
    const char *values, *labels;
    int top;                                /* 0: not given */
    int output;                             /* index of the one that is read, 0: the first */
    double low, high;                       /* of --range: what is black and white in a picture of values */
    bool range;
    int channels;                           /* that the model's frames have, which no option says */
    int raw_height, raw_width;              /* 0: the image is a PNG or PGM */
    raw_type raw_type;
    levels levels;
    double threshold;   /* a probability; below 0: not given */
    vote_rule vote;     /* of no frames: not given */
    double vote_radius; /* below 0: not given */
    int threads;
    int bench;  /* 0: no benchmark */
    int stages; /* 0: none of single stages */
    bool targets, tile, times, roi, info, probe, help, version;
} options;

/* Fails on anything it does not understand. */
options options_parse(int count, char **arguments);
void options_help(void);

#endif
