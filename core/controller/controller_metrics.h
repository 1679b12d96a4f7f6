/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller_metrics: what a controller measures of its own work, and how its runtimes are, in
 * Prometheus' text format: contract's names, controller-runtime's, client-go's workqueue, and
 * upstream's. Internal to core/controller but for the page (controller_write_metrics).
 */
#ifndef CORE_CONTROLLER_CONTROLLER_METRICS_H
#define CORE_CONTROLLER_CONTROLLER_METRICS_H

#include "core/base/base.h"
#include "core/base/histogram.h"
#include "core/reconcile/snapshot.h"

struct controller;
struct runtime_state;

struct controller_metrics {
    struct histogram binds, rounds, executions[ENTRY_COUNT];
    uint64_t execution_failures[ENTRY_COUNT];
    uint64_t rounds_good, rounds_failed;
};

void controller_metrics_init(struct controller_metrics *metrics);

/* Phases as they are now; a Dataset that becomes Bound before our eyes was bound. */
void controller_metrics_note_phases(struct controller *controller, struct runtime_state *state,
                                    const struct snapshot *snapshot);
/* A plan with what it sent, which may be nothing, is over. */
void controller_metrics_note_round(struct controller *controller, struct runtime_state *state,
                                   bool has_failed);
void controller_metrics_note_execution(struct controller *controller, struct runtime_state *state,
                                       const struct execution *execution);

#endif
