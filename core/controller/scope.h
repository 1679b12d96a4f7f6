/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope: which runtimes, datasets and classes a controller serves when several share a cluster:
 * those of its namespaces whose class its selector matches. What it does not serve it does not
 * write to, and says nothing about.
 */
#ifndef CORE_CONTROLLER_SCOPE_H
#define CORE_CONTROLLER_SCOPE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct controller;
struct runtime_state;

/* Of a runtime's or a class's key. */
bool scope_serves(struct controller *controller, const struct runtime_state *state);

#endif
