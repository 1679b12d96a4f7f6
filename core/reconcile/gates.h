/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gates: the stages up to the pods, in the order of contract.md §6: class found and valid,
 * dataset found and ours, metadata, objects, pods ready. Each opens or closes its gate.
 */
#ifndef CORE_RECONCILE_GATES_H
#define CORE_RECONCILE_GATES_H

#include "core/base/base.h"

struct pass;

void gate_class(struct pass *pass);
void gate_dataset(struct pass *pass);
void gate_metadata(struct pass *pass); /* in metadata.c */
/* Both in objects.c. Objects are for a configuration that keeps its limit: false when it does not,
 * which closes their gate. */
bool gate_configuration(struct pass *pass);
/* In objects.c: workloads that the class takes away, or makes others of, stay until its rollout
 * gets to this runtime. Nothing is written yet. */
void gate_hold_workloads(struct pass *pass);
void gate_objects(struct pass *pass);
void gate_pods(struct pass *pass);
void gate_volume(struct pass *pass); /* in objects.c */

/* Nothing but status is written for a runtime that its user paused. */
bool gate_is_paused(const struct pass *pass);

#endif
