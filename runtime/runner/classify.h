/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of classes as a table of the best: the rule of classes.py. */
#ifndef BIISNET_RUN_CLASSIFY_H
#define BIISNET_RUN_CLASSIFY_H

#include "options.h"

typedef struct {
    int count;    /* of classes */
    int shown;    /* the best of them */
    char *text;   /* of the file of names */
    char **names; /* NULL: they have none */
} classes;

/* Reads the names; fails unless there are as many as classes. */
classes classes_open(const options *o, int count);

/* The head of the table. */
void classes_head(void);

/* Prints a frame's best classes, the highest score first and of equal ones the first class, a line of CSV each. */
void classes_print(const classes *c, const char *name, const float *scores);

void classes_close(classes *c);

#endif
