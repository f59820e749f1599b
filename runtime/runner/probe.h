/* SPDX-License-Identifier: Apache-2.0 */
/* The binary command loop of --probe. All numbers are little endian; an answer begins with a u32 status, 0 for
 * success, else 1 followed by u32 length and a message, after which the runner ends with exit code 2.
 *
 *     'W' u64 offset, u64 bytes, data    write         -> status
 *     'R' u64 offset, u64 bytes          read          -> status, data
 *     'S' u32 stage                      run a stage   -> status
 *     'P' u32 stage, u64 bytes, data     run it with these constants instead of its own -> status
 *     'I' data of every input            infer         -> status, data of every output
 *     'B'                                begin the region that a profiler counts (measure.h) -> status
 *     'E'                                end it        -> status
 *     'Q'                                quit          -> status
 *
 * Offsets are in the session's block (session.h): the arena, then the inputs, then the outputs. 'S' and 'P'
 * take the model's inputs from there. End of input between two commands is 'Q' without an answer. */
#ifndef BIISNET_RUN_PROBE_H
#define BIISNET_RUN_PROBE_H

#include "session.h"

void probe_serve(session *s);

#endif
