/* SPDX-License-Identifier: Apache-2.0 */
/* The output's forms: values of the model's output, in the frame's size, as a table, a mask and a map. */
#ifndef BIISNET_RUN_RESULTS_H
#define BIISNET_RUN_RESULTS_H

#include "answer.h"
#include "detect.h"
#include "options.h"

/* Fails early, before anything is computed, if an output's name does not tell its form. */
void results_check(const options *o);

/* The head of the table of targets. */
void results_head(void);

/* Prints a frame's targets, a line of CSV (RFC 4180) each. */
void results_targets(const char *name, const target *found, size_t count);

/* Writes what the options ask for; returns the number of target pixels. */
long results_write(const options *o, const float *values, int height, int width, const answer *a);

#endif
