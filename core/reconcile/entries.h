/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entries: the class's execution entries (contract.md §5): which pod serves one, when it is due,
 * and what its answer means. At most one execution of a runtime runs at a time.
 */
#ifndef CORE_RECONCILE_ENTRIES_H
#define CORE_RECONCILE_ENTRIES_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/reconcile/snapshot.h"

struct cJSON;
struct component;
struct pass;

struct server {
    const struct component *component;
    const struct cJSON *entry; /* the declaration */
    const struct cJSON *pod;   /* NULL: no pod of the component is ready */
    struct sv container, container_id;
    int32_t restart_count;
};

/* False when no component declares the entry. */
bool entry_server(const struct pass *pass, enum execution_entry entry, struct server *ret_server);
/* Fills pod and container; for one particular pod of the component. */
void entry_serve_from(struct server *server, const struct cJSON *pod);
/* A client that starts only where a volume is mounted, or a component that was scaled to zero:
 * its entries wait for its first pod, and nothing waits for them. */
bool entry_may_wait(const struct server *server);
bool entry_is_ours(const struct server *server, const struct execution *execution);

/* What the process is started with. */
struct entry_command {
    const struct sv *arguments;
    size_t count;
    bool has_stdin; /* it reads runtime.json from there */
};
struct entry_command entry_command(struct pass *pass, const struct cJSON *entry);

/* Nothing runs, nothing is planned to run, and the server has not asked to wait; where it has, the
 * plan wakes when it takes the next one. */
bool entry_can_execute(struct pass *pass);
void entry_execute(struct pass *pass, enum execution_entry entry, const struct server *server,
                   struct sv input_hash, struct sv reason, int64_t timeout_ms);
/* The entry's own timeout. */
int64_t entry_timeout_ms(const struct server *server, enum execution_entry entry);
/* Ended with exit status 0. Otherwise `ret_message` says what happened. */
bool entry_succeeded(struct pass *pass, const struct execution *execution, struct sv *ret_message);
/* When an entry that failed is tried again. */
int64_t entry_retry_ms(const struct execution *execution);
/* When it is tried in a pod in which `last` (or NULL) did not run: at once, but for pods that
 * cannot be reached one after the other. */
int64_t entry_first_try_ms(const struct pass *pass, const struct execution *last);

/* How many workers the cache has, and shall have, as the input of a check. */
struct sv entry_size(struct pass *pass);
/* checkRuntimeReady has passed with that input, or there is nobody to ask. */
bool entry_check_holds(struct pass *pass, struct sv input);

/* The last report counted all pods of the component that holds the cache, and all are there. */
bool entry_report_counts(struct pass *pass, const struct component *component);

/* Stages. The first two open or close GATE_READY_CHECK and GATE_MOUNTS. */
void gate_ready_check(struct pass *pass);
void gate_mounts(struct pass *pass); /* in mounts.c */
/* Reads the last summary and asks for the next one; false: wait for the first one with binding. */
bool entry_report(struct pass *pass);

#endif
