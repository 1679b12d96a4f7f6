/* SPDX-License-Identifier: Apache-2.0 */
/* Many runtimes that are deleted in one moment: what each needs to know of other pods is asked for
 * once for all of them. */
#include "conformance/session.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "core/data/yaml.h"
#include "fakeapi/cluster/world.h"

enum { RUNTIMES = 20, TIMEOUT_MS = 10 * 60 * 1000 };

static const char class_text[] =
    "{apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntimeClass, metadata: {name: mass}, "
    "fileSystemType: mass, topology: {worker: {service: {headless: {}}, template: {spec: "
    "{containers: [{name: worker, image: registry.example/mass:1}]}}}}}";

struct count {
    size_t bound, gone, pod_lists;
};

static void note(void *context, struct sv user_agent, const struct request *request,
                 int http_status, const struct cJSON *body) {
    struct count *count = context;
    bool is_dataset = sv_eq(request->plural, SV("datasets"));
    count->pod_lists += request->verb == VERB_LIST && sv_eq(request->plural, SV("pods")) &&
                        request->namespace_name.len > 0 &&
                        sv_starts_with(user_agent, SV("cacheruntime"));
    if (http_status / 100 == 2 && is_dataset &&
        sv_eq(json_find_string(body, "status.phase"), SV("Bound")))
        count->bound++;
    count->gone += is_dataset && request->verb == VERB_PATCH && object_is_deleting(body) &&
                   json_count(json_find(body, "metadata.finalizers")) == 0;
}

static bool are_bound(struct session *session, void *context) {
    (void)session;
    return ((struct count *)context)->bound >= RUNTIMES;
}

static bool are_gone(struct session *session, void *context) {
    (void)session;
    return ((struct count *)context)->gone >= RUNTIMES;
}

static void apply(struct session *session, struct arena *arena, struct sv text) {
    struct error err = {0};
    struct yaml_documents documents;
    CHECK(yaml_read(arena, text, &documents, &err));
    CHECK(session_apply(session, documents.roots[0], &err));
}

TEST(pods_are_listed_for_all_runtimes_at_once_that_are_deleted_at_once) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct count count = {0};
    static const struct resource *const kinds[] = {&RESOURCE_CACHE_RUNTIMES, &RESOURCE_DATASETS};
    AUTO(session)
    session = session_new(
        &(struct session_options){.seed = 1, .node_count = 2, .config_map_lag_ms = -1}, &err);
    CHECK(session != NULL);
    world_add_observer(session_world(session),
                       &(struct observer){.after = note, .context = &count});
    apply(session, arena, sv_from(class_text));
    for (size_t i = 0; i < RUNTIMES; i++) {
        apply(session, arena,
              arena_printf(arena,
                           "{apiVersion: data.fluid.io/v1alpha1, kind: Dataset, metadata: {name: "
                           "rt-%zu, namespace: default}, spec: {placement: Shared, mounts: "
                           "[{mountPoint: 's3://mass', name: data}]}}",
                           i));
        apply(session, arena,
              arena_printf(arena,
                           "{apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntime, metadata: "
                           "{name: rt-%zu, namespace: default}, spec: {runtimeClassName: mass, "
                           "worker: {replicas: 1}}}",
                           i));
    }
    CHECK(session_run_until(session, TIMEOUT_MS, are_bound, &count));
    count.pod_lists = 0;
    for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
        struct request request =
            request_to(VERB_DELETE_COLLECTION, kinds[kind], SV("default"), SV(""));
        struct completion completion;
        CHECK(session_request(session, &request, arena, &completion, &err));
    }
    CHECK(session_run_until(session, TIMEOUT_MS, are_gone, &count));
    CHECK(count.pod_lists > 0);
    CHECK(count.pod_lists <= RUNTIMES / 5);
}
