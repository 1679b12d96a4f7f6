/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_trace: every change and every execution of one run, in order, for the rules of a
 * scenario that speak of requests and for messages that say who wrote an object last.
 */
#ifndef CONFORMANCE_SCENARIO_SCENARIO_TRACE_H
#define CONFORMANCE_SCENARIO_SCENARIO_TRACE_H

#include "conformance/scenario/scenario.h"
#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/client/transport.h"

struct arena;
struct cJSON;

/* A scenario that causes more is stuck in a loop. */
enum { TRACE_ENTRIES_MAX = 200 * 1000 };

struct trace_entry {
    int64_t at_ms; /* since the start of the run */
    size_t step;
    struct sv user_agent;
    struct request request; /* texts and body are copies */
    int http_status;        /* 0: no answer */
    struct sv refusal;      /* what the server said with a status of 400 and above */
    /* Of an execution, for which everything above but the time is empty. */
    bool is_exec;
    struct sv role, entry;
};

struct trace {
    struct arena *arena;
    struct trace_entry *entries;
    size_t count, capacity;
    bool is_full;
    struct trace_entry ignored; /* takes what comes after that */
};

/* Copies what it keeps. `result` is the server's answer, or NULL. */
void trace_add_request(struct trace *trace, int64_t at_ms, size_t step, struct sv user_agent,
                       const struct request *request, int http_status, const struct cJSON *result);
void trace_add_exec(struct trace *trace, int64_t at_ms, size_t step, struct sv role,
                    struct sv entry);

/* `link` is {request: …} or {exec: …}. */
bool trace_matches(const struct trace_entry *entry, const struct cJSON *link, struct arena *arena);
/* "0:12.300 cacheruntime-controller apply configmaps default/x: 200". */
struct sv trace_text(const struct trace_entry *entry, struct arena *arena);
/* For people: a line for each request of the controller but watches, each write of the user and
 * each execution. */
struct sv trace_told_text(const struct trace *trace, struct arena *arena);
/* The last change of that object, or NULL. */
const struct trace_entry *trace_last_write(const struct trace *trace, const struct object_ref *ref);

#endif
