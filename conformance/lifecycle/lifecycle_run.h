/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifecycle_run: one sample in one session, and the steps that lifecycle checks are made of.
 * Private to conformance/lifecycle*.c.
 */
#ifndef CONFORMANCE_LIFECYCLE_LIFECYCLE_RUN_H
#define CONFORMANCE_LIFECYCLE_LIFECYCLE_RUN_H

#include "conformance/check.h"
#include "conformance/lifecycle/lifecycle.h"
#include "conformance/session.h"
#include "conformance/subject.h"
#include "fakeapi/cluster/world.h"

struct resource;

struct lifecycle_run {
    const struct subject *subject;
    const struct sample *sample;
    const struct lifecycle_options *options;
    struct check_results *results;
    struct arena *arena;                              /* of the results */
    struct engine engines[LIFECYCLE_ENGINES_MAX + 1]; /* one is put before them by BIND-002 */
    size_t engine_count;
    struct session *session;
    struct sv namespace_name;
    struct sv census; /* of the cluster before anything was made; SV(""): it was made for us */
    bool is_bound;    /* what comes after Bound may be tried */
    struct lifecycle_measurements measurements;
};

/* A session with the class and the vendor's other objects applied. False: an error result was
 * added for `id`. */
bool run_open(struct lifecycle_run *run, struct sv id);
void run_close(struct lifecycle_run *run);

/* Adds a failure of `id` that points at the class. */
struct check_result *run_fail(struct lifecycle_run *run, struct sv id, const char *format, ...)
    PRINTF_LIKE(3, 4);
void run_pass(struct lifecycle_run *run, struct sv id);
void run_skip(struct lifecycle_run *run, struct sv id, const char *why);
/* The class has it, and this cluster does not let it be seen. */
void run_skip_unobservable(struct lifecycle_run *run, struct sv id, const char *why);
/* As session_run_until(), and no shorter than a busy machine needs. */
bool run_until(struct lifecycle_run *run, int64_t timeout_ms,
               bool (*holds)(struct session *session, void *context), void *context);
/* Fails `id` when the request did not succeed. */
bool run_check_request(struct lifecycle_run *run, struct sv id, bool succeeded,
                       const struct error *err);

/* Applies the sample's dataset and runtime under `name`, changed by `patch_runtime` (a JSON merge
 * patch, or NULL). */
bool run_create(struct lifecycle_run *run, struct sv name, const struct cJSON *patch_runtime,
                struct error *err);
/* Until Dataset Bound and runtime Ready=True with everything observed. */
bool run_wait_bound(struct lifecycle_run *run, struct sv name, int64_t timeout_ms);
/* Whether that is so now. */
bool run_is_bound(struct lifecycle_run *run, struct sv name);
/* What the controller says the runtime waits for: "PodsReady: …". */
struct sv run_explain(struct lifecycle_run *run, struct sv name);

const struct cJSON *run_get(struct lifecycle_run *run, const struct resource *resource,
                            struct sv name, struct arena *arena);
/* Merge patch from JSON text. */
bool run_patch(struct lifecycle_run *run, const struct resource *resource, struct sv name,
               struct error *err, const char *format, ...) PRINTF_LIKE(5, 6);

/* Every object (of the kinds that a runtime causes) and every node label of ours as sorted lines,
 * to compare before and after. */
struct sv run_census(struct lifecycle_run *run, struct arena *arena);
/* The lines of `after` that `before` does not have; SV("") when there are none. */
struct sv run_census_added(struct sv before, struct sv after, struct arena *arena);

/* Steps, in lifecycle_*.c; each adds the results of the ids in its name. */
void lifecycle_bind(struct lifecycle_run *run);
void lifecycle_steady(struct lifecycle_run *run);
void lifecycle_scale(struct lifecycle_run *run);
void lifecycle_mounts(struct lifecycle_run *run);
void lifecycle_restart(struct lifecycle_run *run);
void lifecycle_health(struct lifecycle_run *run);
void lifecycle_upgrade(struct lifecycle_run *run);
void lifecycle_delete(struct lifecycle_run *run);
/* FLT-001; its sessions are always simulated. */
void lifecycle_faults(struct lifecycle_run *run);
/* These open sessions of their own. */
void lifecycle_failing_mounts(struct lifecycle_run *run);
void lifecycle_disabled_components(struct lifecycle_run *run);
void lifecycle_two_runtimes(struct lifecycle_run *run);

#endif
