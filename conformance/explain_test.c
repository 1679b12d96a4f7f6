/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/explain.h"

#include "conformance/plan_objects.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

#define CLASS                                                                                      \
    "apiVersion: data.fluid.io/v1alpha1\nkind: CacheRuntimeClass\nmetadata: {name: c}\n"           \
    "fileSystemType: fs\n"                                                                         \
    "topology: {worker: {template: {spec: {containers: [{name: m, image: i}]}}}}\n---\n"
#define CLIENT_CLASS                                                                               \
    "apiVersion: data.fluid.io/v1alpha1\nkind: CacheRuntimeClass\nmetadata: {name: c}\n"           \
    "fileSystemType: fs\n"                                                                         \
    "topology: {client: {template: {spec: {containers: [{name: m, image: i}]}}}}\n---\n"
#define DATASET                                                                                    \
    "apiVersion: data.fluid.io/v1alpha1\nkind: Dataset\nmetadata: {name: d}\n"                     \
    "spec: {mounts: [{mountPoint: 's3://a', name: a}]}\n---\n"
#define RUNTIME                                                                                    \
    "apiVersion: data.fluid.io/v1alpha1\nkind: CacheRuntime\nmetadata: {name: d}\n"                \
    "spec: {runtimeClassName: c}\n"
#define STATUS                                                                                     \
    "status: {conditions: [{type: Ready, status: 'False', lastTransitionTime:"                     \
    " '2025-12-31T23:00:00Z'}]}\n"

static const struct {
    const char *files, *key;
    const char *text; /* what it begins with */
} cases[] = {
    {DATASET RUNTIME, "default/d",
     "default/d waits at ClassFound: ClassNotFound\n"
     "  what:  waits for CacheRuntimeClass \"c\" to be created\n"
     "  since: its status does not say yet\n"
     "  about: the class that `spec.runtimeClassName` names does not exist. Create it, or correct"
     " the name; the runtime goes on by itself."},
    {CLASS RUNTIME STATUS, "d",
     "default/d waits at DatasetFound: DatasetNotFound\n"
     "  what:  waits for Dataset \"d\" to be created in namespace default\n"
     "  since: 2025-12-31T23:00:00Z, for 1h0m0s\n"},
    {CLASS DATASET RUNTIME, "d", "default/d waits at MetadataWritten: MetadataMissing\n"},
    /* What will never pass counts, and not what passes in moments. */
    {CLIENT_CLASS DATASET RUNTIME, "d",
     "default/d is stalled at ObjectsWritten: InvalidObject\n  what:  DaemonSet \"d-client\": "},
};

static bool explain(struct arena *arena, const char *files, const char *key,
                    struct explanation *ret_explanation, struct error *err) {
    struct manifest *manifest = ARENA_NEW(arena, struct manifest);
    return manifest_parse(arena, SV("f.yaml"), sv_from(files), manifest, err) &&
           explain_files(arena, manifest, 1, sv_from(key), ret_explanation, err);
}

TEST(tells_what_is_waited_for) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct explanation explanation;
        struct error err = {0};
        REQUIRE(explain(arena, cases[i].files, cases[i].key, &explanation, &err));
        struct sv text = explain_text(&explanation, arena);
        struct sv expected = sv_from(cases[i].text);
        CHECK_SV(sv_prefix(text, expected.len), expected);
        const struct cJSON *json = explain_json(&explanation, arena);
        CHECK(sv_contains(text, json_find_string(json, "reason")));
        CHECK(json_bool_or(json, SV("waits"), false));
    }
}

#define CONDITION(type, reason)                                                                    \
    "{type: " type ", status: 'False', reason: " reason ", message: why,"                          \
    " lastTransitionTime: '2025-12-31T23:00:00Z'}"

/* Of a runtime in a cluster, which serves: nothing of its plan may be open to say. */
TEST(tells_what_a_runtime_says_of_itself) {
    static const struct {
        const char *conditions;
        const char *closed; /* reason of the closed gate, or NULL */
        const char *text, *since;
    } said[] = {
        {"[]", NULL, "n/d waits for nothing\n", ""},
        {"[" CONDITION("Synced", "LabelOverruled") "]", NULL,
         "n/d waits at Synced: LabelOverruled\n  what:  why\n"
         "  since: 2025-12-31T23:00:00Z, for 1h0m0s\n  about: a label that",
         "2025-12-31T23:00:00Z"},
        {"[" CONDITION("Ready", "ComponentDown") ", " CONDITION("Synced", "FieldNotKept") "]", NULL,
         "n/d waits at Ready: ComponentDown\n", "2025-12-31T23:00:00Z"},
        {"[" CONDITION("Synced", "ClassNotFound") "]", "ClassNotFound",
         "n/d waits at ClassFound: ClassNotFound\n  what:  closed\n"
         "  since: 2025-12-31T23:00:00Z, for 1h0m0s\n",
         "2025-12-31T23:00:00Z"},
        {"[" CONDITION("Synced", "Paused") "]", "ClassNotFound",
         "n/d waits at ClassFound: ClassNotFound\n  what:  closed\n"
         "  since: its status does not say yet\n",
         ""},
    };
    for (size_t i = 0; i < COUNT_OF(said); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct plan plan = {.action_count = 0};
        for (size_t k = 0; k < GATE_COUNT; k++)
            plan.gates[k] = (struct gate){true, SV(""), SV("")};
        if (said[i].closed)
            plan.gates[GATE_CLASS] = (struct gate){
                .is_open = false, .reason = sv_from(said[i].closed), .message = SV("closed")};
        struct sv text = arena_printf(arena, "status: {conditions: %s}\n", said[i].conditions);
        struct manifest manifest;
        REQUIRE(manifest_parse(arena, SV("f.yaml"), text, &manifest, &err));
        const struct explanation explanation = {.key = SV("n/d"),
                                                .runtime = manifest.documents.roots[0],
                                                .plan = &plan,
                                                .now_ms = PLAN_OBJECTS_NOW_MS};
        struct sv expected = sv_from(said[i].text);
        CHECK_SV(sv_prefix(explain_text(&explanation, arena), expected.len), expected);
        const struct cJSON *json = explain_json(&explanation, arena);
        CHECK_SV(json_find_string(json, "since"), sv_from(said[i].since));
        CHECK(json_bool_or(json, SV("waits"), false) != sv_ends_with(expected, SV("nothing\n")));
    }
}

TEST(an_unknown_runtime_is_told_with_one_that_there_is) {
    AUTO(arena) arena = arena_new();
    struct explanation explanation;
    struct error err = {0};
    CHECK(!explain(arena, CLASS DATASET RUNTIME, "default/e", &explanation, &err));
    CHECK_SV(sv_from(err.message),
             SV("no CacheRuntime default/e in the files; they have default/d"));
}

/* The docs and the table say the same of each reason. */
TEST(reasons_are_those_of_the_docs) {
    AUTO(arena) arena = arena_new();
    struct sv docs = test_read_file(arena, TEST_SOURCE_DIR "/docs/conditions.md");
    REQUIRE(docs.len > 0);
    bool is_in_section = false;
    size_t compared = 0;
    while (docs.len > 0) {
        struct sv line = sv_cut(&docs, '\n');
        if (sv_starts_with(line, SV("## ")))
            is_in_section = sv_starts_with(line, SV("## Reasons: "));
        if (!is_in_section || !sv_starts_with(line, SV("- **")))
            continue;
        struct sv reason = sv_drop(line, 4);
        struct sv known = explain_reason(sv_cut(&reason, '*'));
        if (known.len == 0 || !sv_ends_with(line, known))
            CHECK_SV(known, line);
        compared++;
    }
    CHECK(compared > 40);
}
