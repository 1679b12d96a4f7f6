/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dataset_duty: whether Datasets are ours to finish. With DATASETS_AUTO they are while nobody
 * renews the lease of upstream's dataset controller; until that is known they are not. A lease is
 * renewed when it is seen to change within its own duration, so no clocks are compared.
 */
#ifndef CORE_CMD_DATASET_DUTY_H
#define CORE_CMD_DATASET_DUTY_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/cmd/options.h"

struct completion;
struct dataset_duty; /* opaque */
struct transport;

/* `log` and `transport` are borrowed, `namespace_name` is the lease's. */
struct dataset_duty *dataset_duty_new(struct transport *transport, struct log *log,
                                      struct sv namespace_name, enum dataset_duty_mode mode);
/* Accepts NULL. */
void dataset_duty_free(struct dataset_duty *duty);

/* Times are of the steady clock. Starts what is due; returns its next deadline. */
int64_t dataset_duty_step(struct dataset_duty *duty, int64_t now_ms);
/* Ignores a completion of somebody else's. */
void dataset_duty_take(struct dataset_duty *duty, const struct completion *completion,
                       int64_t now_ms);
bool dataset_duty_is_ours(const struct dataset_duty *duty);

#endif
