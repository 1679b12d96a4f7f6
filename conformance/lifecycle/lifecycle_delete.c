/* SPDX-License-Identifier: Apache-2.0 */
/* DEL-004, DEL-005, PORT-005: what is left when a runtime goes, and what must stay. */
#include "conformance/lifecycle/lifecycle_run.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"

enum { DELETE_TIMEOUT_MS = 30 * 60 * 1000, BOUND_TIMEOUT_MS = 15 * 60 * 1000 };

struct wait_gone {
    struct lifecycle_run *run;
    struct sv name;
    struct sv before; /* census that must come back */
};

static bool runtime_is_gone(struct session *session, void *context) {
    (void)session;
    const struct wait_gone *wait = context;
    AUTO(arena) arena = arena_new();
    return !run_get(wait->run, &RESOURCE_CACHE_RUNTIMES, wait->name, arena);
}

static bool nothing_is_left(struct session *session, void *context) {
    (void)session;
    const struct wait_gone *wait = context;
    AUTO(arena) arena = arena_new();
    return run_census_added(wait->before, run_census(wait->run, arena), arena).len == 0;
}

static bool delete_both(struct lifecycle_run *run, struct sv id, struct sv name) {
    struct error err = {0};
    struct wait_gone wait = {.run = run, .name = name};
    if (!run_check_request(
            run, id,
            session_delete(run->session, &RESOURCE_CACHE_RUNTIMES, run->namespace_name, name, &err),
            &err))
        return false;
    if (!run_until(run, DELETE_TIMEOUT_MS, runtime_is_gone, &wait)) {
        run_fail(run, id, "the runtime is still there %d virtual minutes after its deletion: %.*s",
                 DELETE_TIMEOUT_MS / 60000, SV_ARG(run_explain(run, name)));
        return false;
    }
    AUTO(arena) arena = arena_new();
    const struct cJSON *dataset = run_get(run, &RESOURCE_DATASETS, name, arena);
    if (!sv_eq(json_find_string(dataset, "status.phase"), SV("NotBound"))) {
        run_fail(run, id, "the Dataset is %.*s after the runtime's deletion, not NotBound",
                 SV_ARG(json_find_string(dataset, "status.phase")));
        return false;
    }
    return run_check_request(
        run, id, session_delete(run->session, &RESOURCE_DATASETS, run->namespace_name, name, &err),
        &err);
}

void lifecycle_delete(struct lifecycle_run *run) {
    struct sv id = SV("DEL-004");
    AUTO(arena) arena = arena_new();
    if (!delete_both(run, id, run->sample->name))
        return;
    /* Nothing of this namespace existed before, but for what every namespace has. */
    struct sv own = SV("services default/kubernetes\nendpointslices default/kubernetes\n");
    struct wait_gone wait = {.run = run, .before = run->census.len > 0 ? run->census : own};
    if (run_until(run, DELETE_TIMEOUT_MS, nothing_is_left, &wait)) {
        run_pass(run, id);
        return;
    }
    struct sv left = run_census_added(wait.before, run_census(run, arena), arena);
    run_fail(run, id, "left behind: %.*s", SV_ARG(left));
}

/* Two runtimes of one class in one namespace: both bind, and one outlives the other. */
void lifecycle_two_runtimes(struct lifecycle_run *run) {
    /* The first one under the sample's name: what its scripts do is known by now. */
    struct sv names[] = {run->sample->name, SV("certify-b")};
    struct error err = {0};
    if (!run_open(run, SV("PORT-005"))) {
        run_close(run);
        return;
    }
    bool bound = true;
    for (size_t i = 0; i < COUNT_OF(names) && bound; i++)
        bound = run_check_request(run, SV("PORT-005"), run_create(run, names[i], NULL, &err), &err);
    for (size_t i = 0; i < COUNT_OF(names) && bound; i++) {
        bound = run_wait_bound(run, names[i], BOUND_TIMEOUT_MS);
        if (!bound)
            run_fail(run, SV("PORT-005"),
                     "of two runtimes in one namespace %.*s is not Bound: %.*s", SV_ARG(names[i]),
                     SV_ARG(run_explain(run, names[i])));
    }
    if (bound) {
        run_pass(run, SV("PORT-005"));
        AUTO(arena) arena = arena_new();
        if (delete_both(run, SV("DEL-005"), names[0])) {
            bool rests = session_settle(run->session, DELETE_TIMEOUT_MS);
            if (rests && run_is_bound(run, names[1]) &&
                sv_contains(run_census(run, arena), SV("fluid-runtime-config-certify-b")))
                run_pass(run, SV("DEL-005"));
            else
                run_fail(run, SV("DEL-005"), "deleting one runtime hurt the other: %.*s",
                         SV_ARG(run_explain(run, names[1])));
        }
    }
    run_close(run);
}
