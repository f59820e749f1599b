/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of biisnet-run. */
#ifndef BIISNET_RUN_OPTIONS_H
#define BIISNET_RUN_OPTIONS_H

#include <stdbool.h>

typedef struct {
    const char *image, *mask, *probability; /* NULL: not given */
    int raw_height, raw_width;              /* 0: the image is a PNG or PGM */
    int threads;
    int bench;  /* 0: no benchmark */
    int stages; /* 0: none of single stages */
    bool targets, tile, times, roi, info, probe, help, version;
} options;

/* Fails on anything it does not understand. */
options options_parse(int count, char **arguments);
void options_help(void);

#endif
