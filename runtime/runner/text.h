/* SPDX-License-Identifier: Apache-2.0 */
/* Text of names and tables. */
#ifndef BIISNET_RUN_TEXT_H
#define BIISNET_RUN_TEXT_H

#include <stdbool.h>

/* Whether a name ends so, and has something before it. */
bool ends_with(const char *text, const char *end);

/* Prints a field of CSV (RFC 4180), in quotes where it needs them. */
void print_field(const char *text);

#endif
