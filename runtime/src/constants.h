/* SPDX-License-Identifier: Apache-2.0 */
/* Spreading a stage's constants (plan.h). */
#ifndef BIISNET_CONSTANTS_H
#define BIISNET_CONSTANTS_H

#include "plan.h"

/* Bytes of a stage's constants as the library carries them, and spread. */
uint64_t bn_packed_bytes(const bn_stage *stage);
uint64_t bn_spread_bytes(const bn_stage *stage);

/* packed -> spread; the two do not overlap. */
void bn_replicate(const bn_stage *stage, const uint8_t *packed, uint8_t *spread);

#endif
