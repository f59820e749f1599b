/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a plan is one that this runtime can walk. */
#ifndef BIISNET_PLAN_CHECK_H
#define BIISNET_PLAN_CHECK_H

#include <stdbool.h>

#include "plan.h"

/* True if every index, size and offset of the plan is in range, so that walking it stays inside the arena
 * and the bound tensors whatever the kernels' own row widths are. */
bool bn_plan_check(const bn_plan *plan);

#endif
