/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_rules: what the API server would say of an object that is about to be created. What it
 * refuses one of, when the rest has been made, leaves half a cache behind; so all are judged
 * before the first. The rules are those of the fields that classes and runtimes usually hold: a
 * field beyond them makes the answer unsure, and only the server knows.
 */
#ifndef CORE_RECONCILE_OBJECT_RULES_H
#define CORE_RECONCILE_OBJECT_RULES_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

enum object_verdict { OBJECT_TAKEN, OBJECT_UNSURE, OBJECT_REFUSED };

/* Of a Service, a ConfigMap, a workload, a volume or its claim. With OBJECT_REFUSED `ret_problem`,
 * in `arena`, says where and what: "spec.ports[0].port must be from 1 to 65535 and is 0". */
enum object_verdict object_rules_judge(struct arena *arena, const struct cJSON *object,
                                       struct sv *ret_problem);

#endif
