/* SPDX-License-Identifier: Apache-2.0 */
/* process_metrics: what every Prometheus client tells of its process, under the usual names. */
#ifndef CORE_CMD_PROCESS_METRICS_H
#define CORE_CMD_PROCESS_METRICS_H

#include "core/base/base.h"

struct buf;

/* False when the buffer's maximum is reached. */
MUST_CHECK bool process_metrics_write(int64_t started_ms, struct buf *text);

#endif
