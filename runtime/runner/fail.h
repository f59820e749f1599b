/* SPDX-License-Identifier: Apache-2.0 */
/* The one way in which the runner gives up. */
#ifndef BIISNET_RUN_FAIL_H
#define BIISNET_RUN_FAIL_H

/* One line `biisnet-run: ...` on stderr, temporary files removed, exit code 2. Say what is wrong with which
 * file or option, and the way out. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
