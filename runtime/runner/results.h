/* SPDX-License-Identifier: Apache-2.0 */
/* The probability map's output forms. */
#ifndef BIISNET_RUN_RESULTS_H
#define BIISNET_RUN_RESULTS_H

#include "options.h"

/* Fails early, before anything is computed, if an output's name does not tell its form. */
void results_check(const options *o);

/* The head of the table of targets. */
void results_head(void);

/* Prints a frame's targets, a line of CSV (RFC 4180) each. */
void results_targets(const char *name, const float *probability, int height, int width, float threshold);

/* Writes what the options ask for; returns the number of target pixels. */
long results_write(const options *o, const float *probability, int height, int width, float threshold);

#endif
