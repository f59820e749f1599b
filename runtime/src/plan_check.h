/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a plan is one that this runtime can walk. */
#ifndef BIISNET_PLAN_CHECK_H
#define BIISNET_PLAN_CHECK_H

#include <stdbool.h>

#include "plan.h"

/* True if every index, size and offset of the plan is in range. If bn_flow_check() finds its list of tasks and its rings
 * good, too, then a run of it stays inside the arena and the bound tensors, whatever the kernels' own row widths are. */
bool bn_plan_check(const bn_plan *plan);

#endif
