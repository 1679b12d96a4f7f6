/* SPDX-License-Identifier: Apache-2.0 */
/* What two ends may differ in, and what they may not. */
#include "conformance/explore/property_end.h"

#include "core/base/arena.h"
#include "core/base/test.h"

#define CLASS(status) "cacheruntimeclasses c {\"metadata\":{\"name\":\"c\"}" status "}\n"
#define PROGRESSING(reason)                                                                        \
    ",\"status\":{\"conditions\":[{\"type\":\"Progressing\",\"reason\":\"" reason "\"}]}"
#define WORKLOAD(strategy, revision)                                                               \
    "daemonsets default/d-client "                                                                 \
    "{\"metadata\":{\"name\":\"d-client\",\"namespace\":\"default\"},"                             \
    "\"spec\":{\"updateStrategy\":{\"type\":\"" strategy                                           \
    "\"}},\"status\":{\"updatedNumberScheduled\":" revision "}}\n"
#define POD(image)                                                                                 \
    "pods default/d-client-x {\"metadata\":{\"labels\":{\"cacheruntime.fluid.io/component-name\":" \
    "\"d-client\"},\"namespace\":\"default\"},\"spec\":{\"image\":\"" image                        \
    "\"},\"status\":{\"phase\":\"Running\",\"containerStatuses\":[\"" image "\"]}}\n"
#define RUNTIME(updated)                                                                           \
    "cacheruntimes default/d {\"metadata\":{\"name\":\"d\",\"namespace\":\"default\"},"            \
    "\"status\":{\"client\":{\"updatedReplicas\":" updated "}}}\n"

#define REPORTED(replicas, states)                                                                 \
    "cacheruntimes default/d {\"metadata\":{\"name\":\"d\",\"namespace\":\"default\"},"            \
    "\"status\":{" states "\"worker\":{\"desiredReplicas\":" replicas                              \
    "}}}\ndatasets default/d {\"metadata\":{\"name\":\"d\",\"namespace\":\"default\"},"            \
    "\"status\":{" states "\"phase\":\"Bound\"}}\n"
#define CHECKED(reason, message)                                                                   \
    "cacheruntimes default/d "                                                                     \
    "{\"status\":{\"conditions\":[{\"type\":\"DataPlaneReady\",\"reason\":\"" reason               \
    "\",\"message\":\"" message "\"}]}}\n"
#define PHASE(phase) "cacheruntimes default/d {\"status\":{\"phase\":\"" phase "\"}}\n"
#define MOUNTED "\"mountedBy\":{\"configHash\":\"a\"},"
#define STATES "\"cacheStates\":{\"cached\":\"1Gi\"},"

static const struct {
    const char *what, *first, *second;
    bool is_alike;
} cases[] = {
    {"the node of a pod", "pods default/a {\"n\":\"node-1\"}\n",
     "pods default/a {\"n\":\"node-3\"}\n", true},
    {"the order of lines that lost their nodes",
     "pods default/c<node-1> {\"a\":1}\npods default/c<node-2> {\"a\":2}\n",
     "pods default/c<node-1> {\"a\":2}\npods default/c<node-2> {\"a\":1}\n", true},
    {"how often an object changed", "x y {\"generation\":3}\n", "x y {\"generation\":14}\n", true},
    {"the pod that a message names", "x y {\"message\":\"takes pod d-abc: none\"}\n",
     "x y {\"message\":\"takes pod d-xyz: none\"}\n", true},
    {"another message", "x y {\"message\":\"takes pod d-abc: none\"}\n",
     "x y {\"message\":\"takes pod d-abc: some\"}\n", false},
    {"another value", "x y {\"replicas\":3}\n", "x y {\"replicas\":4}\n", false},
    {"how often a Deployment changed, and an empty map",
     "x y {\"metadata\":{\"annotations\":{\"deployment.kubernetes.io/revision\":\"2\"}}}\n",
     "x y {\"metadata\":{}}\n", true},
    {"how often a DaemonSet changed",
     "x y {\"metadata\":{\"annotations\":{\"deprecated.daemonset.template.generation\":\"2\"}}}\n",
     "x y {\"metadata\":{\"annotations\":{\"deprecated.daemonset.template.generation\":\"4\"}}}\n",
     true},
    {"after how many changes of a DaemonSet a pod came",
     "pods d/a {\"metadata\":{\"labels\":{\"pod-template-generation\":\"2\"}}}\n",
     "pods d/a {\"metadata\":{\"labels\":{\"pod-template-generation\":\"4\"}}}\n", true},
    {"what happened to a Deployment last",
     "deployments d/a {\"status\":{\"conditions\":[{\"message\":\"a\"}],\"replicas\":1}}\n",
     "deployments d/a {\"status\":{\"conditions\":[{\"message\":\"b\"}],\"replicas\":1}}\n", true},
    {"an annotation more", "x y {\"metadata\":{\"annotations\":{\"a\":\"2\"}}}\n",
     "x y {\"metadata\":{}}\n", false},
    {"a report before all workers went", REPORTED("0", STATES), REPORTED("0", ""), true},
    {"who mounted before all workers went", REPORTED("0", MOUNTED), REPORTED("0", ""), true},
    {"who mounted of workers that are there", REPORTED("1", MOUNTED), REPORTED("1", ""), false},
    {"a report of workers that are there", REPORTED("1", STATES), REPORTED("1", ""), false},
    {"another runtime's report", REPORTED("0", "") "datasets default/e {\"status\":{" STATES "}}\n",
     REPORTED("0", "") "datasets default/e {\"status\":{}}\n", false},
    {"what a check printed", CHECKED("CheckPassed", "a"), CHECKED("CheckPassed", "b"), true},
    {"what a check that failed printed", CHECKED("CheckFailed", "a"), CHECKED("CheckFailed", "b"),
     false},
    {"an object more", "x y {}\n", "x y {}\nx z {}\n", false},
    {"labels that meet on other nodes",
     "nodes node-1 {\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}}\nnodes node-2 {}\n",
     "nodes node-1 {\"metadata\":{\"labels\":{\"a\":\"1\"}}}\n"
     "nodes node-2 {\"metadata\":{\"labels\":{\"b\":\"2\"}}}\n",
     true},
    {"a label more", "nodes node-1 {\"metadata\":{\"labels\":{\"a\":\"1\"}}}\n",
     "nodes node-1 {}\n", false},
    {"a rollout that ended", CLASS(PROGRESSING("RolloutComplete")), CLASS(""), true},
    {"a rollout that stopped", CLASS(PROGRESSING("RolloutStopped")) PHASE("Ready"),
     CLASS("") PHASE("Ready"), false},
    {"a rollout that a runtime stopped which fails",
     CLASS(PROGRESSING("RolloutStopped")) PHASE("Failed"), CLASS("") PHASE("Failed"), true},
    {"a rollout that goes on beside a runtime which fails",
     CLASS(PROGRESSING("RollingOut")) PHASE("Failed"), CLASS("") PHASE("Failed"), false},
    {"a pod that nobody replaces", WORKLOAD("OnDelete", "0") POD("a") RUNTIME("0"),
     WORKLOAD("OnDelete", "1") POD("b") RUNTIME("1"), true},
    {"a pod that nobody replaces and that is not there", WORKLOAD("OnDelete", "0") POD("a"),
     WORKLOAD("OnDelete", "0"), false},
    {"a pod that should have been replaced", WORKLOAD("RollingUpdate", "1") POD("a"),
     WORKLOAD("RollingUpdate", "1") POD("b"), false},
    {"what is told of pods that are replaced", WORKLOAD("RollingUpdate", "1") RUNTIME("0"),
     WORKLOAD("RollingUpdate", "1") RUNTIME("1"), false},
};

TEST(ends_differ_in_what_was_asked_for_only) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct sv first = property_end_comparable(sv_from(cases[i].first), arena);
        struct sv second = property_end_comparable(sv_from(cases[i].second), arena);
        if (sv_eq(first, second) != cases[i].is_alike)
            CHECK_SV(arena_printf(arena, "%s: %.*s", cases[i].what, SV_ARG(first)), second);
        CHECK(first.len > 0);
    }
}
