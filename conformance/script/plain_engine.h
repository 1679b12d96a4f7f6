/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain_engine: the engine of a class of which nothing more is known, or whose scripts cannot be
 * run here: each entry does what a good engine does, so that the rest of the lifecycle can be
 * seen. mountUFS mounts what runtime.json lists, as the pod sees it at that moment. Pure.
 */
#ifndef CONFORMANCE_SCRIPT_PLAIN_ENGINE_H
#define CONFORMANCE_SCRIPT_PLAIN_ENGINE_H

#include "core/base/base.h"
#include "fakeapi/cluster/world.h"

struct subject;

/* `subject` must outlive the engine. */
struct engine plain_engine_of(const struct subject *subject);

#endif
