/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_text: a plan as lines for people and as a tree for programs: what would be written, in
 * which order and why, and what is waited for.
 */
#ifndef CORE_RECONCILE_PLAN_TEXT_H
#define CORE_RECONCILE_PLAN_TEXT_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct action;
struct arena;
struct buf;
struct cJSON;
struct plan;

/* "get", "apply", "patch", "delete", "execute", "event". */
struct sv plan_action_text(const struct action *action);
/* One line for each action and for each gate. False when the buffer's maximum is reached. */
MUST_CHECK bool plan_write_text(struct buf *buf, const struct plan *plan, struct arena *arena);
/* {"actions": [...], "gates": [...], "wakeAt": …, "stalled": …}. With bodies, each action also
 * holds what would be sent. */
struct cJSON *plan_to_json(const struct plan *plan, bool with_bodies, struct arena *arena);

#endif
