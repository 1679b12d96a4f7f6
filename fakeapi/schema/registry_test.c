/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/registry.h"

#include "core/api/crds.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"

static const struct cJSON *parse(struct arena *arena, const char *text) {
    struct error err = {0};
    const struct cJSON *tree = json_read(arena, sv_from(text), &err);
    if (!tree)
        printf("%s\n", err.message);
    return tree;
}

TEST(built_in_types_are_found_with_their_traits) {
    AUTO(registry) registry = registry_new();
    const struct resource_type *pods = registry_find(registry, SV(""), SV("v1"), SV("pods"));
    REQUIRE(pods != NULL);
    CHECK(pods->has_status && pods->has_graceful_deletion && pods->delete_returns_object);
    CHECK(pods->resource.is_namespaced && !pods->is_custom);
    const struct resource_type *sets =
        registry_find_kind(registry, SV("apps"), SV("v1"), SV("StatefulSet"));
    REQUIRE(sets != NULL);
    CHECK(sets->manages_generation && sets->has_scale && !sets->delete_returns_object);
    CHECK_SV(sets->list_kind, SV("StatefulSetList"));
    const struct resource_type *leases =
        registry_find(registry, SV("coordination.k8s.io"), SV("v1"), SV("leases"));
    REQUIRE(leases != NULL);
    CHECK(!leases->allows_unconditional_update && leases->update_may_create);
    CHECK(!registry_find(registry, SV("apps"), SV("v1"), SV("pods")));
    CHECK(registry_has_group_version(registry, SV("apps"), SV("v1")));
    CHECK(!registry_has_group_version(registry, SV("apps"), SV("v2")));
}

/* What clients may select by beside name and namespace: each group has words of its own. */
TEST(fields_to_select_by_are_those_of_the_group) {
    static const struct {
        const char *group, *plural, *field;
        bool is_offered;
    } cases[] = {
        {"", "events", "involvedObject.name", true},
        {"", "events", "regarding.name", false},
        {"events.k8s.io", "events", "regarding.name", true},
        {"events.k8s.io", "events", "involvedObject.name", false},
        {"", "replicationcontrollers", "status.replicas", true},
        {"apps", "replicasets", "status.replicas", false},
        {"certificates.k8s.io", "certificatesigningrequests", "spec.signerName", true},
        {"resource.k8s.io", "resourceslices", "spec.driver", true},
    };
    AUTO(registry) registry = registry_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct resource_type *type =
            registry_find(registry, sv_from(cases[i].group), SV("v1"), sv_from(cases[i].plural));
        REQUIRE(type != NULL);
        size_t at = sv_index_of(sv_from(cases[i].field), type->selectable_fields,
                                type->selectable_field_count);
        CHECK((at < type->selectable_field_count) == cases[i].is_offered);
    }
}

TEST(merge_keys_and_list_types_come_from_the_tables) {
    const struct schema *spec = schema_builtin(SV("io.k8s.api.core.v1.PodSpec"));
    REQUIRE(spec != NULL);
    const struct schema *containers = schema_member(spec, SV("containers"));
    REQUIRE(containers != NULL);
    CHECK_SV(containers->patch_merge_key, SV("name"));
    CHECK(containers->list_type == SCHEMA_LIST_MAP);
    const struct schema *ports = schema_member(containers->items, SV("ports"));
    REQUIRE(ports && ports->list_map_key_count == 2);
    CHECK(schema_member(schema_member(containers->items, SV("resources")), SV("limits"))
              ->items->kind == SCHEMA_QUANTITY);
    CHECK(schema_member(spec, SV("nodeSelector"))->is_atomic_map);
    CHECK((schema_member(spec, SV("volumes"))->patch_strategy & SCHEMA_PATCH_RETAIN_KEYS) != 0);
    CHECK(!schema_member(spec, SV("nosuch")));
    /* An ObjectReference is one value, but not where the field says otherwise. */
    const struct schema *volume = schema_builtin(SV("io.k8s.api.core.v1.PersistentVolumeSpec"));
    CHECK(!schema_member(volume, SV("claimRef"))->is_atomic_map);
    CHECK(schema_builtin(SV("io.k8s.api.core.v1.ObjectReference"))->is_atomic_map);
}

TEST(our_crds_are_structural) {
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    REQUIRE(crd_count() == 3);
    for (size_t i = 0; i < crd_count(); i++) {
        struct error err = {0};
        const struct cJSON *crd = json_read(arena, crd_text(i), &err);
        REQUIRE(crd != NULL);
        bool held = registry_put_crd(registry, crd, &err);
        if (!held)
            printf("%s\n", err.message);
        CHECK(held);
    }
    const struct resource_type *runtimes =
        registry_find(registry, SV("data.fluid.io"), SV("v1alpha1"), SV("cacheruntimes"));
    REQUIRE(runtimes != NULL);
    CHECK(runtimes->has_scale && runtimes->has_status && runtimes->is_custom);
    CHECK_SV(runtimes->scale_spec_path, SV("spec.worker.replicas"));
}

static const struct resource_type *put_example(struct registry *registry, struct arena *arena) {
    struct error err = {0};
    const struct cJSON *crd = parse(
        arena,
        "{\"spec\":{\"group\":\"x.io\",\"scope\":\"Namespaced\",\"names\":{\"plural\":\"foos\","
        "\"kind\":\"Foo\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,"
        "\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":"
        "\"object\",\"required\":[\"size\"],\"properties\":{\"size\":{\"type\":\"integer\","
        "\"minimum\":1,\"maximum\":5},\"color\":{\"type\":\"string\",\"enum\":[\"red\",\"blue\"],"
        "\"default\":\"red\"},\"any\":{\"x-kubernetes-int-or-string\":true},\"items\":{\"type\":"
        "\"array\",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":[\"name\"],"
        "\"items\":{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{\"name\":{\"type\":"
        "\"string\",\"pattern\":\"^[a-z]+$\"}}}}}}}}}}]}}");
    if (!registry_put_crd(registry, crd, &err))
        printf("%s\n", err.message);
    return registry_find(registry, SV("x.io"), SV("v1"), SV("foos"));
}

TEST(names_of_labels_have_letters_digits_and_three_signs) {
    static const struct sv good[] = {SV("a"), SV("A-b_c.9"), SV("example.com/Name")};
    static const struct sv bad[] = {SV(""),     SV("-a"),        SV("a."), SV("a b"),
                                    SV("a\0b"), SV("a\xc3\xa9"), SV("/a"), SV("a,b")};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        CHECK(!admit_qualified_name_fault(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        CHECK(admit_qualified_name_fault(bad[i]));
}

/* Down to where types contain themselves. */
static size_t check_elements(const struct schema *schema, int depth) {
    size_t count = 0;
    if (!schema || depth == 0)
        return 0;
    for (size_t i = 0; i < schema->member_count; i++) {
        const struct schema_member *member = &schema->members[i];
        struct sv element = schema_member_element(member);
        CHECK_SV(sv_prefix(element, 2), SV("f:"));
        CHECK_SV(sv_drop(element, 2), member->name);
        CHECK(schema_declared(schema, member->name) == member);
        CHECK(schema_declared(schema, sv_drop(member->name, 1)) != member);
        CHECK(schema_declared(schema, element) == NULL);
        count += 1 + check_elements(member->schema, depth - 1);
    }
    return count + check_elements(schema->items, depth - 1);
}

TEST(members_are_found_and_are_elements_of_sets_of_fields) {
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    const struct resource_type *pods = registry_find(registry, SV(""), SV("v1"), SV("pods"));
    const struct resource_type *foos = put_example(registry, arena);
    REQUIRE(pods && foos);
    CHECK(check_elements(pods->schema, 6) > 100);
    /* apiVersion, kind, metadata, spec and its members. */
    CHECK(check_elements(foos->schema, 3) > 8);
}

TEST(custom_objects_are_pruned_defaulted_and_checked) {
    static const struct {
        const char *object, *field, *message;
    } cases[] = {
        {"{\"spec\":{\"size\":2}}", "", ""},
        {"{\"spec\":{}}", "spec.size", "Required value"},
        {"{\"spec\":{\"size\":\"x\"}}", "spec.size",
         "Invalid value: \"string\": spec.size in body must be of type integer: \"string\""},
        {"{\"spec\":{\"size\":9}}", "spec.size",
         "Invalid value: 9: spec.size in body should be less than or equal to 5"},
        {"{\"spec\":{\"size\":1,\"color\":\"green\"}}", "spec.color",
         "Unsupported value: \"green\": supported values: \"red\", \"blue\""},
        {"{\"spec\":{\"size\":1,\"items\":[{\"name\":\"a\"},{\"name\":\"a\"}]}}", "spec.items[1]",
         "Duplicate value: {\"name\":\"a\"}"},
        {"{\"spec\":{\"size\":1,\"items\":[{\"name\":\"A\"}]}}", "spec.items[0].name",
         "Invalid value: \"A\": spec.items[0].name in body should match '^[a-z]+$'"},
    };
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    const struct resource_type *foos = put_example(registry, arena);
    REQUIRE(foos != NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cJSON *object = (struct cJSON *)parse(arena, cases[i].object);
        struct cJSON *metadata = json_ensure_map(arena, object, SV("metadata"));
        json_set_string(arena, metadata, SV("name"), SV("a"));
        struct findings findings = {0};
        admit_prune(foos, object);
        admit_set_defaults(foos, object, arena);
        admit_validate(foos, object, NULL, SV(""), arena, &findings);
        CHECK(findings.count == (cases[i].field[0] ? 1u : 0u));
        if (findings.count == 1) {
            CHECK_SV(findings.items[0].field, sv_from(cases[i].field));
            CHECK_SV(findings.items[0].message, sv_from(cases[i].message));
        }
    }
}

TEST(unknown_fields_are_named_and_pruned) {
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    const struct resource_type *foos = put_example(registry, arena);
    REQUIRE(foos != NULL);
    struct cJSON *object = (struct cJSON *)parse(
        arena, "{\"metadata\":{\"name\":\"a\",\"labels\":{\"k\":\"v\"},\"foo\":1},\"spec\":"
               "{\"size\":1,\"extra\":{\"deep\":1},\"items\":[{\"name\":\"a\",\"x\":1}]}}");
    struct findings findings = {0};
    admit_check_fields(foos, object, arena, &findings);
    REQUIRE(findings.count == 3);
    CHECK_SV(findings.items[0].message, SV("unknown field \"metadata.foo\""));
    CHECK_SV(findings.items[1].message, SV("unknown field \"spec.extra\""));
    CHECK_SV(findings.items[2].message, SV("unknown field \"spec.items[0].x\""));
    admit_prune(foos, object);
    admit_set_defaults(foos, object, arena);
    CHECK_SV(json_write_arena(arena, json_get(object, SV("spec")), JSON_COMPACT),
             SV("{\"size\":1,\"items\":[{\"name\":\"a\"}],\"color\":\"red\"}"));
}

/* Whoever has looked for unknown fields and found none need not prune. */
TEST(only_what_has_findings_is_pruned) {
    static const struct {
        const char *object;
        bool is_pruned;
    } cases[] = {
        {"{\"spec\":{\"size\":1}}", false},
        {"{\"spec\":{\"size\":1},\"x\":null}", true},
        {"{\"spec\":{\"size\":1,\"x\":{}}}", true},
        {"{\"spec\":{\"size\":1,\"items\":[]}}", false},
        {"{\"spec\":{\"size\":1,\"items\":[{\"name\":\"a\"},{\"x\":[]}]}}", true},
        {"{\"spec\":{\"size\":1,\"items\":null}}", false},
        {"{\"metadata\":{\"labels\":{\"x\":\"y\"},\"x\":\"\"}}", true},
        {"{\"metadata\":{\"labels\":{\"x\":\"y\"}},\"spec\":null}", false},
        {"{\"metadata\":{\"ownerReferences\":[{\"uid\":\"u\",\"x\":1}]}}", true},
    };
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    const struct resource_type *foos = put_example(registry, arena);
    REQUIRE(foos != NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cJSON *object = (struct cJSON *)parse(arena, cases[i].object);
        struct findings findings = {0};
        admit_check_fields(foos, object, arena, &findings);
        CHECK((findings.count > 0) == cases[i].is_pruned);
        admit_prune(foos, object);
        bool is_same = json_equal(object, parse(arena, cases[i].object));
        CHECK(is_same == !cases[i].is_pruned);
    }
}

TEST(what_is_not_structural_is_refused_with_its_path) {
    static const struct {
        const char *schema, *message;
    } cases[] = {
        {"{\"type\":\"object\",\"properties\":{\"a\":{}}}",
         "spec.validation.openAPIV3Schema.properties[a]: Required value: must not be empty for "
         "specified object fields"},
        {"{\"type\":\"string\"}",
         "spec.validation.openAPIV3Schema.type: Invalid value: \"string\": "
         "must be object at the root"},
        {"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\"}}}",
         "spec.validation.openAPIV3Schema.properties[a]: Required value: items must be specified"},
        {"{\"type\":\"object\",\"x-kubernetes-validations\":[{\"rule\":\"math.abs(1) == 1\"}]}",
         "spec.validation.openAPIV3Schema.x-kubernetes-validations[0].rule: Invalid value: "
         "{\"Rule\":\"math.abs(1) == "
         "1\",\"Message\":\"\",\"MessageExpression\":\"\",\"Reason\":null,"
         "\"FieldPath\":\"\",\"OptionalOldSelf\":null}: compilation failed: ERROR: <input>:1:9: "
         "undeclared reference to 'math.abs' (in container '')\n | math.abs(1) == 1\n | ........^"},
        {"{\"type\":\"object\",\"x-kubernetes-validations\":[{\"rule\":\"1 + 1\"}]}",
         "spec.validation.openAPIV3Schema.x-kubernetes-validations[0].rule: Invalid value: "
         "{\"Rule\":\"1 + 1\",\"Message\":\"\",\"MessageExpression\":\"\",\"Reason\":null,"
         "\"FieldPath\":\"\",\"OptionalOldSelf\":null}: cel expression must evaluate to a bool"},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(registry) registry = registry_new();
        struct error err = {0};
        struct sv text = arena_printf(
            arena,
            "{\"spec\":{\"group\":\"x.io\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},"
            "\"versions\":[{\"name\":\"v1\",\"served\":true,\"schema\":{\"openAPIV3Schema\":%s}}]}"
            "}",
            cases[i].schema);
        CHECK(!registry_put_crd(registry, parse(arena, text.ptr), &err));
        CHECK_SV(sv_from(err.message), sv_from(cases[i].message));
        CHECK(!registry_find(registry, SV("x.io"), SV("v1"), SV("foos")));
    }
}

/* What a user sends and what controllers compare with: apiserver-semantics.md §1.2. */
TEST(pods_get_the_servers_defaults) {
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    const struct resource_type *pods = registry_find(registry, SV(""), SV("v1"), SV("pods"));
    struct cJSON *pod = (struct cJSON *)parse(
        arena, "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\","
               "\"image\":\"x:latest\",\"ports\":[{\"containerPort\":80}],\"readinessProbe\":"
               "{\"tcpSocket\":{\"port\":80}}}],\"volumes\":[{\"name\":\"v\",\"configMap\":"
               "{\"name\":\"m\"}}]}}");
    admit_set_defaults(pods, pod, arena);
    CHECK_SV(json_find_string(pod, "spec.containers.0.imagePullPolicy"), SV("Always"));
    CHECK_SV(json_find_string(pod, "spec.containers.0.ports.0.protocol"), SV("TCP"));
    CHECK(json_find_int(pod, "spec.containers.0.readinessProbe.periodSeconds", 0) == 10);
    CHECK(json_find_int(pod, "spec.volumes.0.configMap.defaultMode", 0) == 420);
    CHECK_SV(json_find_string(pod, "spec.restartPolicy"), SV("Always"));
    struct findings findings = {0};
    admit_validate(pods, pod, NULL, SV(""), arena, &findings);
    CHECK(findings.count == 0);
}

/* Which seconds a client stays with a pod is nobody's when it does not stay: an apply that drops
 * the affinity would leave behind what the server had added. */
TEST(services_without_affinity_have_no_seconds_of_it) {
    static const struct {
        const char *spec, *affinity, *config; /* NULL: absent */
    } cases[] = {
        {"{}", "None", NULL},
        {"{\"sessionAffinityConfig\":{\"clientIP\":{\"timeoutSeconds\":5}}}", "None", NULL},
        {"{\"sessionAffinity\":\"None\",\"sessionAffinityConfig\":{}}", "None", NULL},
        {"{\"sessionAffinity\":\"ClientIP\"}", "ClientIP",
         "{\"clientIP\":{\"timeoutSeconds\":10800}}"},
        {"{\"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":{\"clientIP\":{"
         "\"timeoutSeconds\":5}}}",
         "ClientIP", "{\"clientIP\":{\"timeoutSeconds\":5}}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(registry) registry = registry_new();
        struct sv text = arena_printf(arena, "{\"spec\":%s}", cases[i].spec);
        struct cJSON *service = (struct cJSON *)parse(arena, text.ptr);
        admit_set_defaults(registry_find(registry, SV(""), SV("v1"), SV("services")), service,
                           arena);
        const struct cJSON *config = json_find(service, "spec.sessionAffinityConfig");
        CHECK_SV(json_find_string(service, "spec.sessionAffinity"), sv_from(cases[i].affinity));
        CHECK((config != NULL) == (cases[i].config != NULL));
        if (config && cases[i].config)
            CHECK_SV(json_write_arena(arena, config, JSON_COMPACT), sv_from(cases[i].config));
    }
}

TEST(broken_templates_are_found) {
    static const struct {
        const char *pod_template, *field, *message;
    } cases[] = {
        {"{\"spec\":{\"containers\":[{\"name\":\"A\",\"image\":\"i\"}]}}",
         "template.spec.containers[0].name", "Invalid value: \"A\": a lowercase RFC 1123 label"},
        {"{\"spec\":{\"containers\":[{\"name\":\"a\"}]}}", "template.spec.containers[0].image",
         "Required value"},
        {"{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"a\",\"image\":\"i\"}]}"
         "}",
         "template.spec.restartPolicy",
         "Unsupported value: \"Never\": supported values: \"Always\""},
        {"{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"i\",\"volumeMounts\":[{\"name\":"
         "\"v\",\"mountPath\":\"/x\"}]}]}}",
         "template.spec.containers[0].volumeMounts[0].name", "Not found: \"v\""},
        {"{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"i\",\"ports\":[{\"name\":"
         "\"much-too-long-name\",\"containerPort\":1}]}]}}",
         "template.spec.containers[0].ports[0].name",
         "Invalid value: \"much-too-long-name\": must be no more than 15 characters"},
        {"{\"spec\":{}}", "template.spec.containers", "Required value"},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct findings findings = {0};
        validate_pod_template(parse(arena, cases[i].pod_template), SV("template"), arena,
                              &findings);
        REQUIRE(findings.count == 1);
        CHECK_SV(findings.items[0].field, sv_from(cases[i].field));
        CHECK(sv_starts_with(findings.items[0].message, sv_from(cases[i].message)));
    }
}

/* --- rules in CEL --- */

#define RULED(spec)                                                                                \
    "{\"spec\":{\"group\":\"x.io\",\"scope\":\"Namespaced\",\"names\":{\"plural\":\"foos\","       \
    "\"kind\":\"Foo\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"schema\":{"                \
    "\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":" spec "}}}}]}}"
#define SPEC(rules)                                                                                \
    "{\"type\":\"object\",\"x-kubernetes-validations\":[" rules                                    \
    "],\"properties\":{\"min\":{\"type\":\"integer\"},\"max\":{\"type\":\"integer\",\"maximum\":"  \
    "9},\"items\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-"     \
    "map-keys\":[\"n\"],\"items\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"           \
    "\"string\"},\"v\":{\"type\":\"integer\",\"x-kubernetes-validations\":[{\"rule\":\"self >= "   \
    "oldSelf\",\"message\":\"must not shrink\"}]}}}}}}"

static const struct {
    const char *rule, *object, *old; /* old: NULL on creation */
    const char *field, *message;     /* "": all is well */
} ruled[] = {
    {"{\"rule\":\"self.min <= self.max\"}", "{\"min\":1,\"max\":2}", NULL, "", ""},
    {"{\"rule\":\"self.min <= self.max\"}", "{\"min\":3,\"max\":2}", NULL, "spec",
     "Invalid value: \"object\": failed rule: self.min <= self.max"},
    {"{\"rule\":\"self.min <= self.max\",\"message\":\"min over max\",\"fieldPath\":\".min\"}",
     "{\"min\":3,\"max\":2}", NULL, "spec.min", "Invalid value: \"object\": min over max"},
    {"{\"rule\":\"self.min <= self.max\",\"reason\":\"FieldValueForbidden\",\"message\":\"no\"}",
     "{\"min\":3,\"max\":2}", NULL, "spec", "Forbidden: no"},
    {"{\"rule\":\"self.min <= self.max\",\"messageExpression\":\"'min is ' + string(self.min)\"}",
     "{\"min\":3,\"max\":2}", NULL, "spec", "Invalid value: \"object\": min is 3"},
    {"{\"rule\":\"self.min <= self.max\"}", "{\"min\":3}", NULL, "spec",
     "Invalid value: \"object\": no such key: max evaluating rule: self.min <= self.max"},
    {"{\"rule\":\"self.min == oldSelf.min\",\"message\":\"min is immutable\"}", "{\"min\":3}", NULL,
     "", ""},
    {"{\"rule\":\"self.min == oldSelf.min\",\"message\":\"min is immutable\"}", "{\"min\":3}",
     "{\"min\":2}", "spec", "Invalid value: \"object\": min is immutable"},
    {"{\"rule\":\"true\"}", "{\"items\":[{\"n\":\"b\",\"v\":1},{\"n\":\"a\",\"v\":1}]}",
     "{\"items\":[{\"n\":\"a\",\"v\":2},{\"n\":\"b\",\"v\":1}]}", "spec.items[1].v",
     "Invalid value: \"integer\": must not shrink"},
    /* What was wrong before and did not change is tolerated. */
    {"{\"rule\":\"true\"}", "{\"max\":99,\"min\":1}", "{\"max\":99}", "", ""},
    {"{\"rule\":\"true\"}", "{\"max\":98}", "{\"max\":99}", "spec.max",
     "Invalid value: 98: spec.max in body should be less than or equal to 9"},
};

static const struct resource_type *put_ruled(struct registry *registry, struct arena *arena,
                                             const char *rule, struct error *err) {
    struct sv text = arena_printf(arena, RULED(SPEC("%s")), rule);
    if (!registry_put_crd(registry, parse(arena, text.ptr), err))
        return NULL;
    return registry_find(registry, SV("x.io"), SV("v1"), SV("foos"));
}

static struct cJSON *with_spec(struct arena *arena, const char *spec) {
    return (struct cJSON *)parse(
        arena, arena_printf(arena, "{\"metadata\":{\"name\":\"a\"},\"spec\":%s}", spec).ptr);
}

TEST(rules_are_checked_on_creation_and_change) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(ruled); i++) {
        AUTO(registry) registry = registry_new();
        struct error err = {0};
        const struct resource_type *type = put_ruled(registry, arena, ruled[i].rule, &err);
        REQUIRE(type != NULL);
        struct findings findings = {0};
        admit_validate(type, with_spec(arena, ruled[i].object),
                       ruled[i].old ? with_spec(arena, ruled[i].old) : NULL, SV(""), arena,
                       &findings);
        size_t expected = ruled[i].field[0] ? 1 : 0;
        /* A broken schema hides the rules, and says so. */
        bool hides = findings.count == 2 && sv_eq(findings.items[1].field, SV("<nil>"));
        CHECK(findings.count == expected || hides);
        if (findings.count > 0 && expected > 0) {
            CHECK_SV(findings.items[0].field, sv_from(ruled[i].field));
            CHECK_SV(findings.items[0].message, sv_from(ruled[i].message));
        }
    }
}

TEST(rules_on_fields_that_do_not_exist_are_refused_with_the_definition) {
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    struct error err = {0};
    CHECK(!put_ruled(registry, arena, "{\"rule\":\"self.other > 1\"}", &err));
    CHECK_SV(sv_from(err.message),
             SV("spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule:"
                " Invalid value: {\"Rule\":\"self.other \\u003e "
                "1\",\"Message\":\"\",\"MessageExpression\":\"\",\"Reason\":null,\"FieldPath\":"
                "\"\",\"OptionalOldSelf\":null}: compilation failed: ERROR: <input>:1:5: undefined "
                "field 'other'\n | self.other > 1\n | ....^"));
}
