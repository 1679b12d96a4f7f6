/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_load.h"

#include "bench/bench.h"
#include "bench/bench_process.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/vec.h"

#include <math.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { REQUEST_BYTES_MAX = 64 * 1024, STALL_MS_MAX = 120 * 1000 };

struct connection {
    struct bench_channel *channel;
    double began_ms;
    bool is_busy;
};

struct run {
    const struct bench_load *load;
    struct connection connections[BENCH_CONNECTIONS_MAX];
    int epoll;
    struct buf request;
    size_t sent;
    double end_ms;
    VEC(double) times_ms;
    struct bench_load_result result;
};

static bool is_over(const struct run *run, double now_ms) {
    return now_ms >= run->end_ms ||
           (run->load->requests_max > 0 && run->sent >= run->load->requests_max);
}

static bool send_next(struct run *run, struct connection *connection, struct error *err) {
    double now_ms = bench_now_ms();
    connection->is_busy = false;
    if (is_over(run, now_ms))
        return true;
    buf_clear(&run->request);
    run->load->write(run->load->context, run->sent++, &run->request);
    connection->began_ms = now_ms;
    connection->is_busy = true;
    return bench_channel_send(connection->channel, buf_view(&run->request), err);
}

static bool connect_all(struct run *run, struct error *err) {
    for (size_t i = 0; i < run->load->connections; i++) {
        struct connection *connection = &run->connections[i];
        connection->channel = bench_channel_open(&run->load->address, err);
        if (!connection->channel)
            return false;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        epoll_ctl(run->epoll, EPOLL_CTL_ADD, bench_channel_descriptor(connection->channel), &event);
    }
    return true;
}

static bool take(struct run *run, struct connection *connection, struct error *err) {
    int status;
    switch (bench_channel_take(connection->channel, &status)) {
    case BENCH_WAITS:
        return true;
    case BENCH_CLOSED:
        return error_set(err, ERROR_IO, "the server closed a connection after %zu answers",
                         run->result.count);
    case BENCH_ANSWERED:
        break;
    }
    vec_push(&run->times_ms, bench_now_ms() - connection->began_ms);
    run->result.count++;
    run->result.bad_count += status < 200 || status > 299;
    run->result.body_bytes += bench_channel_body(connection->channel).len;
    return send_next(run, connection, err);
}

static bool any_busy(const struct run *run) {
    for (size_t i = 0; i < run->load->connections; i++)
        if (run->connections[i].is_busy)
            return true;
    return false;
}

static double cpu_ms(const struct bench_load *load) {
    return load->server ? bench_process_cpu_ms(load->server) : NAN;
}

static bool run_all(struct run *run, struct error *err) {
    if (!connect_all(run, err))
        return false;
    double began_ms = bench_now_ms(), cpu_before_ms = cpu_ms(run->load);
    run->end_ms = began_ms + run->load->seconds * 1e3;
    for (size_t i = 0; i < run->load->connections; i++)
        if (!send_next(run, &run->connections[i], err))
            return false;
    while (any_busy(run)) {
        struct epoll_event events[BENCH_CONNECTIONS_MAX];
        int count = epoll_wait(run->epoll, events, BENCH_CONNECTIONS_MAX, STALL_MS_MAX);
        if (count == 0)
            return error_set(err, ERROR_TIMEOUT, "no answer within two minutes");
        for (int i = 0; i < count; i++)
            if (!take(run, events[i].data.ptr, err))
                return false;
    }
    run->result.seconds = (bench_now_ms() - began_ms) / 1e3;
    run->result.server_cpu_ms = cpu_ms(run->load) - cpu_before_ms;
    return true;
}

static void summarise(struct run *run) {
    size_t count = run->times_ms.count;
    if (count == 0)
        return;
    bench_sort(run->times_ms.items, count);
    run->result.p50_ms = run->times_ms.items[count / 2];
    run->result.p90_ms = run->times_ms.items[count * 90 / 100];
    run->result.p99_ms = run->times_ms.items[count * 99 / 100];
    run->result.max_ms = run->times_ms.items[count - 1];
}

bool bench_load_run(const struct bench_load *load, struct bench_load_result *ret_result,
                    struct error *err) {
    struct run *run = mem_alloc(sizeof(*run));
    assert(load->connections <= BENCH_CONNECTIONS_MAX);
    run->load = load;
    run->epoll = epoll_create1(EPOLL_CLOEXEC);
    buf_init(&run->request, REQUEST_BYTES_MAX);
    bool held = run_all(run, err);
    if (held) {
        summarise(run);
        *ret_result = run->result;
    }
    for (size_t i = 0; i < load->connections; i++)
        bench_channel_free(run->connections[i].channel);
    close(run->epoll);
    buf_release(&run->request);
    vec_release(&run->times_ms);
    mem_free(run);
    return held;
}
