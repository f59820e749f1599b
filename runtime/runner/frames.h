/* SPDX-License-Identifier: Apache-2.0 */
/* Where frames come from: an image file, a folder of them, or raw frames on standard input. */
#ifndef BIISNET_RUN_FRAMES_H
#define BIISNET_RUN_FRAMES_H

#include <stdbool.h>

#include "grey.h"
#include "levels.h"
#include "options.h"

typedef struct {
    const options *o;
    char **names; /* of a folder's images, sorted */
    int count, next;
    bool stream;
    levels_watch watch;
    char name[4096]; /* of the frame that was read last */
} frames;

/* Fails where there is nothing of the kind. */
frames frames_open(const options *o);

/* Reads the next frame, in levels; it is the caller's to free. False after the last one. */
bool frames_next(frames *f, image *frame);

/* Whether there may be more than one. */
bool frames_are_many(const frames *f);

/* Says, once, what all frames had that looks like another scale. */
void frames_close(frames *f);

#endif
