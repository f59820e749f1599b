/* SPDX-License-Identifier: Apache-2.0 */
/* Says what the model is. */
#ifndef BIISNET_RUN_DESCRIBE_H
#define BIISNET_RUN_DESCRIBE_H

#include "biisnet.h"

/* One JSON object on stdout: abi, model, sha256, task, threshold, scores (slope, offset), arena_bytes, inputs and outputs
 * (name, dtype, shape, meaning, an output's scale, and offset in the address space of --probe), stages (name,
 * params_bytes). */
void print_info(void);

/* As the manifest has it. */
const char *task_name(biisnet_task task);

/* A text as JSON, in quotes. */
void print_string(const char *text);

#endif
