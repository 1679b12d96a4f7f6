/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/curl_loop.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "fakeapi/http/http_parts.h"

#include <sys/epoll.h>

enum { CONNECTIONS_MAX = 64 /* kept for reuse */ };

struct curl_loop {
    int epoll;
    struct clock *clock;
    CURLM *multi;
    int64_t timer_ms;
    /* Sockets that are gone: what epoll handed back before may still point to them. */
    struct socket_waiter *retired;
};

/* One socket of libcurl's. */
struct socket_waiter {
    struct waiter waiter; /* first: what epoll hands back */
    struct curl_loop *loop;
    struct socket_waiter *next_retired;
    int descriptor; /* -1: it is gone */
};

static void retire(struct socket_waiter *socket) {
    socket->descriptor = -1;
    socket->next_retired = socket->loop->retired;
    socket->loop->retired = socket;
}

static void free_retired(struct curl_loop *loop) {
    struct socket_waiter *next;
    for (struct socket_waiter *socket = loop->retired; socket; socket = next) {
        next = socket->next_retired;
        mem_free(socket);
    }
    loop->retired = NULL;
}

static void collect_done(struct curl_loop *loop) {
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(loop->multi, &left))) {
        struct curl_transfer *transfer = NULL;
        CURLcode result = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        transfer->done(transfer, result);
    }
}

static void socket_ready(struct waiter *waiter, unsigned events) {
    struct socket_waiter *socket = (struct socket_waiter *)waiter;
    struct curl_loop *loop = socket->loop;
    int running;
    if (socket->descriptor < 0)
        return;
    int bits = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(loop->multi, socket->descriptor, bits, &running);
    collect_done(loop);
}

static int watch_socket(CURL *easy, curl_socket_t descriptor, int what, void *context,
                        void *socket_context) {
    (void)easy;
    struct curl_loop *loop = context;
    struct socket_waiter *socket = socket_context;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, descriptor, NULL);
        if (socket)
            retire(socket);
        return 0;
    }
    int operation = socket ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (!socket) {
        socket = mem_alloc(sizeof(*socket));
        *socket = (struct socket_waiter){
            .waiter = {socket_ready}, .loop = loop, .descriptor = descriptor};
        curl_multi_assign(loop->multi, descriptor, socket);
    }
    struct epoll_event event = {
        .events = (what & CURL_POLL_IN ? (unsigned)EPOLLIN : 0u) |
                  (what & CURL_POLL_OUT ? (unsigned)EPOLLOUT : 0u),
        .data.ptr = &socket->waiter,
    };
    epoll_ctl(loop->epoll, operation, descriptor, &event);
    return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *context) {
    (void)multi;
    struct curl_loop *loop = context;
    loop->timer_ms = timeout_ms < 0 ? DEADLINE_NEVER : clock_now_ms(loop->clock) + timeout_ms;
    return 0;
}

void curl_loop_run(struct curl_loop *loop, int64_t now_ms) {
    int running;
    free_retired(loop);
    if (loop->timer_ms > now_ms)
        return;
    loop->timer_ms = DEADLINE_NEVER;
    curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_done(loop);
}

int64_t curl_loop_next_ms(const struct curl_loop *loop) {
    return loop->timer_ms;
}

void curl_loop_add(struct curl_loop *loop, CURL *easy, struct curl_transfer *transfer) {
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_multi_add_handle(loop->multi, easy);
}

void curl_loop_remove(struct curl_loop *loop, CURL *easy) {
    curl_multi_remove_handle(loop->multi, easy);
}

struct curl_loop *curl_loop_new(int epoll, struct clock *clock) {
    struct curl_loop *loop = mem_alloc(sizeof(*loop));
    *loop = (struct curl_loop){
        .epoll = epoll,
        .clock = clock,
        .multi = curl_multi_init(),
        .timer_ms = DEADLINE_NEVER,
    };
    assert(loop->multi);
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
    return loop;
}

void curl_loop_free(struct curl_loop *loop) {
    if (!loop)
        return;
    curl_multi_cleanup(loop->multi);
    free_retired(loop);
    mem_free(loop);
}
