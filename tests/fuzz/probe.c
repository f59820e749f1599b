/* SPDX-License-Identifier: Apache-2.0 */
/* `biisnet-run --probe`: any bytes on standard input are commands, or are refused. The instances live on from one
 * input to the next, as they do from one command to the next. */
#define _POSIX_C_SOURCE 200809L
#include "probe.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "fail.h"

static jmp_buf given_up;

/* In the place of the runner's, which ends the program. */
void fail(const char *format, ...) {
    (void)format;
    longjmp(given_up, 1);
}

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static session s;

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count, (void)arguments;
    s = session_open(1, true, 0);
    if (!freopen("/dev/null", "w", stdout)) abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    FILE *input = fmemopen((void *)(uintptr_t)data, size, "r"); /* read only */
    if (!input) abort();
    stdin = input; /* glibc's is a variable */
    if (!setjmp(given_up)) probe_serve(&s);
    fclose(input);
    return 0;
}
