/* SPDX-License-Identifier: Apache-2.0 */
/* zlib streams (RFC 1950 and 1951) of a known unpacked size. */
#ifndef BIISNET_RUN_INFLATE_H
#define BIISNET_RUN_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A fuzzer, which defines this, would hardly ever get past a checksum. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { CHECKSUMS = 0 };
#else
enum { CHECKSUMS = 1 };
#endif

/* Unpacks exactly `size` bytes; false if the stream is malformed, shorter or longer than that, or fails its
 * checksum. Never reads or writes outside of the two blocks. */
bool zlib_unpack(const uint8_t *packed, size_t bytes, uint8_t *out, size_t size);

#endif
