/* SPDX-License-Identifier: Apache-2.0 */
/* The properties hold for what is well, and each of them notices what breaks it. */
#include "conformance/explore/property.h"

#include "conformance/explore/property_watch.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "core/data/yaml_fixture.h"

#define HEAD                                                                                       \
    "apiVersion: cacheruntime.io/v1\nkind: Scenario\nid: SCN-TST-001\ntitle: a test\nobjects:\n"   \
    "- {apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntimeClass, metadata: {name: c},\n"       \
    "   fileSystemType: fs, topology: {worker: {template: {spec: {containers: [{name: m,\n"        \
    "   image: i}]}}}}}\n"                                                                         \
    "- {apiVersion: data.fluid.io/v1alpha1, kind: Dataset, metadata: {name: demo},\n"              \
    "   spec: {mounts: [{mountPoint: 's3://a', name: a}]}}\n"                                      \
    "- {apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntime, metadata: {name: demo},\n"         \
    "   spec: {runtimeClassName: c}}\n"
#define REST "- {name: rest, within: 2h, settle: true}\n"

static const struct {
    const char *what, *text;
    enum property broken;
    size_t writes_max;
} cases[] = {
    {"all is well", HEAD "steps:\n" REST, PROPERTY_NONE, 0},
    {"a fault that passes",
     HEAD "steps:\n" REST
          "faults: [{id: f, kind: api.status, code: 500, at: {request: {verb: apply, nth: 1}}}]\n",
     PROPERTY_NONE, 0},
    {"a crash",
     HEAD "steps:\n" REST
          "faults: [{id: f, kind: crash.after-request, at: {request: {verb: apply, nth: 2}}}]\n",
     PROPERTY_NONE, 0},
    {"an edit of the class that reaches it before there is a runtime",
     HEAD "steps:\n- {name: begin, do: {advance: 1m}}\n- {name: edit, settle: true, within: 1h, "
          "do: {patch: {ref: cacheruntimeclass/c, "
          "merge:"
          " {topology: {worker: {options: {a: b}, onConfigChange: Restart}}}}}}\n" REST
          "faults: [{id: f, kind: api.slow, delay: 10m, at: {request: {resource: cacheruntimes,"
          " verb: patch, nth: 1}}}]\n",
     PROPERTY_NONE, 0},
    {"a deletion",
     HEAD "steps:\n" REST
          "- {name: gone, do: {delete: cacheruntime/demo}, expect: [{absent: cacheruntime/demo}],"
          " settle: true}\n",
     PROPERTY_NONE, 0},
    {"more writes than it may have", HEAD "steps:\n" REST, PROPERTY_BOUND, 3},
    {"a step about nothing", HEAD "steps:\n- {name: a, do: {delete: pod/nobody}}\n",
     PROPERTY_INVALID, 0},
    {"what never comes", HEAD "steps:\n- {name: a, expect: [{phase: Failed}], within: 5m}\n",
     PROPERTY_REST, 0},
    {"a refusal that does not end",
     HEAD "steps:\n" REST
          "faults: [{id: f, kind: api.status, code: 403, at: {request: {verb: apply,"
          " every: 1}}}]\n",
     PROPERTY_CONVERGENCE, 0},
    {"a fault that does not end",
     HEAD "steps:\n" REST "faults: [{id: f, kind: api.hang, at: {request: {verb: apply, every:"
          " 1}}}]\n",
     PROPERTY_REST, 0},
};

TEST(each_property_notices_what_breaks_it) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct property_result result;
        property_judge_tree(
            fixture_yaml(arena, cases[i].text),
            &(struct property_options){.seed = 1, .writes_max = cases[i].writes_max}, arena,
            &result);
        if (result.broken != cases[i].broken)
            CHECK_SV(arena_printf(arena, "%s: %.*s", cases[i].what, SV_ARG(result.message)),
                     property_text(cases[i].broken));
        CHECK((result.broken == PROPERTY_NONE) == (result.message.len == 0));
    }
}

static const struct {
    const char *objects, *orphan;
} leftovers[] = {
    {"pods default/a {\"metadata\":{\"labels\":{\"app\":\"x\"}}}\n", ""},
    {"pods default/a {\"metadata\":{\"labels\":{\"cacheruntime.fluid.io/name\":\"d\"}}}\n",
     "no runtime is left, but pods default/a "},
    {"configmaps default/a {\"metadata\":{\"ownerReferences\":[{\"kind\":\"CacheRuntime\"}]}}\n",
     "no runtime is left, but configmaps default/a "},
    {"nodes n {\"metadata\":{\"labels\":{\"fluid.io/s-default-d\":\"true\"}}}\n",
     "no runtime is left, but nodes n "},
    {"cacheruntimes default/d {}\n"
     "pods default/a {\"metadata\":{\"labels\":{\"cacheruntime.fluid.io/name\":\"d\"}}}\n",
     ""},
};

TEST(what_is_left_behind_is_found) {
    for (size_t i = 0; i < COUNT_OF(leftovers); i++) {
        AUTO(arena) arena = arena_new();
        CHECK_SV(property_find_orphan(sv_from(leftovers[i].objects), arena),
                 sv_from(leftovers[i].orphan));
    }
}
