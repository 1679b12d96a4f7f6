/* SPDX-License-Identifier: Apache-2.0 */
/*
 * class_rollout: keeps what the last plan of each runtime says of its class's rollout, and turns
 * the decisions of core/reconcile/rollout.h into plans of those runtimes. A class is worked on
 * like a runtime, under the key "/name". Internal to core/controller.
 */
#ifndef CORE_CONTROLLER_CLASS_ROLLOUT_H
#define CORE_CONTROLLER_CLASS_ROLLOUT_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct controller;
struct runtime_state;
struct snapshot;

/* What conditions of a controller of these namespaces ("a, b") begin with: "a.b", or a hash of them
 * where that is too long; SV("") for all. In `arena` or a literal. */
struct sv class_rollout_scope(struct arena *arena, struct sv namespaces);

/* After each plan of a runtime. */
void class_rollout_note(struct controller *controller, struct runtime_state *state,
                        const struct snapshot *snapshot);
/* The class changed. */
void class_rollout_wake(struct controller *controller, struct sv class_name);
/* Whether the key is a class's. */
bool class_rollout_is_key(const struct runtime_state *state);
/* The key is that of a class that exists. */
bool class_rollout_is_known(const struct controller *controller, const struct runtime_state *state);
/* The server's answer to a write of the class's status, or NULL when it knows no such thing. A CRD
 * of upstream's has no status of classes: it is not asked again before the class changes. */
void class_rollout_note_answer(struct controller *controller, struct runtime_state *state,
                               const struct cJSON *answer);
/* Plans the class; the runtimes that may go on are queued. */
void class_rollout_step(struct controller *controller, struct runtime_state *state);

#endif
