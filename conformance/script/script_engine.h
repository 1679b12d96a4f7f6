/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_engine: the engine of a simulated cluster whose containers run the class's own scripts:
 * started when their container starts, executed when the controller says so. State belongs to the
 * container, or where sim.yaml says so to its runtime, and is empty after a restart. Pure but for
 * the runner that is handed in; one serves every session of a certification.
 */
#ifndef CONFORMANCE_SCRIPT_SCRIPT_ENGINE_H
#define CONFORMANCE_SCRIPT_SCRIPT_ENGINE_H

#include "conformance/script/script_run.h"
#include "core/base/base.h"
#include "fakeapi/cluster/world.h"

struct script_engine; /* opaque */
struct simulation;

/* Both must outlive the engine. `runner` may be NULL: only readiness is the simulation's then. */
struct script_engine *script_engine_new(const struct simulation *simulation,
                                        const struct script_runner *runner);
/* Accepts NULL. */
void script_engine_free(struct script_engine *engine);
DEFINE_AUTO(script_engine)

/* For lifecycle_options and session_options. */
struct engine script_engine_of(struct script_engine *engine);

#endif
