/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_time: the texts in which the API writes times and durations. Times are milliseconds since
 * 1970-01-01 UTC. Pure.
 */
#ifndef CORE_API_API_TIME_H
#define CORE_API_API_TIME_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

/* RFC 3339 in UTC with seconds, "2026-01-01T00:00:00Z": metav1.Time. */
struct sv api_time_format(int64_t time_ms, struct arena *arena);
/* With six digits of fraction: metav1.MicroTime. */
struct sv api_time_format_micro(int64_t time_ms, struct arena *arena);
/* Any RFC 3339 time; false on anything else. */
MUST_CHECK bool api_time_parse(struct sv text, int64_t *ret_time_ms);
/* Go's duration text: "0s", "1m3s", "1h0m5s", "1.5s", "250ms". */
struct sv api_duration_format(int64_t duration_ms, struct arena *arena);
/* Go's time.ParseDuration: "90s", "1h30m", "1.5s", "250ms"; also a plain "0". */
MUST_CHECK bool api_duration_parse(struct sv text, int64_t *ret_duration_ms);

#endif
