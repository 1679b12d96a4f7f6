/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execute: a plan's actions become requests, step by step, and the answers become memory: objects
 * go to the cache as overlays, live reads to the runtime's facts, results of executions to its
 * executions. Internal to core/controller.
 */
#ifndef CORE_CONTROLLER_EXECUTE_H
#define CORE_CONTROLLER_EXECUTE_H

#include "core/base/base.h"

struct completion;
struct controller;
struct flight;
struct runtime_state;

/* Starts the first step of state->plan. When nothing of the plan is waited for, the round ends at
 * once. */
void execute_start(struct controller *controller, struct runtime_state *state);
/* The answer to a request of a round; starts the next step, or ends the round. */
void execute_take(struct controller *controller, const struct flight *flight,
                  const struct completion *completion);
/* What became of fields that were taken out again of an object that somebody else had made. */
void execute_take_withdrawal(struct controller *controller, const struct flight *flight,
                             const struct completion *completion);
/* The end of an execution. */
void execute_take_execution(struct controller *controller, struct runtime_state *state,
                            const struct completion *completion);

#endif
