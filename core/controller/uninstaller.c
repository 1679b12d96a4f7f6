/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/uninstaller.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "core/reconcile/uninstall.h"

enum {
    PAGE_ITEMS = 500,
    /* Objects change between the look and the patch; whatever is there after so many looks is
     * written back by somebody. */
    ROUNDS_MAX = 5,
};

struct uninstaller {
    const struct uninstaller_options *options;
    struct arena *arena; /* of one round */
};

static bool ask(struct uninstaller *uninstaller, const struct request *request,
                const struct cJSON **ret_body, struct error *err) {
    return uninstaller->options->ask(uninstaller->options->client, request, uninstaller->arena,
                                     ret_body, err);
}

/* "removed the finalizer …" */
static void tell(const struct uninstaller *uninstaller, const char *before, struct sv what,
                 const char *behind) {
    uninstaller->options->tell(
        uninstaller->options->context,
        arena_printf(uninstaller->arena, "%s%.*s%s", before, SV_ARG(what), behind));
}

/* All items of all pages; none of a kind that the cluster does not have. */
static bool list(struct uninstaller *uninstaller, struct request request,
                 const struct cJSON **ret_items, struct error *err) {
    struct cJSON *items = json_list(uninstaller->arena);
    request.limit = PAGE_ITEMS;
    do {
        const struct cJSON *page;
        if (!ask(uninstaller, &request, &page, err)) {
            *ret_items = items;
            return err->code == ERROR_NOT_FOUND ||
                   error_wrap(err, "listing %.*s", SV_ARG(request.plural));
        }
        JSON_EACH (item, json_get(page, SV("items")))
            json_append(items, json_share(uninstaller->arena, item));
        request.continue_token = json_find_string(page, "metadata.continue");
    } while (request.continue_token.len > 0);
    *ret_items = items;
    return true;
}

/* --- who else is there --- */

static bool is_held(const struct cJSON *lease, int64_t now_ms) {
    int64_t renewed_ms;
    int64_t seconds = json_find_int(lease, "spec.leaseDurationSeconds", 15);
    return json_find_string(lease, "spec.holderIdentity").len > 0 &&
           api_time_parse(json_find_string(lease, "spec.renewTime"), &renewed_ms) &&
           now_ms < renewed_ms + seconds * 1000;
}

static bool look_at_leases(struct uninstaller *uninstaller, struct uninstall_input *input,
                           struct error *err) {
    struct request request =
        request_to(VERB_LIST, &RESOURCE_LEASES, uninstaller->options->namespace_name, SV(""));
    const struct cJSON *leases;
    if (!list(uninstaller, request, &leases, err))
        return false;
    JSON_EACH (lease, leases) {
        struct sv name = object_name(lease);
        if (!is_held(lease, uninstaller->options->now_ms))
            continue;
        if (sv_eq(name, SV("dataset.data.fluid.io")))
            input->has_dataset_controller = true;
        if (sv_starts_with(name, SV("cache.data.fluid.io")) && !uninstaller->options->is_dry_run)
            return error_set(err, ERROR_CONFLICT,
                             "the controller %.*s holds the lease %.*s and would write everything "
                             "back; stop it first, for example: kubectl -n %.*s scale deployment "
                             "cacheruntime-controller --replicas=0",
                             SV_ARG(json_find_string(lease, "spec.holderIdentity")), SV_ARG(name),
                             SV_ARG(uninstaller->options->namespace_name));
    }
    return true;
}

/* --- one round --- */

static bool look(struct uninstaller *uninstaller, struct uninstall_plan *ret_plan,
                 struct error *err) {
    struct uninstall_input input = {0};
    struct request nodes = request_to(VERB_LIST, &RESOURCE_NODES, SV(""), SV(""));
    struct request volumes = request_to(VERB_LIST, &RESOURCE_PERSISTENT_VOLUMES, SV(""), SV(""));
    nodes.metadata_only = true;
    volumes.label_selector = SV("cacheruntime.fluid.io/name");
    if (!look_at_leases(uninstaller, &input, err) ||
        !list(uninstaller, request_to(VERB_LIST, &RESOURCE_CACHE_RUNTIMES, SV(""), SV("")),
              &input.runtimes, err) ||
        !list(uninstaller, request_to(VERB_LIST, &RESOURCE_DATASETS, SV(""), SV("")),
              &input.datasets, err) ||
        !list(uninstaller, nodes, &input.nodes, err) ||
        !list(uninstaller, volumes, &input.volumes, err))
        return false;
    uninstall_make(&input, uninstaller->arena, ret_plan);
    return true;
}

static bool send(struct uninstaller *uninstaller, const struct uninstall_step *step,
                 struct error *err) {
    struct request request =
        request_to(VERB_PATCH, step->resource, step->namespace_name, step->name);
    const struct cJSON *ignored;
    struct error trouble = {0};
    request.patch_type = PATCH_MERGE;
    request.body = step->body;
    if (ask(uninstaller, &request, &ignored, &trouble)) {
        tell(uninstaller, "removed ", step->message, "");
        return true;
    }
    /* Changed or gone meanwhile: the next look tells. */
    return trouble.code == ERROR_CONFLICT || trouble.code == ERROR_NOT_FOUND ||
           error_set(err, trouble.code, "removing %.*s: %s", SV_ARG(step->message),
                     trouble.message);
}

static void tell_dry(const struct uninstaller *uninstaller, const struct uninstall_plan *plan) {
    for (size_t i = 0; i < plan->count; i++)
        tell(uninstaller, "would remove ", plan->steps[i].message, "");
    if (plan->count == 0)
        tell(uninstaller, "", SV("nothing to remove"), "");
}

static void tell_volumes(const struct uninstaller *uninstaller, const struct uninstall_plan *plan) {
    for (size_t i = 0; i < plan->volume_count; i++)
        tell(uninstaller, "PersistentVolume ", plan->volumes[i],
             " stays: delete it when no pod uses it any more");
}

static bool work(struct uninstaller *uninstaller, struct error *err) {
    for (int round = 0; round < ROUNDS_MAX; round++) {
        struct uninstall_plan plan;
        arena_reset(uninstaller->arena);
        if (!look(uninstaller, &plan, err))
            return false;
        if (uninstaller->options->is_dry_run)
            tell_dry(uninstaller, &plan);
        if (uninstaller->options->is_dry_run || plan.count == 0) {
            tell_volumes(uninstaller, &plan);
            return true;
        }
        for (size_t i = 0; i < plan.count; i++)
            if (!send(uninstaller, &plan.steps[i], err))
                return false;
    }
    return error_set(err, ERROR_CONFLICT,
                     "after %d rounds there is still something to remove: somebody writes it back",
                     ROUNDS_MAX);
}

bool uninstaller_run(const struct uninstaller_options *options, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct uninstaller uninstaller = {.options = options, .arena = arena};
    return work(&uninstaller, err);
}
