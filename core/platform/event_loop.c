/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/event_loop.h"

#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/base/vec.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EVENTS_PER_WAIT = 64 };

struct watched {
    bool is_watched; /* by whoever uses the loop */
    bool is_known;   /* to epoll, for `events` */
    unsigned events;
    void (*ready)(void *context, int descriptor, unsigned events);
    void *context;
};

struct event_loop {
    int epoll;
    int signals; /* -1: not caught */
    unsigned stop_count;
    void (*guard)(void *context); /* or NULL */
    void *guard_context;
    VEC(struct watched) watched; /* by descriptor */
};

struct event_loop *event_loop_new(void) {
    struct event_loop *loop = mem_alloc(sizeof(*loop));
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    assert(loop->epoll >= 0);
    loop->signals = -1;
    return loop;
}

void event_loop_free(struct event_loop *loop) {
    if (!loop)
        return;
    if (loop->signals >= 0)
        close(loop->signals);
    close(loop->epoll);
    vec_release(&loop->watched);
    mem_free(loop);
}

static uint32_t epoll_bits(unsigned events) {
    return (events & EVENT_READABLE ? EPOLLIN : 0u) | (events & EVENT_WRITABLE ? EPOLLOUT : 0u);
}

static void tell_epoll(const struct event_loop *loop, int descriptor, unsigned events,
                       bool is_known) {
    struct epoll_event event = {.events = epoll_bits(events), .data.fd = descriptor};
    /* A descriptor that was closed and opened again is unknown to epoll although we know it. */
    if (!is_known || epoll_ctl(loop->epoll, EPOLL_CTL_MOD, descriptor, &event) != 0)
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, descriptor, &event);
}

void event_loop_watch(struct event_loop *loop, int descriptor, unsigned events,
                      void (*ready)(void *context, int descriptor, unsigned events),
                      void *context) {
    assert(descriptor >= 0);
    while (loop->watched.count <= (size_t)descriptor)
        vec_push(&loop->watched, (struct watched){0});
    struct watched *watched = &loop->watched.items[descriptor];
    bool is_resting = watched->is_known && !watched->is_watched;
    if (!is_resting || watched->events != events)
        tell_epoll(loop, descriptor, events, watched->is_known);
    *watched = (struct watched){true, true, events, ready, context};
}

static struct watched *find(struct event_loop *loop, int descriptor) {
    bool is_known = descriptor >= 0 && (size_t)descriptor < loop->watched.count &&
                    loop->watched.items[descriptor].is_known;
    return is_known ? &loop->watched.items[descriptor] : NULL;
}

void event_loop_forget(struct event_loop *loop, int descriptor) {
    struct watched *watched = find(loop, descriptor);
    if (!watched)
        return;
    *watched = (struct watched){0};
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, descriptor, NULL);
}

void event_loop_rest(struct event_loop *loop, int descriptor) {
    struct watched *watched = find(loop, descriptor);
    if (watched)
        watched->is_watched = false;
}

static void dispatch(struct event_loop *loop, const struct epoll_event *event) {
    int descriptor = event->data.fd;
    if (descriptor == loop->signals) {
        struct signalfd_siginfo info;
        while (read(loop->signals, &info, sizeof(info)) == sizeof(info))
            loop->stop_count++;
        return;
    }
    if ((size_t)descriptor >= loop->watched.count)
        return;
    struct watched watched = loop->watched.items[descriptor];
    if (!watched.is_watched) {
        event_loop_forget(loop, descriptor); /* else it would be ready for ever */
        return;
    }
    unsigned events = 0;
    if (event->events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        events |= EVENT_READABLE;
    if (event->events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        events |= EVENT_WRITABLE;
    watched.ready(watched.context, descriptor, events);
}

void event_loop_wait(struct event_loop *loop, int64_t timeout_ms) {
    struct epoll_event events[EVENTS_PER_WAIT];
    int64_t system_ms = timeout_ms < 0 ? -1 : system_ms_of_wall(timeout_ms);
    int timeout = system_ms > INT32_MAX ? INT32_MAX : (int)system_ms;
    int count = epoll_wait(loop->epoll, events, EVENTS_PER_WAIT, timeout);
    if (loop->guard)
        loop->guard(loop->guard_context);
    for (int i = 0; i < count; i++)
        dispatch(loop, &events[i]);
}

void event_loop_set_guard(struct event_loop *loop, void (*guard)(void *context), void *context) {
    loop->guard = guard;
    loop->guard_context = context;
}

void event_loop_catch_signals(struct event_loop *loop) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    struct sigaction hang_up;
    if (sigaction(SIGHUP, NULL, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN)
        sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    loop->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = loop->signals};
    epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->signals, &event);
}

bool event_loop_is_stopping(const struct event_loop *loop) {
    return loop->stop_count > 0;
}

unsigned event_loop_stop_count(const struct event_loop *loop) {
    return loop->stop_count;
}
