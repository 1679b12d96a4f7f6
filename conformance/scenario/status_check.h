/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_check: whether what statuses tell beside their conditions is true: phases, counters,
 * generations, mounts, cache states, and the reasons that an object can be asked about. Like
 * condition_check it works everything out again and shares no code with the controller.
 */
#ifndef CONFORMANCE_SCENARIO_STATUS_CHECK_H
#define CONFORMANCE_SCENARIO_STATUS_CHECK_H

#include "conformance/scenario/condition_check.h"

/* Adds to the `count` lies that were found already; returns how many there are then. Nothing is
 * judged before there is rest. */
size_t status_check(const struct condition_view *view, struct arena *arena,
                    struct condition_lie lies[CONDITION_LIES_MAX], size_t count);

#endif
