/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_engine: what containers answer when the controller executes an entry of their class,
 * as the scenario's `scripts` say. Without one an entry does what a good engine does: mountUFS
 * mounts what runtime.json lists, as the pod sees it at that moment.
 */
#ifndef CONFORMANCE_SCENARIO_SCENARIO_ENGINE_H
#define CONFORMANCE_SCENARIO_SCENARIO_ENGINE_H

#include "conformance/scenario/scenario.h"
#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/cluster/world.h"

struct scenario_engine; /* opaque */

struct scenario_engine *scenario_engine_new(const struct scenario *scenario);
/* Accepts NULL. */
void scenario_engine_free(struct scenario_engine *engine);
DEFINE_AUTO(scenario_engine)

/* For session_options. */
struct engine scenario_engine_of(struct scenario_engine *engine);
/* Before the first execution. `executed` hears of each one. */
void scenario_engine_attach(struct scenario_engine *engine, struct world *world,
                            void (*executed)(void *context, struct sv role, struct sv entry),
                            void *context);

#endif
