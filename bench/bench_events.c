/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_events.h"

#include "bench/bench.h"
#include "bench/bench_requests.h"
#include "core/base/error.h"

#include <poll.h>

enum { WAIT_MS_MAX = 120 * 1000 };

/* False: the watch ended. `ret_ms` is when the event with `text` came. */
static bool wait_for_event(struct bench_channel *watch, struct bench_channel *writer,
                           struct sv text, double *ret_ms) {
    bool has_event = false, has_answer = false;
    int status;
    double end_ms = bench_now_ms() + WAIT_MS_MAX;
    while ((!has_event || !has_answer) && bench_now_ms() < end_ms) {
        struct pollfd both[] = {{bench_channel_descriptor(watch), POLLIN, 0},
                                {bench_channel_descriptor(writer), POLLIN, 0}};
        poll(both, 2, WAIT_MS_MAX);
        if (bench_channel_take(watch, &status) != BENCH_WAITS)
            return false;
        if (!has_event && sv_contains(bench_channel_body(watch), text)) {
            has_event = true;
            *ret_ms = bench_now_ms();
            bench_channel_skip(watch);
        }
        has_answer = has_answer || bench_channel_take(writer, &status) == BENCH_ANSWERED;
    }
    return has_event && has_answer;
}

static bool time_event(struct bench_channel *watch, struct bench_channel *writer, struct sv token,
                       size_t index, double *ret_ms, struct error *err) {
    /* All writes go to the object that is watched. */
    size_t number = (index + 1) * BENCH_CONFIG_MAPS;
    char text[64];
    double arrived_ms = 0;
    snprintf(text, sizeof(text), "\"k\":\"%zu\"", number);
    double sent_ms = bench_now_ms();
    if (!bench_request_begin(writer, BENCH_PATCH, token, number, err))
        return false;
    if (!wait_for_event(watch, writer, sv_from(text), &arrived_ms))
        return error_set(err, ERROR_INTERNAL, "event %zu did not come", index);
    *ret_ms = arrived_ms - sent_ms;
    return true;
}

bool bench_events_run(const struct bench_address *address, struct sv token, size_t count,
                      double *ret_times_ms, struct error *err) {
    AUTO(bench_channel) watch = bench_channel_open(address, err);
    AUTO(bench_channel) writer = watch ? bench_channel_open(address, err) : NULL;
    bool held = writer && bench_request_begin(watch, BENCH_WATCH, token, 0, err);
    for (size_t i = 0; i < count && held; i++)
        held = time_event(watch, writer, token, i, &ret_times_ms[i], err);
    return held || error_wrap(err, "events");
}
