/* SPDX-License-Identifier: Apache-2.0 */
/* A program of the tests ends at the first condition that does not hold. */
#ifndef BIISNET_TESTS_CHECK_H
#define BIISNET_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "line %d: %s is false\n", __LINE__, #condition);   \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

#endif
