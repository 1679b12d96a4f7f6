/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/webhook_caller.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "fakeapi/http/http_parts.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netdb.h>
#include <sys/epoll.h>

enum {
    /* Calls at once; more are refused: a server under test has a handful of webhooks. */
    CALLS_MAX = 1024,
    CONNECTIONS_MAX = 64, /* kept for reuse */
    LINE_BYTES_MAX = 4096,
    ADDRESS_BYTES_MAX = INET6_ADDRSTRLEN + 16, /* with a port */
};

struct webhook_caller {
    struct webhook_client client; /* first: a client pointer is a caller pointer */
    int epoll;
    struct clock *clock;
    CURLM *multi;
    int64_t timer_ms;
    struct open_call *calls;
    size_t call_count;
    bool is_ended;
};

/* One socket of libcurl's. */
struct socket_waiter {
    struct waiter waiter; /* first: what epoll hands back */
    struct webhook_caller *caller;
    int descriptor;
};

struct open_call {
    struct open_call *next, *previous;
    struct webhook_caller *caller;
    struct dialogue *dialogue;
    size_t index;
    CURL *easy;
    struct curl_slist *headers, *connect_to;
    char *url;
    struct buf answer;
    char message[CURL_ERROR_SIZE];
    char address[ADDRESS_BYTES_MAX]; /* "127.0.0.1:443"; "": none was tried */
};

/* --- calls --- */

static void free_call(struct open_call *call) {
    struct webhook_caller *caller = call->caller;
    *(call->previous ? &call->previous->next : &caller->calls) = call->next;
    if (call->next)
        call->next->previous = call->previous;
    caller->call_count--;
    if (call->easy) {
        curl_multi_remove_handle(caller->multi, call->easy);
        curl_easy_cleanup(call->easy);
    }
    curl_slist_free_all(call->headers);
    curl_slist_free_all(call->connect_to);
    buf_release(&call->answer);
    mem_free(call->url);
    mem_free(call);
}

/* As Go's HTTP client words it: `Post "https://…": connection refused`. */
static void fail(struct open_call *call, const char *why) {
    char line[LINE_BYTES_MAX];
    snprintf(line, sizeof(line), "Post \"%s\": %s", call->url, why);
    struct dialogue *dialogue = call->dialogue;
    size_t index = call->index;
    free_call(call);
    dialogue_fail(dialogue, index, sv_from(line));
}

/* Where it went last is a part of Go's words for a refusal. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to) {
    struct open_call *call = context;
    char host[INET6_ADDRSTRLEN] = "", port[8] = "";
    (void)purpose;
    getnameinfo(&to->addr, to->addrlen, host, sizeof(host), port, sizeof(port),
                NI_NUMERICHOST | NI_NUMERICSERV);
    bool is_ipv6 = to->family == AF_INET6;
    snprintf(call->address, sizeof(call->address), "%s%s%s:%s", is_ipv6 ? "[" : "", host,
             is_ipv6 ? "]" : "", port);
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Whether nobody listens there. */
static bool is_refused(const struct open_call *call, CURLcode result) {
    long number = 0;
    curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &number);
    return result == CURLE_COULDNT_CONNECT && number == ECONNREFUSED && call->address[0];
}

static void finish(struct open_call *call, CURLcode result) {
    long status = 0;
    char refusal[ADDRESS_BYTES_MAX + 64];
    if (is_refused(call, result)) {
        snprintf(refusal, sizeof(refusal), "dial tcp %s: connect: connection refused",
                 call->address);
        fail(call, refusal);
        return;
    }
    if (result == CURLE_OPERATION_TIMEDOUT) {
        fail(call, "context deadline exceeded");
        return;
    }
    if (result == CURLE_WRITE_ERROR) {
        fail(call, "the answer is larger than 3 MiB");
        return;
    }
    if (result != CURLE_OK) {
        fail(call, call->message[0] ? call->message : curl_easy_strerror(result));
        return;
    }
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    struct dialogue *dialogue = call->dialogue;
    dialogue_answer(dialogue, call->index, (int)status, buf_view(&call->answer));
    free_call(call);
}

static void collect_done(struct webhook_caller *caller) {
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(caller->multi, &left))) {
        struct open_call *call;
        CURLcode result = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        finish(call, result);
    }
}

static size_t take_answer(char *bytes, size_t size, size_t count, void *context) {
    struct open_call *call = context;
    return buf_append(&call->answer, (struct sv){bytes, size * count}) ? size * count : 0;
}

/* The server tells the webhook how long it waits. */
static char *url_with_timeout(const struct webhook_call *call) {
    size_t size = call->target.url.len + 32;
    char *url = mem_alloc(size);
    snprintf(url, size, "%.*s?timeout=%llds", SV_ARG(call->target.url),
             (long long)(call->timeout_ms / 1000));
    return url;
}

/* The certificate still has to be that of the URL's host. */
static void send_elsewhere(struct open_call *open, struct sv address) {
    char line[LINE_BYTES_MAX];
    snprintf(line, sizeof(line), "::%.*s", SV_ARG(address));
    open->connect_to = curl_slist_append(NULL, line);
    curl_easy_setopt(open->easy, CURLOPT_CONNECT_TO, open->connect_to);
}

static void set_up(struct open_call *open, const struct webhook_call *call) {
    CURL *easy = open->easy = curl_easy_init();
    assert(easy);
    open->headers = curl_slist_append(NULL, "Content-Type: application/json");
    open->headers = curl_slist_append(open->headers, "Accept: application/json, */*");
    open->headers = curl_slist_append(open->headers, "Expect:");
    curl_easy_setopt(easy, CURLOPT_URL, open->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, open->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "kube-apiserver-admission");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.ptr);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, open);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, open->message);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, open);
    if (call->target.connect_to.len > 0)
        send_elsewhere(open, call->target.connect_to);
    if (call->target.ca_bundle.len > 0) {
        struct curl_blob blob = {(void *)(uintptr_t)call->target.ca_bundle.ptr,
                                 call->target.ca_bundle.len, CURL_BLOB_COPY};
        curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    }
}

static void ask(struct webhook_client *client, struct dialogue *dialogue,
                const struct webhook_call *call) {
    struct webhook_caller *caller = (struct webhook_caller *)client;
    if (caller->is_ended || caller->call_count >= CALLS_MAX) {
        dialogue_fail(dialogue, call->index,
                      caller->is_ended ? SV("the server is stopping")
                                       : SV("1024 calls of webhooks are open already"));
        return;
    }
    struct open_call *open = mem_alloc(sizeof(*open));
    *open = (struct open_call){
        .next = caller->calls,
        .caller = caller,
        .dialogue = dialogue,
        .index = call->index,
        .url = url_with_timeout(call),
    };
    if (open->next)
        open->next->previous = open;
    caller->calls = open;
    caller->call_count++;
    buf_init(&open->answer, WEBHOOK_ANSWER_BYTES_MAX);
    set_up(open, call);
    curl_multi_add_handle(caller->multi, open->easy);
}

static void forget(struct webhook_client *client, struct dialogue *dialogue) {
    struct webhook_caller *caller = (struct webhook_caller *)client;
    for (struct open_call *call = caller->calls, *next; call; call = next) {
        next = call->next;
        if (call->dialogue == dialogue)
            free_call(call);
    }
}

/* --- libcurl's side of the loop --- */

static void socket_ready(struct waiter *waiter, unsigned events) {
    struct socket_waiter *socket = (struct socket_waiter *)waiter;
    struct webhook_caller *caller = socket->caller;
    int running;
    int bits = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(caller->multi, socket->descriptor, bits, &running);
    collect_done(caller);
}

static int watch_socket(CURL *easy, curl_socket_t descriptor, int what, void *context,
                        void *socket_context) {
    (void)easy;
    struct webhook_caller *caller = context;
    struct socket_waiter *socket = socket_context;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(caller->epoll, EPOLL_CTL_DEL, descriptor, NULL);
        mem_free(socket);
        return 0;
    }
    int operation = socket ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (!socket) {
        socket = mem_alloc(sizeof(*socket));
        *socket = (struct socket_waiter){{socket_ready}, caller, descriptor};
        curl_multi_assign(caller->multi, descriptor, socket);
    }
    struct epoll_event event = {
        .events = (what & CURL_POLL_IN ? (unsigned)EPOLLIN : 0u) |
                  (what & CURL_POLL_OUT ? (unsigned)EPOLLOUT : 0u),
        .data.ptr = &socket->waiter,
    };
    epoll_ctl(caller->epoll, operation, descriptor, &event);
    return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *context) {
    (void)multi;
    struct webhook_caller *caller = context;
    caller->timer_ms = timeout_ms < 0 ? DEADLINE_NEVER : clock_now_ms(caller->clock) + timeout_ms;
    return 0;
}

void webhook_caller_run(struct webhook_caller *caller, int64_t now_ms) {
    int running;
    if (caller->timer_ms > now_ms)
        return;
    caller->timer_ms = DEADLINE_NEVER;
    curl_multi_socket_action(caller->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_done(caller);
}

int64_t webhook_caller_next_ms(const struct webhook_caller *caller) {
    return caller->timer_ms;
}

/* --- its life --- */

struct webhook_caller *webhook_caller_new(int epoll, struct clock *clock) {
    struct webhook_caller *caller = mem_alloc(sizeof(*caller));
    *caller = (struct webhook_caller){
        .client = {ask, forget},
        .epoll = epoll,
        .clock = clock,
        .multi = curl_multi_init(),
        .timer_ms = DEADLINE_NEVER,
    };
    assert(caller->multi);
    curl_multi_setopt(caller->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(caller->multi, CURLMOPT_SOCKETDATA, caller);
    curl_multi_setopt(caller->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(caller->multi, CURLMOPT_TIMERDATA, caller);
    curl_multi_setopt(caller->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
    return caller;
}

void webhook_caller_end(struct webhook_caller *caller) {
    caller->is_ended = true;
    while (caller->calls)
        fail(caller->calls, "the server is stopping");
}

void webhook_caller_free(struct webhook_caller *caller) {
    if (!caller)
        return;
    webhook_caller_end(caller);
    curl_multi_cleanup(caller->multi);
    mem_free(caller);
}

struct webhook_client *webhook_caller_client(struct webhook_caller *caller) {
    return &caller->client;
}
