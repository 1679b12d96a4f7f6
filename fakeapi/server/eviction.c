/* SPDX-License-Identifier: Apache-2.0 */
/* Evictions: deletions that disruption budgets may refuse (apiserver-semantics.md §1.14). */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/server/server_parts.h"

enum { DISRUPTED_PODS_MAX = 2000, RETRY_AFTER_S = 10 };

static struct collection *budgets_of(struct call *call) {
    return builtin_collection(call->api, SV("policy"), SV("poddisruptionbudgets"));
}

/* How many budgets are about the pod; `ret_budget` is the first of them. */
static size_t find_budgets(struct call *call, const struct cJSON *pod, struct stored **ret_budget) {
    struct collection *budgets = budgets_of(call);
    struct position position = collection_seek(budgets, object_namespace(pod), SV(""));
    struct stored *stored;
    size_t count = 0;
    while ((stored = collection_at(budgets, &position)) &&
           sv_eq(stored->namespace_name, object_namespace(pod))) {
        struct selector selector;
        struct error err = {0};
        position_advance(&position);
        if (selector_from_object(call->arena, json_find(stored_tree(stored), "spec.selector"),
                                 &selector, &err) &&
            selector_matches(&selector, json_find(pod, "metadata.labels")) && count++ == 0)
            *ret_budget = stored;
    }
    return count;
}

/* --- which pods a budget does not protect --- */

/* One that does not run yet, or no longer, disrupts nothing. */
static bool is_beyond_budgets(const struct cJSON *pod) {
    static const struct sv phases[] = {SV("Succeeded"), SV("Failed"), SV("Pending")};
    return object_is_deleting(pod) || sv_index_of(json_find_string(pod, "status.phase"), phases,
                                                  COUNT_OF(phases)) < COUNT_OF(phases);
}

static bool is_ready(const struct cJSON *pod) {
    return object_condition_is_true(pod, SV("Ready"));
}

/* By spec.unhealthyPodEvictionPolicy: IfHealthyBudget unless it says AlwaysAllow. */
static bool lets_unhealthy_go(const struct cJSON *budget) {
    if (sv_eq(json_find_string(budget, "spec.unhealthyPodEvictionPolicy"), SV("AlwaysAllow")))
        return true;
    int64_t desired = json_find_int(budget, "status.desiredHealthy", 0);
    return desired > 0 && json_find_int(budget, "status.currentHealthy", 0) >= desired;
}

/* --- refusals --- */

static bool refuse_for_now(struct call *call, struct sv cause, int64_t retry_after_s) {
    struct cJSON *details = json_map(call->arena);
    add_cause(call, details, SV("DisruptionBudget"), cause, SV(""));
    if (retry_after_s > 0)
        json_set_int(call->arena, details, SV("retryAfterSeconds"), retry_after_s);
    return refuse(call, 429, "TooManyRequests",
                  SV("Cannot evict pod as it would violate the pod's disruption budget."), details);
}

static bool check_budget(struct call *call, const struct cJSON *budget) {
    struct sv name = object_name(budget);
    if (json_find_int(budget, "status.observedGeneration", 0) < object_generation(budget))
        return refuse_for_now(call,
                              arena_printf(call->arena,
                                           "The disruption budget %.*s is still being processed "
                                           "by the server.",
                                           SV_ARG(name)),
                              RETRY_AFTER_S);
    if (json_count(json_find(budget, "status.disruptedPods")) > DISRUPTED_PODS_MAX) {
        refuse_forbidden(call, call->request->name,
                         SV("DisruptedPods map too big - too many evictions not confirmed by PDB "
                            "controller"));
        return false;
    }
    if (json_find_int(budget, "status.disruptionsAllowed", 0) > 0)
        return true;
    return refuse_for_now(
        call,
        arena_printf(call->arena,
                     "The disruption budget %.*s needs %lld healthy pods and has "
                     "%lld currently",
                     SV_ARG(name), (long long)json_find_int(budget, "status.desiredHealthy", 0),
                     (long long)json_find_int(budget, "status.currentHealthy", 0)),
        0);
}

/* The next eviction must not use the same allowance, though no controller saw this one yet. */
static void charge(struct call *call, struct stored *budget, const struct cJSON *pod) {
    struct cJSON *tree = json_copy(call->arena, stored_tree(budget));
    struct cJSON *status = json_ensure_map(call->arena, tree, SV("status"));
    json_set_int(call->arena, status, SV("disruptionsAllowed"),
                 json_int_or(status, SV("disruptionsAllowed"), 1) - 1);
    json_set_string(call->arena, json_ensure_map(call->arena, status, SV("disruptedPods")),
                    object_name(pod), api_time_format(call->now_ms, call->arena));
    store_put(call->api->store, budgets_of(call), tree, call->arena);
}

/* False: refused. `ret_charged` is the budget that pays, or NULL. */
static bool ask_budgets(struct call *call, const struct cJSON *pod, struct stored **ret_charged) {
    struct stored *budget = NULL;
    *ret_charged = NULL;
    if (is_beyond_budgets(pod))
        return true;
    size_t count = find_budgets(call, pod, &budget);
    if (count > 1)
        return refuse(call, 500, "",
                      SV("This pod has more than one PodDisruptionBudget, which the eviction "
                         "subresource does not support."),
                      NULL);
    if (count == 0 || (!is_ready(pod) && lets_unhealthy_go(stored_tree(budget))))
        return true;
    *ret_charged = budget;
    return check_budget(call, stored_tree(budget));
}

/* --- all --- */

/* False: refused. A rehearsal answers only then. */
static bool delete_pod(struct call *call, bool is_rehearsal) {
    struct request request = *call->request;
    request.verb = VERB_DELETE;
    request.subresource = SV("");
    request.body = json_get(call->request->body, SV("deleteOptions"));
    request.dry_run |= is_rehearsal;
    struct api_response response;
    struct call inner = inner_call(call, call->type, &request, &response);
    inner.dialogue = NULL; /* webhooks were asked about the eviction */
    handle_delete(&inner);
    if (response.http_status != 200)
        answer(call, response.http_status, response.body);
    else if (!is_rehearsal)
        answer_created(call);
    return response.http_status == 200;
}

void handle_eviction(struct call *call) {
    struct sv name = json_find_string(call->request->body, "metadata.name");
    if (name.len > 0 && !sv_eq(name, call->request->name)) {
        refuse_bad_request(call, SV("name in URL does not match name in Eviction object"));
        return;
    }
    struct stored *stored = find_or_refuse(call), *charged;
    if (!stored || !admit_posted(call) || !ask_budgets(call, stored_tree(stored), &charged) ||
        !delete_pod(call, true))
        return;
    struct cJSON *tree = json_copy(call->arena, stored_tree(stored));
    set_pod_condition(call, tree, SV("DisruptionTarget"), SV("EvictionByEvictionAPI"),
                      SV("Eviction API: evicting"));
    if (charged && !is_dry_run(call))
        charge(call, charged, tree);
    if (!is_dry_run(call))
        store_put(call->api->store, call->collection, tree, call->arena);
    delete_pod(call, false);
}
