/* SPDX-License-Identifier: Apache-2.0 */
/* One thread's share of a segment (plan.h). */
#ifndef BIISNET_SEGMENT_H
#define BIISNET_SEGMENT_H

#include "rows.h"

/* Computes stripe `member` of `members` of a segment, of the rows or the parts of its last stage. `constants` is where the stages' constants are based. */
void bn_run_segment(const bn_plan *plan, const bn_layout *layout, const bn_segment *segment, const uint8_t *constants,
                    const bn_addresses *addresses, int member, int members);

#endif
