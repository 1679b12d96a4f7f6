/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/cronjob_schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int64_t now_ms = INT64_C(1767225600000); /* 2026-01-01 */
    struct cron_schedule schedule;
    if (!cron_schedule_parse((struct sv){size ? (const char *)data : "", size}, &schedule))
        return 0;
    int64_t next_ms = cron_schedule_next_ms(&schedule, now_ms);
    int64_t latest_ms = cron_schedule_latest_ms(&schedule, now_ms - 100000000, now_ms);
    assert(next_ms > now_ms);
    assert(latest_ms <= now_ms);
    return 0;
}
