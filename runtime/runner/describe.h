/* SPDX-License-Identifier: Apache-2.0 */
/* Says what the model is. */
#ifndef BIISNET_RUN_DESCRIBE_H
#define BIISNET_RUN_DESCRIBE_H

/* One JSON object on stdout: abi, model, threshold, arena_bytes, inputs and outputs (name, shape, and offset
 * in the address space of --probe), stages (name, params_bytes). */
void print_info(void);

/* A text as JSON, in quotes. */
void print_string(const char *text);

#endif
