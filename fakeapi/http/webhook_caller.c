/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/webhook_caller.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "fakeapi/http/remote.h"
#include "fakeapi/server/rbac.h"

enum {
    /* Calls at once; more are refused: a server under test has a handful of webhooks. */
    CALLS_MAX = 1024,
    LINE_BYTES_MAX = 4096,
};

struct webhook_caller {
    struct webhook_client client;   /* first: a client pointer is a caller pointer */
    struct curl_loop *loop;         /* borrowed */
    const struct tls_identity *tls; /* borrowed; NULL: no certificate to show */
    struct open_call *calls;
    size_t call_count;
    bool is_ended;
};

struct open_call {
    struct remote remote; /* first: what the loop hands back */
    struct open_call *next, *previous;
    struct webhook_caller *caller;
    struct dialogue *dialogue;
    size_t index;
    bool is_get, is_added;
    char *url;
    struct buf answer;
};

/* --- calls --- */

static void free_call(struct open_call *call) {
    struct webhook_caller *caller = call->caller;
    *(call->previous ? &call->previous->next : &caller->calls) = call->next;
    if (call->next)
        call->next->previous = call->previous;
    caller->call_count--;
    if (call->is_added)
        curl_loop_remove(caller->loop, call->remote.easy);
    remote_release(&call->remote);
    buf_release(&call->answer);
    mem_free(call->url);
    mem_free(call);
}

/* As Go's HTTP client words it: `Post "https://…": connection refused`. */
static void fail(struct open_call *call, const char *why) {
    char line[LINE_BYTES_MAX];
    snprintf(line, sizeof(line), "%s \"%s\": %s", call->is_get ? "Get" : "Post", call->url, why);
    struct dialogue *dialogue = call->dialogue;
    size_t index = call->index;
    free_call(call);
    dialogue_fail(dialogue, index, sv_from(line));
}

static void finish(struct curl_transfer *transfer, CURLcode result) {
    struct open_call *call = (struct open_call *)transfer;
    long status = 0;
    char problem[REMOTE_PROBLEM_BYTES_MAX];
    if (result != CURLE_OK) {
        remote_problem(&call->remote, result, problem);
        fail(call, result == CURLE_WRITE_ERROR ? "the answer is larger than 3 MiB" : problem);
        return;
    }
    curl_easy_getinfo(call->remote.easy, CURLINFO_RESPONSE_CODE, &status);
    struct dialogue *dialogue = call->dialogue;
    dialogue_answer(dialogue, call->index, (int)status, buf_view(&call->answer));
    free_call(call);
}

static size_t take_answer(char *bytes, size_t size, size_t count, void *context) {
    struct open_call *call = context;
    return buf_append(&call->answer, (struct sv){bytes, size * count}) ? size * count : 0;
}

/* The server tells a webhook how long it waits. */
static char *url_of(const struct webhook_call *call) {
    AUTO(arena) arena = arena_new();
    struct sv url = call->target.url;
    if (call->get_as.len == 0)
        url = arena_printf(arena, "%.*s?timeout=%llds", SV_ARG(url),
                           (long long)(call->timeout_ms / 1000));
    return mem_copy_text(url);
}

static void set_up_post(struct open_call *open, const struct webhook_call *call) {
    CURL *easy = open->remote.easy;
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "kube-apiserver-admission");
    remote_add_header(&open->remote, SV("Content-Type"), SV("application/json"));
    remote_add_header(&open->remote, SV("Accept"), SV("application/json, */*"));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.ptr);
}

/* Of an aggregated API server, for a part of the cluster. */
static void set_up_get(struct open_call *open, const struct webhook_call *call) {
    static const struct sv groups[] = {{"system:masters", 14}, {"system:authenticated", 20}};
    struct user_info user = {
        .name = call->get_as, .uid = {"", 0}, .groups = groups, .group_count = COUNT_OF(groups)};
    remote_add_header(&open->remote, SV("Accept"), SV("application/json"));
    remote_ask_as(&open->remote, open->caller->tls, &user);
}

static void set_up(struct open_call *open, const struct webhook_call *call) {
    remote_init(&open->remote, &call->target, open->url);
    open->remote.transfer.done = finish;
    CURL *easy = open->remote.easy;
    if (open->is_get)
        set_up_get(open, call);
    else
        set_up_post(open, call);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, open);
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
        .is_get = call->get_as.len > 0,
        .url = url_of(call),
    };
    if (open->next)
        open->next->previous = open;
    caller->calls = open;
    caller->call_count++;
    buf_init(&open->answer, WEBHOOK_ANSWER_BYTES_MAX);
    set_up(open, call);
    open->is_added = true;
    curl_loop_add(caller->loop, open->remote.easy, &open->remote.transfer);
}

static void forget(struct webhook_client *client, struct dialogue *dialogue) {
    struct webhook_caller *caller = (struct webhook_caller *)client;
    for (struct open_call *call = caller->calls, *next; call; call = next) {
        next = call->next;
        if (call->dialogue == dialogue)
            free_call(call);
    }
}

/* --- its life --- */

struct webhook_caller *webhook_caller_new(struct curl_loop *loop, const struct tls_identity *tls) {
    struct webhook_caller *caller = mem_alloc(sizeof(*caller));
    *caller = (struct webhook_caller){.client = {ask, forget}, .loop = loop, .tls = tls};
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
    mem_free(caller);
}

struct webhook_client *webhook_caller_client(struct webhook_caller *caller) {
    return &caller->client;
}
