/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/status_check.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "core/data/yaml.h"

#define SINCE "lastTransitionTime: '2026-01-01T00:00:00Z'"
#define CONDITION(type, status, reason)                                                            \
    "{type: " type ", status: '" status "', reason: " reason ", " SINCE "}"
#define NOT_STALLED CONDITION("Stalled", "False", "NotStalled")
#define READY CONDITION("Ready", "True", "Serving") ", " NOT_STALLED
#define RUNTIME(fields, conditions)                                                                \
    "{metadata: {name: demo, namespace: default, uid: u, generation: 2}, spec: "                   \
    "{runtimeClassName: "                                                                          \
    "c}, status: {observedGeneration: 2, " fields ", conditions: [" conditions "]}}"
#define WORKERS "worker: {phase: Ready, readyReplicas: 2, desiredReplicas: 2, updatedReplicas: 2"

static const char class_text[] = "{metadata: {name: c, generation: 1}, topology: {worker: {}}}";
static const char dataset_text[] =
    "{metadata: {name: demo, namespace: default}, spec: {mounts: [{mountPoint: 's3://a'}, "
    "{mountPoint: 'local:///b'}]}, status: {phase: Bound, runtimes: [{name: demo}]}}";
static const char workload_text[] =
    "{metadata: {name: demo-worker, namespace: default, ownerReferences: [{uid: u}]}, status: "
    "{updatedReplicas: 2, availableReplicas: 2}}";

static const struct {
    const char *what, *runtime;
    const char *runtime_class, *dataset; /* NULL: the ones above; "": none */
    const char *lie;                     /* "field: truth" of the first one, or "" */
} cases[] = {
    {"all is true",
     RUNTIME("phase: Ready, valueFile: fluid-runtime-config-demo, observedClassGeneration: 1, "
             "mounts: [{mountPoint: 's3://a'}], " WORKERS ", availableReplicas: 2}",
             READY ", " CONDITION("MountsReady", "True", "Mounted")),
     NULL, NULL, ""},
    {"another config map", RUNTIME("phase: Ready, valueFile: x", READY), NULL, NULL,
     "valueFile: it is \"fluid-runtime-config-demo\""},
    {"an older class", RUNTIME("phase: Ready, observedClassGeneration: 4", READY), NULL, NULL,
     "observedClassGeneration: it is 1"},
    {"another selector", RUNTIME("phase: Ready, selector: a=b", READY), NULL, NULL,
     "selector: it is \"cacheruntime.fluid.io/name=demo,"
     "cacheruntime.fluid.io/component-name=demo-worker\""},
    {"a component that is worse than its numbers",
     RUNTIME("phase: Ready, worker: {phase: PartialReady, readyReplicas: 2, desiredReplicas: 2, "
             "updatedReplicas: 2, availableReplicas: 2}",
             READY),
     NULL, NULL, "status.worker.phase: by its numbers it is Ready"},
    {"pods that are behind", RUNTIME("phase: Ready, " WORKERS "}", READY), NULL, NULL,
     "status.worker.availableReplicas: its workload counts 2"},
    {"pending although it is Ready", RUNTIME("phase: Pending", READY), NULL, NULL,
     "phase: Ready is True"},
    {"failed without the dataset", RUNTIME("phase: Failed", NOT_STALLED), NULL, NULL,
     "phase: the dataset's is not"},
    {"deleting, and nobody does", RUNTIME("phase: Deleting", NOT_STALLED), NULL, NULL,
     "phase: nobody deletes it"},
    {"a mount that is not listed",
     RUNTIME("phase: Ready, mounts: []", READY ", " CONDITION("MountsReady", "True", "Mounted")),
     NULL, NULL, "status.mounts: s3://a"},
    {"a mount too many",
     RUNTIME("phase: Ready, mounts: [{mountPoint: 's3://a'}, {mountPoint: 's3://z'}]",
             READY ", " CONDITION("MountsReady", "True", "Mounted")),
     NULL, NULL, "status.mounts: the dataset has no such mount"},
    {"stalled for nothing", RUNTIME("phase: NotReady", CONDITION("Stalled", "True", "NoTopology")),
     NULL, NULL, "Stalled: the class has a topology"},
    {"no component, and there is one",
     RUNTIME("phase: NotReady", CONDITION("Stalled", "True", "NoComponent")), NULL, NULL,
     "Stalled: there is a component that is not disabled"},
    {"a rival that is not there",
     RUNTIME("phase: NotReady", CONDITION("Stalled", "True", "KeyConflict")), NULL, NULL,
     "Stalled: no other runtime has such names"},
    {"a dataset that nobody else has",
     RUNTIME("phase: NotReady", CONDITION("Stalled", "True", "DatasetBoundElsewhere")), NULL, NULL,
     "Stalled: the dataset names no other runtime"},
    {"a short name that is too long",
     RUNTIME("phase: NotReady", CONDITION("Stalled", "True", "NameTooLong")), NULL, NULL,
     "Stalled: all names are short enough"},
    {"stalled and not", RUNTIME("phase: NotReady", CONDITION("Stalled", "True", "NotStalled")),
     NULL, NULL, "Stalled: status and reason contradict each other"},
    {"in accord with no class",
     RUNTIME("phase: Ready", READY ", " CONDITION("Synced", "True", "Synced")), "", NULL,
     "Synced: there is no class to be in accord with"},
    {"a condition without a reason",
     RUNTIME("phase: Ready", READY ", {type: X, status: 'True', " SINCE "}"), NULL, NULL,
     "X: every condition has one"},
    {"a condition without a time",
     RUNTIME("phase: Ready", READY ", {type: X, status: 'True', reason: Y}"), NULL, NULL,
     "X: every condition has one"},
    {"a dataset that names another", RUNTIME("phase: Ready", READY), NULL,
     "{metadata: {name: demo, namespace: default}, status: {phase: Bound, runtimes: [{name: x}]}}",
     "status.runtimes: its runtime has its own name"},
    {"other cache states", RUNTIME("phase: Ready, cacheStates: {cached: 1GiB}", READY), NULL, NULL,
     "status.cacheStates: {\"cached\":\"1GiB\"}"},
    {"a dataset that failed without a word", RUNTIME("phase: Failed", NOT_STALLED), NULL,
     "{metadata: {name: demo, namespace: default}, status: {phase: Failed}}",
     "NotReady: the phase is Failed"},
    {"a class of another generation", RUNTIME("phase: Ready", READY),
     "{metadata: {name: c, generation: 3}, topology: {worker: {}}, status: {observedGeneration: "
     "1}}",
     NULL, "observedGeneration: it is 3"},
};

static struct cJSON *list_of(struct arena *arena, const char *given, const char *usual) {
    struct yaml_documents documents;
    struct error err = {0};
    bool is_read =
        yaml_read(arena, arena_printf(arena, "[%s]", given ? given : usual), &documents, &err);
    assert(is_read);
    return documents.roots[0];
}

static struct condition_view view_of(struct arena *arena, size_t i) {
    return (struct condition_view){
        .classes = list_of(arena, cases[i].runtime_class, class_text),
        .runtimes = list_of(arena, cases[i].runtime, NULL),
        .datasets = list_of(arena, cases[i].dataset, dataset_text),
        .stateful_sets = list_of(arena, NULL, workload_text),
        .is_at_rest = true,
    };
}

TEST(tells_each_lie_and_no_other) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct condition_view view = view_of(arena, i);
        struct condition_lie lies[CONDITION_LIES_MAX];
        size_t count = status_check(&view, arena, lies, 0);
        struct sv told = count > 0 ? arena_printf(arena, "%.*s: %.*s", SV_ARG(lies[0].condition),
                                                  SV_ARG(lies[0].truth))
                                   : SV("");
        CHECK_SV(told, sv_from(cases[i].lie));
        if (!sv_eq(told, sv_from(cases[i].lie)))
            printf("  in: %s\n", cases[i].what);
    }
}

TEST(waits_for_rest_and_keeps_what_was_found) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct condition_view view = view_of(arena, i);
        struct condition_lie lies[CONDITION_LIES_MAX];
        view.is_at_rest = false;
        CHECK(status_check(&view, arena, lies, 3) == 3);
    }
}
