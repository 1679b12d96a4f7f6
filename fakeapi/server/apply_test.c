/* SPDX-License-Identifier: Apache-2.0 */
/* Field sets and texts are those of a kube-apiserver given the same writes. */
#include "fakeapi/server/apply.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/field_set.h"

static struct cJSON *tree(struct arena *arena, const char *text) {
    struct error err = {0};
    struct cJSON *item = json_read(arena, sv_from(text), &err);
    assert(item);
    return item;
}

/* --- histories: writes to one object, and what is there after them --- */

enum { WRITES_MAX = 8 };

struct write {
    const char *manager;
    enum { UPDATE = 1, APPLY, FORCE } how; /* 0: no write */
    const char *body;
};

struct history {
    const char *name, *plural;
    struct write writes[WRITES_MAX];
    const char *object;   /* without metadata.managedFields; NULL: not compared */
    const char *managers; /* "manager operation time fields" lines */
    const char *conflict; /* of the last write; or its error */
};

#define CONFIG(fields)                                                                             \
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"}" fields "}"
#define POD(fields)                                                                                \
    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"spec\":{" fields "}}"

static const struct history histories[] = {
    {.name = "only a name: nothing is managed",
     .plural = "configmaps",
     .writes = {{"m", UPDATE, CONFIG("")}},
     .object = CONFIG(""),
     .managers = ""},
    {.name = "create owns what it brings, parents included",
     .plural = "configmaps",
     .writes = {{"m", UPDATE, CONFIG(",\"data\":{\"b\":\"1\",\"a\":\"1\"}")}},
     .managers = "m Update t1 {\"f:data\":{\".\":{},\"f:a\":{},\"f:b\":{}}}\n"},
    {.name = "an update owns what it changed; the other loses it",
     .plural = "configmaps",
     .writes = {{"m", UPDATE, CONFIG(",\"data\":{\"a\":\"1\",\"b\":\"1\"}")},
                {"n", UPDATE, CONFIG(",\"data\":{\"a\":\"2\",\"b\":\"1\"}")}},
     .managers = "m Update t1 {\"f:data\":{\".\":{},\"f:b\":{}}}\n"
                 "n Update t2 {\"f:data\":{\"f:a\":{}}}\n"},
    {.name = "an update without a change leaves everything",
     .plural = "configmaps",
     .writes = {{"m", UPDATE, CONFIG(",\"data\":{\"a\":\"1\"}")},
                {"n", UPDATE, CONFIG(",\"data\":{\"a\":\"1\"}")}},
     .managers = "m Update t1 {\"f:data\":{\".\":{},\"f:a\":{}}}\n"},
    {.name = "what is removed has no owner",
     .plural = "configmaps",
     .writes = {{"m", UPDATE, CONFIG(",\"data\":{\"a\":\"1\",\"b\":\"1\"}")},
                {"n", UPDATE, CONFIG(",\"data\":{\"a\":\"1\"}")}},
     .managers = "m Update t1 {\"f:data\":{\".\":{},\"f:a\":{}}}\n"},
    {.name = "an explicit reset",
     .plural = "configmaps",
     .writes = {{"m", UPDATE, CONFIG(",\"data\":{\"a\":\"1\"}")},
                {"n", UPDATE,
                 "{\"metadata\":{\"name\":\"c\",\"managedFields\":[{}]},\"data\":{\"a\":\"1\"}}"}},
     .managers = ""},

    {.name = "an applied null is a value of its own",
     .plural = "configmaps",
     .writes = {{"m", APPLY, CONFIG(",\"data\":{\"a\":\"1\"}")},
                {"n", APPLY, CONFIG(",\"data\":{\"a\":null}")}},
     .conflict = "m .data.a conflict with \"m\"\n"},
    {.name = "a null that is forced takes the place of the text",
     .plural = "configmaps",
     .writes = {{"m", APPLY, CONFIG(",\"data\":{\"a\":\"1\",\"b\":\"1\"}")},
                {"n", FORCE, CONFIG(",\"data\":{\"a\":null}")}},
     .object = CONFIG(",\"data\":{\"a\":null,\"b\":\"1\"}"),
     .managers = "m Apply t1 {\"f:data\":{\"f:b\":{}}}\n"
                 "n Apply t2 {\"f:data\":{\"f:a\":{}}}\n"},
    {.name = "a null in the place of a map says nothing",
     .plural = "configmaps",
     .writes = {{"m", APPLY, CONFIG(",\"data\":{\"a\":\"1\"}")},
                {"n", APPLY, CONFIG(",\"data\":null")}},
     .object = CONFIG(",\"data\":{\"a\":\"1\"}")},

    {.name = "apply creates: leaves only",
     .plural = "configmaps",
     .writes = {{"m", APPLY, CONFIG(",\"data\":{\"a\":\"1\"}")}},
     .object = CONFIG(",\"data\":{\"a\":\"1\"}"),
     .managers = "m Apply t1 {\"f:data\":{\"f:a\":{}}}\n"},
    {.name = "apply again: nothing changes, the time neither",
     .plural = "configmaps",
     .writes = {{"m", APPLY, CONFIG(",\"data\":{\"a\":\"1\"}")},
                {"m", APPLY, CONFIG(",\"data\":{\"a\":\"1\"}")}},
     .managers = "m Apply t1 {\"f:data\":{\"f:a\":{}}}\n"},
    {.name = "what is no longer applied goes",
     .plural = "configmaps",
     .writes = {{"m", APPLY, CONFIG(",\"data\":{\"a\":\"1\",\"b\":\"1\"}")},
                {"m", APPLY, CONFIG(",\"data\":{\"a\":\"1\"}")}},
     .object = CONFIG(",\"data\":{\"a\":\"1\"}"),
     .managers = "m Apply t2 {\"f:data\":{\"f:a\":{}}}\n"},
    {.name = "a map that is left empty goes too",
     .plural = "configmaps",
     .writes = {{"m", APPLY, CONFIG(",\"data\":{\"a\":\"1\"},\"immutable\":false")},
                {"m", APPLY, CONFIG(",\"immutable\":false")}},
     .object = CONFIG(",\"immutable\":false"),
     .managers = "m Apply t2 {\"f:immutable\":{}}\n"},
    {.name = "unless somebody else owns it",
     .plural = "configmaps",
     .writes = {{"m", APPLY, CONFIG(",\"data\":{\"a\":\"1\",\"b\":\"1\"}")},
                {"n", APPLY, CONFIG(",\"data\":{\"b\":\"1\"}")},
                {"m", APPLY, CONFIG(",\"data\":{\"a\":\"1\"}")}},
     .object = CONFIG(",\"data\":{\"a\":\"1\",\"b\":\"1\"}"),
     .managers = "n Apply - {\"f:data\":{\"f:b\":{}}}\n"
                 "m Apply t1 {\"f:data\":{\"f:a\":{}}}\n"},
    {.name = "a conflict with who applied",
     .plural = "configmaps",
     .writes = {{"m1", APPLY, CONFIG(",\"data\":{\"a\":\"1\"}")},
                {"m2", APPLY, CONFIG(",\"data\":{\"a\":\"2\"}")}},
     .conflict = "m1 .data.a conflict with \"m1\"\n"},
    {.name = "conflicts with who updated say which version",
     .plural = "configmaps",
     .writes = {{"upd", UPDATE, CONFIG(",\"data\":{\"a\":\"1\",\"b\":\"1\"}")},
                {"m", APPLY, CONFIG(",\"data\":{\"a\":\"2\",\"b\":\"2\"}")}},
     .conflict = "upd .data.a conflict with \"upd\" using v1\n"
                 "upd .data.b conflict with \"upd\" using v1\n"},
    {.name = "force takes fields over",
     .plural = "configmaps",
     .writes = {{"upd", UPDATE, CONFIG(",\"data\":{\"a\":\"1\",\"b\":\"1\"}")},
                {"m", FORCE, CONFIG(",\"data\":{\"a\":\"2\"}")}},
     .object = CONFIG(",\"data\":{\"a\":\"2\",\"b\":\"1\"}"),
     .managers = "m Apply t2 {\"f:data\":{\"f:a\":{}}}\n"
                 "upd Update t1 {\"f:data\":{\".\":{},\"f:b\":{}}}\n"},

    {.name = "items of lists by their keys, with defaults in the keys",
     .plural = "pods",
     .writes = {{"m", APPLY,
                 POD("\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"ports\":["
                     "{\"containerPort\":80}]}]")}},
     .managers = "m Apply t1 {\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":"
                 "{\".\":{},\"f:image\":{},\"f:name\":{},\"f:ports\":{"
                 "\"k:{\\\"containerPort\\\":80,\\\"protocol\\\":\\\"TCP\\\"}\":"
                 "{\".\":{},\"f:containerPort\":{}}}}}}}\n"},
    {.name = "an item that is no longer applied goes with its defaults",
     .plural = "pods",
     .writes = {{"m", APPLY, POD("\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]")},
                {"api", UPDATE,
                 POD("\"containers\":[{\"name\":\"a\"},{\"name\":\"b\",\"image\":\"x\"}]")},
                {"m", APPLY, POD("\"containers\":[{\"name\":\"a\"}]")}},
     .object = POD("\"containers\":[{\"name\":\"a\"}]"),
     .managers = "m Apply t3 {\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"a\\\"}\":"
                 "{\".\":{},\"f:name\":{}}}}}\n"},
    {.name = "items of others stay, in their places",
     .plural = "pods",
     .writes = {{"api", UPDATE, POD("\"containers\":[{\"name\":\"x\"},{\"name\":\"b\"}]")},
                {"m", APPLY, POD("\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]")}},
     .object = POD("\"containers\":[{\"name\":\"x\"},{\"name\":\"a\"},{\"name\":\"b\"}]")},
    {.name = "the applied order wins",
     .plural = "pods",
     .writes = {{"m", APPLY, POD("\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]")},
                {"m", APPLY, POD("\"containers\":[{\"name\":\"b\"},{\"name\":\"a\"}]")}},
     .object = POD("\"containers\":[{\"name\":\"b\"},{\"name\":\"a\"}]")},
    {.name = "a conflict inside an item",
     .plural = "pods",
     .writes = {{"m1", APPLY, POD("\"containers\":[{\"name\":\"c\",\"image\":\"1\"}]")},
                {"m2", APPLY, POD("\"containers\":[{\"name\":\"c\",\"image\":\"2\"}]")}},
     .conflict = "m1 .spec.containers[name=\"c\"].image conflict with \"m1\"\n"},
    {.name = "the same item twice",
     .plural = "pods",
     .writes = {{"m", APPLY, POD("\"containers\":[{\"name\":\"c\"},{\"name\":\"c\"}]")}},
     .conflict = ".spec.containers: duplicate entries for key [name=\"c\"]"},
    {.name = "atomic lists are one field",
     .plural = "pods",
     .writes = {{"m", APPLY, POD("\"tolerations\":[{\"key\":\"a\"}]")},
                {"n", APPLY, POD("\"tolerations\":[{\"key\":\"b\"}]")}},
     .conflict = "m .spec.tolerations conflict with \"m\"\n"},
    {.name = "items of sets",
     .plural = "configmaps",
     .writes = {{"m", APPLY, "{\"metadata\":{\"name\":\"c\",\"finalizers\":[\"x/a\"]}}"},
                {"n", APPLY, "{\"metadata\":{\"name\":\"c\",\"finalizers\":[\"x/b\"]}}"},
                {"m", APPLY, "{\"metadata\":{\"name\":\"c\"}}"}},
     .object = "{\"metadata\":{\"name\":\"c\",\"finalizers\":[\"x/b\"]}}",
     .managers = "n Apply t2 {\"f:metadata\":{\"f:finalizers\":{\"v:\\\"x/b\\\"\":{}}}}\n"},
    {.name = "atomic maps are one field",
     .plural = "services",
     .writes = {{"m", APPLY,
                 "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"selector\":{\"a\":\"b\"}}}"}},
     .managers = "m Apply t1 {\"f:spec\":{\"f:selector\":{}}}\n"},
};

static struct sv managers_text(struct arena *arena, const struct cJSON *object) {
    struct sv text = SV("");
    const struct cJSON *list = json_get(json_get(object, SV("metadata")), SV("managedFields"));
    JSON_EACH (entry, list) {
        struct sv time = json_string_or(entry, SV("time"), SV("-"));
        text = arena_printf(
            arena, "%.*s%.*s %.*s %.*s %.*s\n", SV_ARG(text),
            SV_ARG(json_find_string(entry, "manager")),
            SV_ARG(json_find_string(entry, "operation")), SV_ARG(time),
            SV_ARG(json_write_arena(arena, json_get(entry, SV("fieldsV1")), JSON_COMPACT)));
    }
    return text;
}

static struct sv refusal_text(struct arena *arena, const struct apply_result *result) {
    struct sv text = result->error;
    for (size_t i = 0; i < result->conflict_count; i++) {
        const struct apply_conflict *conflict = &result->conflicts[i];
        text = arena_printf(arena, "%.*s%.*s %.*s %.*s\n", SV_ARG(text), SV_ARG(conflict->manager),
                            SV_ARG(conflict->field), SV_ARG(conflict->message));
    }
    return text;
}

static const struct cJSON *play(struct arena *arena, const struct schema *schema,
                                const struct history *history, struct sv *ret_refusal) {
    const struct cJSON *live = NULL;
    *ret_refusal = SV("");
    for (size_t i = 0; i < WRITES_MAX && history->writes[i].how; i++) {
        const struct write *write = &history->writes[i];
        struct apply_writer writer = {.manager = sv_from(write->manager),
                                      .api_version = SV("v1"),
                                      .subresource = SV(""),
                                      .time = arena_printf(arena, "t%zu", i + 1)};
        struct cJSON *body = tree(arena, write->body);
        if (write->how == UPDATE) {
            apply_track_update(arena, schema, live, body, &writer);
            live = body;
            continue;
        }
        struct apply_result result;
        apply_merge(arena, schema, live, body, &writer, write->how == FORCE, &result);
        *ret_refusal = refusal_text(arena, &result);
        live = result.object;
    }
    return live;
}

TEST(histories_end_as_on_the_real_server) {
    AUTO(registry) registry = registry_new();
    for (size_t i = 0; i < COUNT_OF(histories); i++) {
        const struct history *history = &histories[i];
        AUTO(arena) arena = arena_new();
        const struct schema *schema =
            registry_find(registry, SV(""), SV("v1"), sv_from(history->plural))->schema;
        struct sv refusal;
        const struct cJSON *live = play(arena, schema, history, &refusal);
        CHECK_SV(refusal, sv_from(history->conflict));
        if (history->managers)
            CHECK_SV(managers_text(arena, live), sv_from(history->managers));
        if (!history->object)
            continue;
        struct cJSON *rest = json_copy(arena, live);
        json_remove(json_get(rest, SV("metadata")), SV("managedFields"));
        CHECK_SV(json_write_arena(arena, rest, JSON_COMPACT), sv_from(history->object));
    }
}

static struct apply_writer writer_named(struct sv name, struct sv time) {
    return (struct apply_writer){
        .manager = name, .api_version = SV("v1"), .subresource = SV(""), .time = time};
}

/* An eleventh manager that updates merges the two oldest into one. */
TEST(keeps_ten_managers_that_update) {
    AUTO(registry) registry = registry_new();
    AUTO(arena) arena = arena_new();
    const struct schema *schema =
        registry_find(registry, SV(""), SV("v1"), SV("configmaps"))->schema;
    struct cJSON *live = NULL;
    for (int i = 0; i < 11; i++) {
        struct cJSON *next = live ? json_copy(arena, live) : tree(arena, "{\"metadata\":{}}");
        json_set_string(arena, json_ensure_map(arena, next, SV("data")),
                        arena_printf(arena, "k%02d", i), SV("x"));
        struct apply_writer writer =
            writer_named(arena_printf(arena, "m%02d", i), arena_printf(arena, "t%02d", i));
        apply_track_update(arena, schema, live, next, &writer);
        live = next;
    }
    const struct cJSON *list = json_get(json_get(live, SV("metadata")), SV("managedFields"));
    CHECK(json_count(list) == 10);
    CHECK_SV(json_find_string(list->child, "manager"), SV("ancient-changes"));
    CHECK_SV(json_write_arena(arena, json_get(list->child, SV("fieldsV1")), JSON_COMPACT),
             SV("{\"f:data\":{\".\":{},\"f:k00\":{},\"f:k01\":{}}}"));
}

TEST(status_is_owned_through_its_subresource) {
    AUTO(registry) registry = registry_new();
    AUTO(arena) arena = arena_new();
    static const struct sv reset[] = {SV("status")};
    const struct schema *schema = registry_find(registry, SV(""), SV("v1"), SV("pods"))->schema;
    struct cJSON *created = tree(arena, POD("\"containers\":[{\"name\":\"c\"}]"));
    struct apply_writer writer = writer_named(SV("user"), SV("t1"));
    writer.reset_fields = reset;
    writer.reset_field_count = 1;
    apply_track_update(arena, schema, NULL, created, &writer);
    struct cJSON *live = json_copy(arena, created);
    json_set(arena, live, SV("status"), tree(arena, "{\"phase\":\"Running\"}"));
    struct apply_writer kubelet = writer_named(SV("kubelet"), SV("t2"));
    kubelet.subresource = SV("status");
    apply_track_update(arena, schema, created, live, &kubelet);
    const struct cJSON *last = json_find(live, "metadata.managedFields.1");
    CHECK_SV(json_find_string(last, "subresource"), SV("status"));
    CHECK_SV(json_write_arena(arena, json_get(last, SV("fieldsV1")), JSON_COMPACT),
             SV("{\"f:status\":{\"f:phase\":{}}}"));
}

/* Whoever hands ownership over writes the list. */
TEST(a_client_may_write_managed_fields) {
    AUTO(registry) registry = registry_new();
    AUTO(arena) arena = arena_new();
    const struct schema *schema =
        registry_find(registry, SV(""), SV("v1"), SV("configmaps"))->schema;
    struct cJSON *old = tree(arena, CONFIG(",\"data\":{\"a\":\"1\"}"));
    struct apply_writer writer = writer_named(SV("a"), SV("t1"));
    apply_track_update(arena, schema, NULL, old, &writer);
    struct cJSON *now = json_copy(arena, old);
    json_set_string(arena, json_find(now, "metadata.managedFields.0"), SV("manager"), SV("b"));
    writer.manager = SV("c");
    apply_track_update(arena, schema, old, now, &writer);
    CHECK_SV(managers_text(arena, now), SV("b Update t1 {\"f:data\":{\".\":{},\"f:a\":{}}}\n"));
}

TEST(sets_that_a_client_wrote_are_put_in_order) {
    AUTO(registry) registry = registry_new();
    AUTO(arena) arena = arena_new();
    const struct schema *schema =
        registry_find(registry, SV(""), SV("v1"), SV("configmaps"))->schema;
    struct cJSON *old = tree(arena, CONFIG(",\"data\":{\"b\":\"1\",\"a\":\"1\"}"));
    struct apply_writer writer = writer_named(SV("a"), SV("t1"));
    apply_track_update(arena, schema, NULL, old, &writer);
    struct cJSON *now = json_copy(arena, old);
    json_set(arena, json_find(now, "metadata.managedFields.0"), SV("fieldsV1"),
             tree(arena, "{\"f:data\":{\"f:b\":{},\"f:a\":{},\".\":{}}}"));
    apply_track_update(arena, schema, old, now, &writer);
    CHECK_SV(managers_text(arena, now),
             SV("a Update t1 {\"f:data\":{\".\":{},\"f:a\":{},\"f:b\":{}}}\n"));
}

/* Then nothing is made anew of what the writer owned before. */
TEST(a_set_covers_what_joins_it_without_a_change) {
    static const char *const sets[] = {
        "{}",
        "{\"f:a\":{}}",
        "{\"f:a\":{\".\":{}}}",
        "{\"f:a\":{\"f:b\":{}}}",
        "{\"f:a\":{\".\":{},\"f:b\":{}}}",
        "{\"f:a\":{\".\":{},\"f:b\":{},\"f:c\":{\"f:d\":{}}}}",
        "{\"f:a\":{\"f:c\":{}}}",
        "{\"f:a\":{},\"f:b\":{}}",
        "{\"f:l\":{\"k:{\\\"n\\\":1}\":{\".\":{},\"f:n\":{}}}}",
        "{\"f:l\":{\"k:{\\\"n\\\":2}\":{\".\":{},\"f:n\":{}}}}",
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        for (size_t j = 0; j < COUNT_OF(sets); j++) {
            const struct cJSON *a = tree(arena, sets[i]), *b = tree(arena, sets[j]);
            struct sv joined = json_write_arena(arena, fields_union(arena, a, b), JSON_COMPACT);
            CHECK(fields_cover(arena, a, b) == sv_eq(joined, sv_from(sets[i])));
        }
    }
}

TEST(what_nobody_owns_stays_so_until_somebody_applies) {
    static const struct sv reset[] = {SV("status")};
    AUTO(registry) registry = registry_new();
    AUTO(arena) arena = arena_new();
    const struct schema *schema = registry_find(registry, SV(""), SV("v1"), SV("pods"))->schema;
    const struct cJSON *old = tree(arena, "{\"metadata\":{},\"spec\":{\"hostname\":\"h\"},"
                                          "\"status\":{\"phase\":\"Running\"}}");
    struct cJSON *now = json_copy(arena, old);
    json_set_string(arena, json_get(now, SV("spec")), SV("nodeName"), SV("n"));
    struct apply_writer writer = writer_named(SV("m"), SV("t2"));
    writer.reset_fields = reset;
    writer.reset_field_count = COUNT_OF(reset);
    apply_track_update(arena, schema, old, now, &writer);
    CHECK_SV(managers_text(arena, now), SV(""));
    struct apply_result result;
    apply_merge(arena, schema, now, tree(arena, POD("\"nodeName\":\"n\"")), &writer, false,
                &result);
    CHECK_SV(managers_text(arena, result.object),
             SV("m Apply - {\"f:spec\":{\"f:nodeName\":{}}}\n"
                "before-first-apply Update t2 "
                "{\"f:spec\":{\"f:hostname\":{},\"f:nodeName\":{}}}\n"));
}

/* A list that a client sends without knowing what it is. */
TEST(a_list_that_cannot_be_read_is_not_taken) {
    static const char *const entries[] = {
        "{\"manager\":\"b\",\"operation\":\"Merge\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{}}",
        "{\"manager\":\"b\",\"operation\":\"Apply\",\"fieldsType\":\"FieldsV2\",\"fieldsV1\":{}}",
        "{\"manager\":\"b\",\"operation\":\"Apply\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{"
        "\"f:data\":{\"a\":{}}}}",
        "{\"manager\":\"b\",\"operation\":\"Apply\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{"
        "\"f:data\":[]}}",
    };
    AUTO(registry) registry = registry_new();
    AUTO(arena) arena = arena_new();
    const struct schema *schema =
        registry_find(registry, SV(""), SV("v1"), SV("configmaps"))->schema;
    struct cJSON *old = tree(arena, CONFIG(",\"data\":{\"a\":\"1\"}"));
    struct apply_writer writer = writer_named(SV("a"), SV("t1"));
    apply_track_update(arena, schema, NULL, old, &writer);
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        struct cJSON *now = json_copy(arena, old);
        json_append(json_find(now, "metadata.managedFields"), tree(arena, entries[i]));
        apply_track_update(arena, schema, old, now, &writer);
        CHECK_SV(managers_text(arena, now), SV("a Update t1 {\"f:data\":{\".\":{},\"f:a\":{}}}\n"));
    }
}

/* Who scales is told as the scale shows it: without a number where it is none. */
TEST(scales_have_the_owners_of_their_number) {
    AUTO(registry) registry = registry_new();
    AUTO(arena) arena = arena_new();
    const struct schema *schema =
        registry_find(registry, SV(""), SV("v1"), SV("replicationcontrollers"))->schema;
    struct cJSON *live = tree(arena, "{\"metadata\":{},\"spec\":{\"replicas\":3}}");
    struct apply_writer maker = writer_named(SV("maker"), SV("t1")),
                        scaler = writer_named(SV("scaler"), SV(""));
    scaler.subresource = SV("scale");
    scaler.scale_path = SV("spec.replicas");
    apply_track_update(arena, schema, NULL, live, &maker);
    static const struct {
        int replicas;
        const char *managers;
    } scalings[] = {{4, "scaler Update - {\"f:spec\":{\"f:replicas\":{}}}\n"}, {0, ""}, {5, ""}};
    for (size_t i = 0; i < COUNT_OF(scalings); i++) {
        struct cJSON *next = json_copy(arena, live);
        json_set_int(arena, json_get(next, SV("spec")), SV("replicas"), scalings[i].replicas);
        apply_track_update(arena, schema, live, next, &scaler);
        CHECK_SV(managers_text(arena, next), sv_from(scalings[i].managers));
        live = next;
    }
    struct apply_result result;
    apply_merge(arena, schema, live,
                tree(arena, "{\"apiVersion\":\"v1\",\"kind\":\"ReplicationController\",\"spec\":{"
                            "\"replicas\":6}}"),
                &scaler, false, &result);
    CHECK(result.conflict_count == 1);
    CHECK_SV(result.conflicts[0].message,
             SV("conflict with \"before-first-apply\" with subresource "
                "\"scale\" using autoscaling/v1"));
}

/* Of a configuration as wide as a request may be every field is in dispute. */
TEST(conflicts_cost_what_they_say) {
    enum { WIDE = 40 * 1000 };
    AUTO(registry) registry = registry_new();
    AUTO(arena) arena = arena_new();
    const struct schema *schema =
        registry_find(registry, SV(""), SV("v1"), SV("configmaps"))->schema;
    struct cJSON *configs[2];
    for (size_t which = 0; which < COUNT_OF(configs); which++) {
        configs[which] = tree(arena, CONFIG(""));
        struct json_index data =
            json_index_of(arena, json_ensure_map(arena, configs[which], SV("data")));
        for (size_t i = 0; i < WIDE; i++)
            json_index_set(&data, arena_printf(arena, "k%05zu", which ? WIDE - 1 - i : i),
                           json_string(arena, which ? SV("b") : SV("a")));
    }
    struct apply_writer one = writer_named(SV("one"), SV("t1")),
                        other = writer_named(SV("other"), SV("t2"));
    struct apply_result result;
    apply_merge(arena, schema, NULL, configs[0], &one, false, &result);
    const struct cJSON *live = result.object;
    CHECK(json_count(json_get(live, SV("data"))) == WIDE);
    apply_merge(arena, schema, live, configs[1], &other, false, &result);
    CHECK(result.conflict_count == WIDE);
    CHECK_SV(result.conflicts[WIDE - 1].field, SV(".data.k39999"));
    CHECK_SV(result.conflicts[0].message, SV("conflict with \"one\""));
    apply_merge(arena, schema, live, configs[1], &other, true, &result);
    CHECK(json_equal(json_get(result.object, SV("data")), json_get(configs[1], SV("data"))));
    CHECK(json_count(json_find(result.object, "metadata.managedFields")) == 1);
    CHECK(arena_held_bytes(arena) < 512 * 1024 * 1024);
}
