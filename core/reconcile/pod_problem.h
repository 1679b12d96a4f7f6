/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_problem: why the pods of a component do not become ready, as far as the pods themselves
 * tell: no node takes them, a container waits or dies, a Secret is missing (contract.md §6:
 * Secrets are never read, a missing one is diagnosed from pods that cannot start).
 */
#ifndef CORE_RECONCILE_POD_PROBLEM_H
#define CORE_RECONCILE_POD_PROBLEM_H

#include "core/base/base.h"

struct component;
struct finding;
struct pass;

/* The problem of the first pod, in order of names, that has one; false when none has. */
bool pod_problem_find(struct pass *pass, const struct component *component,
                      struct finding *ret_finding);

#endif
