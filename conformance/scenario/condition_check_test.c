/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/condition_check.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "core/data/yaml.h"

/* A runtime with one master, two workers and no client, that serves. */
static const char healthy_class[] =
    "{metadata: {name: c}, topology: {master: {executionEntries: {checkRuntimeReady: {command: "
    "[x]}, mountUFS: {command: [x]}}}, worker: {}}}";
static const char healthy_dataset[] =
    "{metadata: {name: demo, namespace: default}, spec: {mounts: [{name: a}]}, status: {phase: "
    "Bound, mounts: [{name: a}], conditions: [{type: Ready, status: \"True\"}, {type: NotReady, "
    "status: \"False\"}]}}";
static const char workloads[] =
    "[{metadata: {name: demo-master, namespace: default}}, {metadata: {name: demo-worker, "
    "namespace: default}}]";

#define POD(component, uid, ready)                                                                 \
    "{metadata: {name: p" uid ", namespace: default, uid: \"" uid                                  \
    "\", labels: {cacheruntime.fluid.io/name: demo, cacheruntime.fluid.io/component-name: "        \
    "demo-" component "}}, status: {conditions: [{type: Ready, status: \"" ready "\"}]}}"
#define PODS_UP                                                                                    \
    POD("master", "1", "True") ", " POD("worker", "2", "True") ", " POD("worker", "3", "True")

#define SPEC "spec: {runtimeClassName: c, worker: {replicas: 2}}"
#define CONDITION(type, status, reason)                                                            \
    "{type: " type ", status: \"" status "\", reason: " reason ", observedGeneration: 2}"
#define SERVING                                                                                    \
    CONDITION("Ready", "True", "Serving")                                                          \
    ", " CONDITION("Reconciling", "False", "Settled") ", " CONDITION("Stalled", "False",           \
                                                                     "NotStalled")
#define RUNTIME(phase, fields, conditions)                                                         \
    "{metadata: {name: demo, namespace: default, generation: 2}, " SPEC                            \
    ", status: {phase: " phase fields ", conditions: [" conditions "]}}"

static const struct {
    const char *title, *runtime;
    const char *dataset; /* NULL: the healthy one */
    const char *pods;    /* NULL: all up */
    const char *lie;     /* "condition: truth" of the first lie, or "" */
} cases[] = {
    {"what serves says so", RUNTIME("Ready", "", SERVING), NULL, NULL, ""},
    {"counters are as they are",
     RUNTIME("Ready", ", worker: {readyReplicas: 2, desiredReplicas: 2, currentReplicas: 2}",
             SERVING),
     NULL, NULL, ""},
    {"ready without a master", RUNTIME("Ready", "", SERVING), NULL,
     POD("master", "1", "False") ", " POD("worker", "2", "True"),
     "Ready: 0 of 1 pods of the master are ready"},
    {"ready while the dataset is not bound", RUNTIME("Ready", "", SERVING),
     "{metadata: {name: demo, namespace: default}, status: {phase: NotBound}}", NULL,
     "Ready: the dataset's phase is \"NotBound\""},
    {"workers ready that are not",
     RUNTIME("Ready", "", SERVING ", " CONDITION("WorkersReady", "True", "PodsReady")), NULL,
     POD("master", "1", "True"), "Ready: 0 of 2 pods of the worker are ready"},
    {"not ready although it serves",
     RUNTIME("NotReady", "",
             CONDITION("Ready", "False", "PodsNotReady") ", " CONDITION("Reconciling", "True",
                                                                        "Progressing")),
     NULL, NULL, "Ready: the dataset is served"},
    {"a pause that may hold back what all mounts share",
     "{metadata: {name: demo, namespace: default, generation: 2, annotations:"
     " {cacheruntime.fluid.io/paused: \"true\"}}, " SPEC
     ", status: {phase: NotReady, conditions: [" CONDITION(
         "Ready", "False", "Paused") ", " CONDITION("Reconciling", "True", "Progressing") "]}}",
     "{metadata: {name: demo, namespace: default}, spec: {mounts: [{name: a}], sharedOptions: {a:"
     " b}}, status: {phase: Bound, mounts: [{name: a}], conditions: [{type: Ready, status:"
     " \"True\"}]}}",
     NULL, ""},
    {"a pause that holds nothing back",
     "{metadata: {name: demo, namespace: default, generation: 2, annotations:"
     " {cacheruntime.fluid.io/paused: \"true\"}}, " SPEC
     ", status: {phase: NotReady, mountedBy: {podUID: \"1\"}, conditions: [" CONDITION(
         "Ready", "False", "Paused") ", " CONDITION("Reconciling", "True", "Progressing") "]}}",
     NULL, NULL, "Ready: the dataset is served"},
    {"a failed execution is believed",
     RUNTIME("NotReady", "",
             CONDITION("Ready", "False", "MountFailed") ", " CONDITION("Reconciling", "True",
                                                                       "Progressing")),
     NULL, NULL, ""},
    {"at work and stuck",
     RUNTIME("Ready", "",
             CONDITION("Ready", "True", "Serving") ", " CONDITION(
                 "Reconciling", "True", "Progressing") ", " CONDITION("Stalled", "True", "X")),
     NULL, NULL, "Reconciling: Stalled is True too"},
    {"at work although all is done",
     RUNTIME("Ready", "",
             CONDITION("Ready", "True", "Serving") ", " CONDITION("Reconciling", "True",
                                                                  "Progressing")),
     NULL, NULL, "Reconciling: the cache serves and nothing is under way"},
    {"the class is said to be missing",
     RUNTIME("Ready", "", SERVING ", " CONDITION("Synced", "False", "ClassNotFound")), NULL, NULL,
     "Synced: the class exists"},
    {"clients that are not enabled",
     RUNTIME("Ready", "", SERVING ", " CONDITION("FusesReady", "True", "PodsReady")), NULL, NULL,
     "FusesReady: the component is not enabled"},
    {"a workload that does not exist",
     RUNTIME("Ready", "", SERVING ", " CONDITION("FusesInitialized", "True", "X")), NULL, NULL,
     "FusesInitialized: there is no such workload"},
    {"ready with other mounts than are served", RUNTIME("Ready", "", SERVING),
     "{metadata: {name: demo, namespace: default}, spec: {mounts: [{name: b}]}, status: {phase: "
     "Bound, mounts: [{name: a}], conditions: [{type: Ready, status: \"True\"}]}}",
     NULL, "Ready: the dataset asks for other mounts than are served"},
    {"mounts that are not served",
     RUNTIME("NotReady", "",
             CONDITION("Ready", "False", "MountFailed") ", " CONDITION(
                 "Reconciling", "True", "Progressing") ", " CONDITION("MountsReady", "True",
                                                                      "Mounted")),
     "{metadata: {name: demo, namespace: default}, spec: {mounts: [{name: b}]}, status: {phase: "
     "Bound, mounts: [{name: a}], conditions: [{type: Ready, status: \"True\"}]}}",
     NULL, "MountsReady: the dataset asks for other mounts than are served"},
    {"mounts of a pod that is gone",
     RUNTIME("Ready", ", mountedBy: {podUID: \"9\"}",
             SERVING ", " CONDITION("MountsReady", "True", "Mounted")),
     NULL, NULL, "MountsReady: the pod that mounted is gone"},
    {"a scale that went elsewhere",
     RUNTIME("Ready", "",
             SERVING ", {type: WorkersScaledOut, status: \"True\", message: from 1 to 7}"),
     NULL, NULL, "WorkersScaledOut: 2 of 2 pods of the worker are ready"},
    {"a counter that is wrong",
     RUNTIME("Ready", ", worker: {readyReplicas: 1, desiredReplicas: 2, currentReplicas: 2}",
             SERVING),
     NULL, NULL, "status.worker.readyReplicas: it is 2 by the pods"},
    {"partly ready although whole", RUNTIME("PartialReady", "", SERVING), NULL, NULL,
     "phase: all pods are ready"},
    {"an older generation",
     RUNTIME("Ready", "",
             "{type: Ready, status: \"True\", reason: Serving, observedGeneration: 1}"),
     NULL, NULL, "Ready: it speaks of generation 1, and this is 2"},
    {"a dataset that is both", RUNTIME("Ready", "", SERVING),
     "{metadata: {name: demo, namespace: default}, spec: {mounts: [{name: a}]}, status: {phase: "
     "Bound, mounts: [{name: a}], conditions: [{type: Ready, status: \"True\"}, {type: NotReady, "
     "status: \"True\"}]}}",
     NULL, "Ready: NotReady is True too"},
    {"a dataset that is updating no more", RUNTIME("Ready", "", SERVING),
     "{metadata: {name: demo, namespace: default}, spec: {mounts: [{name: a}]}, status: {phase: "
     "Bound, mounts: [{name: a}], conditions: [{type: Ready, status: \"True\"}, {type: Updating, "
     "status: \"True\"}]}}",
     NULL, "Updating: the phase is \"Bound\""},
    {"a dataset that is updated while it is updating", RUNTIME("Ready", "", SERVING),
     "{metadata: {name: demo, namespace: default}, spec: {mounts: [{name: a}]}, status: {phase: "
     "Bound, mounts: [{name: a}], conditions: [{type: Ready, status: \"True\"}, {type: Updating, "
     "status: \"True\"}, {type: UpdateReady, status: \"True\"}]}}",
     NULL, "UpdateReady: Updating is True too"},
};

static struct cJSON *tree(struct arena *arena, struct sv text) {
    struct yaml_documents documents;
    struct error err = {0};
    bool is_read = yaml_read(arena, text, &documents, &err);
    assert(is_read);
    return documents.roots[0];
}

static struct cJSON *list_of(struct arena *arena, const char *items) {
    return tree(arena, arena_printf(arena, "[%s]", items));
}

static struct condition_view view_of(struct arena *arena, size_t i) {
    return (struct condition_view){
        .classes = list_of(arena, healthy_class),
        .runtimes = list_of(arena, cases[i].runtime),
        .datasets = list_of(arena, cases[i].dataset ? cases[i].dataset : healthy_dataset),
        .stateful_sets = tree(arena, sv_from(workloads)),
        .pods = list_of(arena, cases[i].pods ? cases[i].pods : PODS_UP),
        .is_at_rest = true,
    };
}

/* A claim that was left behind by a client that is not there. */
TEST(a_claim_without_client_is_told) {
    AUTO(arena) arena = arena_new();
    struct condition_view view = view_of(arena, 0);
    struct condition_lie lies[CONDITION_LIES_MAX];
    view.claims = list_of(arena, "{metadata: {name: demo, namespace: default}, spec: {accessModes: "
                                 "[ReadOnlyMany]}, status: {phase: Bound}}");
    REQUIRE(condition_check(&view, arena, lies) == 1);
    CHECK_SV(lies[0].condition, SV("VolumeOutdated"));
    CHECK_SV(lies[0].truth, SV("no client serves the claim"));
}

/* Other access modes are told at once, but not while nothing of the edits can be acted on. */
TEST(a_claim_that_is_outdated_is_told_unless_all_stands_still) {
    static const struct {
        const char *conditions;
        bool is_lie;
    } runtimes[] = {
        {RUNTIME("Ready", "", SERVING), true},
        {RUNTIME("NotReady", "",
                 CONDITION("Ready", "False", "InvalidRuntime") ", " CONDITION("Stalled", "True",
                                                                              "InvalidRuntime")),
         false},
    };
    for (size_t i = 0; i < COUNT_OF(runtimes); i++) {
        AUTO(arena) arena = arena_new();
        struct condition_view view = view_of(arena, 0);
        struct condition_lie lies[CONDITION_LIES_MAX];
        view.runtimes = list_of(arena, runtimes[i].conditions);
        view.claims =
            list_of(arena, "{metadata: {name: demo, namespace: default}, spec: {accessModes: "
                           "[ReadWriteMany]}, status: {phase: Bound}}");
        bool is_lie = false;
        for (size_t k = 0, count = condition_check(&view, arena, lies); k < count; k++)
            is_lie |=
                sv_eq(lies[k].truth, SV("the claim has other access modes than are asked for"));
        CHECK(is_lie == runtimes[i].is_lie);
    }
}

/* A mistake was made while a workload was to be made anew: its pods go on serving by themselves. */
TEST(pods_between_two_workloads_serve_while_an_edit_is_asked_for) {
    static const struct {
        const char *conditions;
        bool are_owned;
        size_t lies;
    } runtimes[] = {
        {CONDITION("Ready", "True", "Serving") ", " CONDITION("Stalled", "True", "X"), false, 0},
        {CONDITION("Ready", "True", "Serving") ", " CONDITION("Stalled", "True", "X"), true, 1},
        {SERVING, false, 1},
    };
    for (size_t i = 0; i < COUNT_OF(runtimes); i++) {
        AUTO(arena) arena = arena_new();
        struct condition_view view = view_of(arena, 0);
        struct condition_lie lies[CONDITION_LIES_MAX];
        view.runtimes = list_of(
            arena, arena_printf(arena,
                                "{metadata: {name: demo, namespace: default, generation: 2}, " SPEC
                                ", status: {phase: Ready, conditions: [%s]}}",
                                runtimes[i].conditions)
                       .ptr);
        view.stateful_sets =
            tree(arena, SV("[{metadata: {name: demo-master, namespace: default}}]"));
        JSON_EACH (pod, view.pods)
            if (runtimes[i].are_owned)
                json_set(arena, json_get(pod, SV("metadata")), SV("ownerReferences"),
                         tree(arena, SV("[{kind: StatefulSet, name: demo-worker}]")));
        size_t count = condition_check(&view, arena, lies);
        CHECK(count == runtimes[i].lies);
        if (count == 1)
            CHECK_SV(lies[0].truth, SV("2 of 2 pods of the worker are ready"));
    }
}

/* One node is gone and keeps the rollout from its end; pods that change by hand keep nobody. */
TEST(a_daemon_set_that_replaces_pods_is_under_way) {
    static const struct {
        const char *strategy, *updated;
        size_t lies;
    } rollouts[] = {{"RollingUpdate", "1", 0}, {"RollingUpdate", "2", 1}, {"OnDelete", "1", 1}};
    size_t at_work = 0;
    while (strcmp(cases[at_work].title, "at work although all is done") != 0)
        at_work++;
    for (size_t i = 0; i < COUNT_OF(rollouts); i++) {
        AUTO(arena) arena = arena_new();
        struct condition_view view = view_of(arena, at_work);
        struct condition_lie lies[CONDITION_LIES_MAX];
        view.daemon_sets = list_of(
            arena, arena_printf(arena,
                                "{metadata: {name: demo-worker, namespace: default}, spec:"
                                " {updateStrategy: {type: %s}}, status: {desiredNumberScheduled: 2,"
                                " currentNumberScheduled: 2, updatedNumberScheduled: %s}}",
                                rollouts[i].strategy, rollouts[i].updated)
                       .ptr);
        CHECK(condition_check(&view, arena, lies) == rollouts[i].lies);
    }
}

/* A StatefulSet that was made anew around its pods tells of one revision; some of them still run
 * another one. */
TEST(a_stateful_set_around_older_pods_is_under_way) {
    static const struct {
        const char *partition, *revision;
        size_t lies;
    } sets[] = {{"0", "b", 0}, {"0", "a", 1}, {"1", "b", 1}};
    size_t at_work = 0;
    while (strcmp(cases[at_work].title, "at work although all is done") != 0)
        at_work++;
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        AUTO(arena) arena = arena_new();
        struct condition_view view = view_of(arena, at_work);
        struct condition_lie lies[CONDITION_LIES_MAX];
        json_set_string(arena, json_find(json_at(view.pods, 1), "metadata.labels"),
                        SV("controller-revision-hash"), sv_from(sets[i].revision));
        view.stateful_sets = list_of(
            arena,
            arena_printf(arena,
                         "{metadata: {name: demo-master, namespace: default}}, {metadata: {name:"
                         " demo-worker, namespace: default}, spec: {updateStrategy: {rollingUpdate:"
                         " {partition: %s}}}, status: {currentRevision: a, updateRevision: a}}",
                         sets[i].partition)
                .ptr);
        CHECK(condition_check(&view, arena, lies) == sets[i].lies);
    }
}

TEST(tells_each_lie_and_no_other) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct condition_view view = view_of(arena, i);
        struct condition_lie lies[CONDITION_LIES_MAX];
        size_t count = condition_check(&view, arena, lies);
        struct sv told = count > 0 ? arena_printf(arena, "%.*s: %.*s", SV_ARG(lies[0].condition),
                                                  SV_ARG(lies[0].truth))
                                   : SV("");
        CHECK_SV(told, sv_from(cases[i].lie));
        if (!sv_eq(told, sv_from(cases[i].lie)))
            printf("  in: %s\n", cases[i].title);
    }
}

static const char rolling[] =
    "[{metadata: {name: demo-master, namespace: default}}, {metadata: {name: demo-worker, "
    "namespace: default}, status: {currentRevision: a, updateRevision: b}}]";

static const struct {
    const char *status, *lie;
    const char *workloads; /* NULL: nothing is under way */
} classes[] = {
    {"{runtimes: 1, readyRuntimes: 1, updatedRuntimes: 1, conditions: [{type: Progressing, status: "
     "\"False\", reason: RolloutComplete}]}",
     "", NULL},
    {"{runtimes: 2, readyRuntimes: 1}", "readyRuntimes: 1 of 1 are Ready", NULL},
    {"{runtimes: 1, readyRuntimes: 1, conditions: [{type: Progressing, status: \"False\", reason: "
     "RolloutComplete}]}",
     "Progressing: not all runtimes are updated", NULL},
    {"{runtimes: 1, readyRuntimes: 1, conditions: [{type: Progressing, status: \"True\"}]}",
     "Progressing: all runtimes are ready and nothing is under way", NULL},
    {"{runtimes: 1, readyRuntimes: 1, conditions: [{type: Progressing, status: \"True\"}]}", "",
     rolling},
};

TEST(classes_tell_where_their_rollout_stands) {
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        AUTO(arena) arena = arena_new();
        struct condition_view view = view_of(arena, 0);
        struct condition_lie lies[CONDITION_LIES_MAX];
        json_set(arena, json_at(view.classes, 0), SV("status"),
                 tree(arena, sv_from(classes[i].status)));
        if (classes[i].workloads)
            view.stateful_sets = tree(arena, sv_from(classes[i].workloads));
        size_t count = condition_check(&view, arena, lies);
        struct sv told = count > 0 ? arena_printf(arena, "%.*s: %.*s", SV_ARG(lies[0].condition),
                                                  SV_ARG(lies[0].truth))
                                   : SV("");
        CHECK_SV(told, sv_from(classes[i].lie));
    }
}

/* While something is under way, only contradictions are lies. */
TEST(waits_for_rest) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct condition_view view = view_of(arena, i);
        struct condition_lie lies[CONDITION_LIES_MAX];
        view.is_at_rest = false;
        size_t count = condition_check(&view, arena, lies);
        for (size_t k = 0; k < count; k++)
            CHECK(sv_ends_with(lies[k].truth, SV("is True too")) ||
                  sv_starts_with(lies[k].object, SV("Dataset")));
    }
}
