/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cronjob_schedule: when a CronJob is due: the five fields of cron ("0-30/10 8 * * mon-fri"), the
 * names "@hourly", "@daily" …, and "@every 90s", by the clocks of a time zone. Pure.
 */
#ifndef FAKEAPI_CLUSTER_CRONJOB_SCHEDULE_H
#define FAKEAPI_CLUSTER_CRONJOB_SCHEDULE_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/schema/time_zone.h"

struct cron_schedule {
    uint64_t minutes, hours, days, months, weekdays; /* a bit for each value */
    bool has_any_day, has_any_weekday;               /* "*": the other field alone decides */
    int64_t every_ms;                                /* not 0: "@every", and nothing else */
    struct time_zone zone;                           /* UTC as parsed */
};

/* False for what is no schedule. */
MUST_CHECK bool cron_schedule_parse(struct sv text, struct cron_schedule *ret_schedule);
/* The first time after `after_ms`, both in UTC: what clocks skip when summer begins does not come,
 * and what they show twice when it ends comes twice, as in the cron of Kubernetes. Or
 * DEADLINE_NEVER when there is none in five years (a 31st of February). */
int64_t cron_schedule_next_ms(const struct cron_schedule *schedule, int64_t after_ms);
/* The last time in (after_ms, until_ms], or 0 for none; the cost does not grow with what lies
 * between. */
int64_t cron_schedule_latest_ms(const struct cron_schedule *schedule, int64_t after_ms,
                                int64_t until_ms);

#endif
