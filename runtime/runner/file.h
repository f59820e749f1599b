/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files in, and outputs that appear complete or not at all. */
#ifndef BIISNET_RUN_FILE_H
#define BIISNET_RUN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole file (the caller frees it); fails if it cannot be read. */
uint8_t *file_read(const char *path, size_t *bytes);

/* Memory or failure; never NULL. */
void *memory(size_t bytes);

/* Whether two names are of one file, however their folders are written. */
bool output_same(const char *path, const char *other);

/* Writes under a temporary name beside `path`. */
void output_write(const char *path, const void *data, size_t bytes);
/* Gives every output its name, once all have been written. */
void outputs_commit(void);
/* Removes those that have no name yet. */
void outputs_discard(void);

#endif
