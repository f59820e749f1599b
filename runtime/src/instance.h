/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance is, and where it and its maps lie in its arena:
 *
 *     constants, maps | the instance, its tables | converted inputs
 */
#ifndef BIISNET_INSTANCE_H
#define BIISNET_INSTANCE_H

#include <sys/types.h>

#include "flow.h"

struct biisnet_model {
    const bn_plan *plan;
    uint8_t *arena;
    void *own_arena; /* NULL when the arena is the caller's */
    bn_flow flow;
    void *converted[BN_MAX_INPUTS]; /* room for each input */
    pid_t process; /* that has its threads; 0 without any */
    bn_team team;
};

/* What an instance takes. */
uint64_t bn_arena_bytes(const bn_plan *plan, const bn_layout *layout);

/* An instance in an arena of bn_arena_bytes(), its constants in place, without threads and nothing bound. */
biisnet_model *bn_instance_make(const bn_plan *plan, const bn_layout *layout, uint8_t *arena);

#endif
