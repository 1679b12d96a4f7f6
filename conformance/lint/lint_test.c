/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each rule is shown by one change to a class that passes all of them: the text `from` of
 * testdata/lint/good.yaml is replaced by `to`, and the rule must fail at the given line.
 */
#include "conformance/lint/lint.h"

#include "conformance/check.h"
#include "conformance/subject.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

static struct sv read_class(struct arena *arena) {
    return test_read_file(arena, TEST_SOURCE_DIR "/conformance/testdata/lint/good.yaml");
}

static struct sv replace(struct arena *arena, struct sv text, struct sv from, struct sv to) {
    for (size_t i = 0; i + from.len <= text.len; i++) {
        if (from.len > 0 && sv_starts_with(sv_drop(text, i), from))
            return arena_printf(arena, "%.*s%.*s%.*s", SV_ARG(sv_prefix(text, i)), SV_ARG(to),
                                SV_ARG(sv_drop(text, i + from.len)));
    }
    return text;
}

static bool lint_text(struct arena *arena, struct sv text, enum lint_target target,
                      struct check_results *ret_results, struct error *err) {
    struct manifest *manifest = ARENA_NEW(arena, struct manifest);
    struct subject subject;
    if (!manifest_parse(arena, SV("class.yaml"), text, manifest, err) ||
        !subject_build(arena, manifest, 1, &subject, err))
        return false;
    *ret_results = (struct check_results){.arena = arena};
    struct lint_options options = {.target = target};
    lint_checks(&subject, &options, ret_results);
    return true;
}

static void print_result(const struct check_result *result) {
    printf("    %.*s %u:%u %.*s\n", SV_ARG(result->check->id), result->subject.line,
           result->subject.column, SV_ARG(result->message));
}

TEST(passes_the_good_class) {
    AUTO(arena) arena = arena_new();
    struct check_results results;
    struct error err = {0};
    REQUIRE(lint_text(arena, read_class(arena), LINT_TARGET_CACHERUNTIME, &results, &err));
    CHECK(results.count > 0);
    for (size_t i = 0; i < results.count; i++) {
        bool has_failed = results.items[i].state == CHECK_STATE_FAIL;
        CHECK(!has_failed);
        if (has_failed)
            print_result(&results.items[i]);
    }
}

/* What lint says that it observes, it does observe: no check of the catalogue is left out. */
TEST(gives_a_result_for_each_check_of_the_catalogue) {
    AUTO(arena) arena = arena_new();
    struct check_results results;
    struct error err = {0};
    REQUIRE(lint_text(arena, read_class(arena), LINT_TARGET_CACHERUNTIME, &results, &err));
    const struct check *check;
    for (size_t i = 0; (check = catalogue_at(i)); i++) {
        bool has_result = false;
        for (size_t j = 0; j < results.count; j++)
            has_result |= results.items[j].check == check;
        CHECK(has_result == ((check->observed_by & OBSERVED_BY_LINT) != 0));
    }
}

static const struct {
    const char *id, *from, *to;
    uint32_t line;
    const char *message; /* a part of it */
    enum lint_target target;
} bad[] = {
    {"SCH-001", "command: [/opt/cache/bin/server]", "command: /opt/cache/bin/server", 28, "array",
     0},
    {"SCH-001", "fileSystemType: good\n", "", 1, "fileSystemType", 0},
    {"SCH-002", "    executionEntries:", "    executionEntry:", 18,
     "did you mean \"executionEntries\"?", 0},
    {"SCH-002", "timeout: 60", "timeoutSeconds: 60", 21, "did you mean \"timeout\"?", 0},
    {"SCH-002", "mountUFS:", "MountUFS:", 19, "did you mean \"mountUFS\"?", 0},
    {"SCH-002", "", "", 20, "unknown to upstream", LINT_TARGET_FLUID},
    {"SCH-003", "rpc_port: \"8995\"", "rpc_port: 8995", 12, "options are strings", 0},
    {"SCH-003", "rpc_port: \"8995\"", "rpc_port: \"1\"\n      rpc_port: \"2\"", 13, "duplicate key",
     0},
    {"SCH-003", "rpc_port: \"8995\"", "verbose: yes", 12, "options are strings", 0},
    {"SCH-004", "    template:\n      spec:",
     "    template:\n      metadata: {labels: {a: b}}\n      spec:", 23, "labels is dropped",
     LINT_TARGET_FLUID},
    {"SCH-005", "{name: data, mountPath: /data}", "{name: dada, mountPath: /data}", 45, "dada", 0},
    {"SCH-006", "name: good-scripts\n", "name: Good-Scripts\n", 0, "lower-case", 0},
    {"TOPO-001", "topology:\n", "topology: {}\nunused:\n", 9, "declares no component", 0},
    {"TOPO-003", "  worker:\n    service", "  workers:\n    service", 0, "does not declare", 0},
    {"TOPO-005", "  client:\n    template:",
     "  client:\n    executionEntries: {mountUFS: {command: [/m]}}\n    template:", 69,
     "that of master comes first", 0},
    {"TOPO-006", "  client:\n    template:", "  clients:\n    template:", 1,
     "how applications reach", 0},
    {"TOPO-002", "  worker:\n    service", "  workers:\n    service", 0, "upstream never binds",
     LINT_TARGET_FLUID},
    {"TOPO-007", "    cacheruntime.io/version: \"1.2\"\n", "", 3, "version", 0},
    {"WORK-001", "          - name: master\n",
     "          - {name: log-sidecar, image: \"x:1\"}\n          - name: master\n", 26,
     "log-sidecar stands before master", 0},
    {"WORK-002", "          - name: worker\n            image: registry.example/good/cache:1.2\n",
     "          - {name: a, image: \"x:1\"}\n          - name: worker\n            image: \"x:1\"\n"
     "            args: [$(FLUID_DATASET_NAME)]\n",
     57, "only the first one gets", 0},
    {"WORK-003", "cache:1.2", "cache:latest", 27, "tag latest", 0},
    {"WORK-003", "cache:1.2", "cache", 27, "no tag", 0},
    {"WORK-004", "        containers:\n          - name: master",
     "        initContainers:\n          - {name: init, image: registry.example/good/cache:1.2}\n"
     "        containers:\n          - name: master",
     26, "keeps it", 0},
    {"WORK-005", "              limits: {cpu: \"1\", memory: 1Gi}\n", "", 26, "resources.limits",
     0},
    {"WORK-006", "- name: POD_NAME", "- name: FLUID_DATASET_NAME", 31, "redefines", 0},
    {"WORK-007", "$(POD_NAME)", "$(HOST_NAME)", 29, "$(HOST_NAME) is not defined", 0},
    {"WORK-008", "        automountServiceAccountToken: false",
     "        automountServiceAccountToken: false\n        hostNetwork: true", 25,
     "service names do not resolve", 0},
    {"WORK-009", "        automountServiceAccountToken: false",
     "        automountServiceAccountToken: false\n        nodeName: n1", 25, "one node", 0},
    {"WORK-010", "    service: {headless: {}}\n    template",
     "    workloadType: {apiVersion: apps/v1, kind: DaemonSet}\n    replicas: 2\n    template", 50,
     "a DaemonSet has no replicas", 0},
    {"WORK-010", "  client:\n", "  client:\n    replicas: 2\n", 69, "a DaemonSet has no replicas",
     0},
    {"WORK-010", "  client:\n",
     "  client:\n    workloadType: {apiVersion: apps/v1, kind: Deployment}\n", 69,
     "OnDelete, which clients have by default", 0},
    {"SVC-001", "    service: {headless: {}}\n", "", 28, "declares no service", 0},
    {"SVC-002", "[/opt/cache/bin/worker]", "[sh, -c, connect $GOOD_SERVICE_PORT]", 0,
     "_SERVICE_PORT is not set", 0},
    {"SVC-004", "rpc_port: \"8995\"", "domain: svc.cluster.local", 12, "cluster.local", 0},
    {"SVC-004", "# prints what is mounted\n", "ping a.svc.cluster.local\n", 92, "cluster.local", 0},
    {"SVC-005", "    service: {headless: {}}\n    dep",
     "    services: [{ports: [{port: 1, targetPort: web}]}]\n    dep", 13, "port named \"web\"", 0},
    {"VOL-001", "{name: good-scripts, m", "{name: good-script, m", 17,
     "did you mean \"good-scripts\"?", 0},
    {"VOL-002", "{name: data, emptyDir: {}}", "{name: data, configMap: {name: mine}}", 47,
     "provided by nobody", 0},
    {"VOL-003", "mountPath: /data}", "mountPath: /etc/fluid/config/}", 45, "/etc/fluid/config", 0},
    {"VOL-004", "- {name: data, mountPath: /data}",
     "- {name: data, mountPath: /a}\n              - {name: data, mountPath: /b}", 46,
     "mounted twice", LINT_TARGET_FLUID},
    {"VOL-005", "    - name: good-scripts\n", "    - name: scripts\n", 0, "does not carry", 0},
    {"HARD-001", "allowPrivilegeEscalation: false", "privileged: true", 40, "is privileged", 0},
    {"HARD-002", "{privileged: true}", "{privileged: false}", 82, "not privileged", 0},
    {"HARD-003", "runAsNonRoot: true", "runAsUser: 1000", 40, "runAsNonRoot", 0},
    {"HARD-004", "automountServiceAccountToken: false", "automountServiceAccountToken: true", 24,
     "token", 0},
    {"HARD-006", "# prints what is mounted\n", "rm -rf \"$FLUID_RUNTIME_MOUNT_PATH\"/*\n", 92,
     "deletes below", 0},
    {"HARD-007", "# prints what is mounted\n", "apt-get install -y jq\n", 92, "installs", 0},
    {"SEC-001", "rpc_port: \"8995\"", "secret_key: h4rd2guess", 12, "credential", 0},
    {"SEC-002", "[/opt/cache/bin/fuse]", "[sh, -c, cat /etc/fluid/secrets/s/k]", 0,
     "no Secret is mounted", 0},
    {"RDY-001", "            readinessProbe: {tcpSocket: {port: rpc}, periodSeconds: 2}\n", "", 26,
     "no readinessProbe", 0},
    {"RDY-002", "            readinessProbe: {tcpSocket: {port: data}}\n", "", 0,
     "no readinessProbe", 0},
    {"RDY-003", "stat \"$FLUID_RUNTIME_MOUNT_PATH\"", "pgrep fuse", 0, "does not look at the mount",
     0},
    {"RDY-004", "periodSeconds: 2}", "initialDelaySeconds: 35}", 38, "after 35 s", 0},
    {"RDY-005", "{port: rpc}", "{port: rcp}", 38, "\"rcp\"", 0},
    {"EXEC-001", "script: {configMap: good-scripts, key: mount.sh}", "command: [sh, -c, \"a; b\"]",
     20, "contains ;", LINT_TARGET_FLUID},
    {"EXEC-002", "script: {configMap: good-scripts, key: mount.sh}",
     "command: [/opt/good/mount.sh]", 20, "mode 0644", 0},
    {"EXEC-013", "key: mount.sh", "key: mounts.sh", 20, "did you mean \"mount.sh\"?", 0},
    {"EXEC-014", "timeout: 60", "timeout: 4000", 21, "timeout is 4000", 0},
    {"PORT-001", "metadata: {name: demo}\nspec:\n  runtimeClassName",
     "metadata: {name: a-name-that-is-much-longer-than-forty-five-characters}\n"
     "spec:\n  runtimeClassName",
     0, "this class allows 45", 0},
    {"PORT-002", "runtimeClassName: good", "runtimeClassName: goods", 0, "uses class \"goods\"", 0},
    {"SCH-001", "kind: Dataset", "kind: Dataste", 0, "v1alpha1; did you mean \"Dataset\"?", 0},
    {"PORT-003", "limits: {cpu: \"1\"", "limits: {example.com/rdma: 1, cpu: \"1\"", 37, "rdma", 0},
    {"DOP-001", "    command: [/opt/cache/bin/load]\n", "", 0, "neither command nor args", 0},
    {"DOP-006", "- name: DataLoad\n", "- name: DataBackup\n", 0, "upstream ignores",
     LINT_TARGET_FLUID},
    {"DEL-002",
     "            lifecycle:\n              preStop:\n                exec: {command: [sh, "
     "-c, umount -l \"$FLUID_RUNTIME_MOUNT_PATH\" || true]}\n",
     "", 0, "nothing unmounts", 0},
    {"DEL-003", "umount -l \"$FLUID_RUNTIME_MOUNT_PATH\" || true",
     "umount /runtime-mnt/cache/default/demo/cache-fuse", 0, "literal", 0},
};

static const struct check_result *find_failure(const struct check_results *results, struct sv id,
                                               struct sv message) {
    for (size_t i = 0; i < results->count; i++) {
        const struct check_result *result = &results->items[i];
        if (result->state == CHECK_STATE_FAIL && sv_eq(result->check->id, id) &&
            sv_contains(result->message, message))
            return result;
    }
    return NULL;
}

TEST(fails_each_bad_class_at_its_line) {
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO(arena) arena = arena_new();
        struct sv good = read_class(arena);
        struct sv text = replace(arena, good, sv_from(bad[i].from), sv_from(bad[i].to));
        CHECK(bad[i].from[0] == '\0' || !sv_eq(text, good));
        struct check_results results;
        struct error err = {0};
        REQUIRE(lint_text(arena, text, bad[i].target, &results, &err));
        const struct check_result *failure =
            find_failure(&results, sv_from(bad[i].id), sv_from(bad[i].message));
        CHECK(failure != NULL);
        if (!failure) {
            printf("  row %zu, %s: no failure with \"%s\"\n", i, bad[i].id, bad[i].message);
            for (size_t j = 0; j < results.count; j++) {
                if (results.items[j].state == CHECK_STATE_FAIL)
                    print_result(&results.items[j]);
            }
            continue;
        }
        CHECK(failure->subject.line > 0);
        /* One line each, since they are lines of a report; read after lint is gone. */
        CHECK(!sv_contains(failure->expected, SV("\n")));
        CHECK(!sv_contains(failure->actual, SV("\n")));
        CHECK(bad[i].line == 0 || failure->subject.line == bad[i].line);
        if (bad[i].line != 0 && failure->subject.line != bad[i].line)
            printf("  row %zu, %s: line %u instead of %u\n", i, bad[i].id, failure->subject.line,
                   bad[i].line);
    }
}

static const struct {
    const char *text, *message;
} unreadable[] = {
    {"", "class.yaml: no CacheRuntimeClass: no document has a field \"kind\""},
    {"kind: CacheRuntimeClas\n",
     "class.yaml:1:7: no CacheRuntimeClass; the nearest is kind \"CacheRuntimeClas\""},
    {"- a\n", "class.yaml:1:1: expected an object, found array"},
    {"kind: CacheRuntimeClass\n---\nkind: CacheRuntimeClass\n",
     "class.yaml:3:1: a second CacheRuntimeClass \"\"; certify one at a time"},
};

/* Of objects that are not for a class, or not for one alone. */
TEST(tells_what_the_server_would_refuse_or_drop_of_any_object) {
    static const struct {
        struct sv text;
        uint32_t line;
        struct sv message; /* of the only failure; "" for none */
    } files[] = {
        {SV("apiVersion: data.fluid.io/v1alpha1\nkind: CacheRuntime\nmetadata: {name: a}\n"
            "spec:\n  runtimeClassName: c\n  worker: {replicass: 2}\n"),
         6, SV("unknown field \"spec.worker.replicass\"; did you mean \"replicas\"?")},
        {SV("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n"
            "apiVersion: data.fluid.io/v1alpha1\nkind: Dataset\nmetadata: {name: a}\n"
            "spec:\n  mounts:\n  - name: m\n"),
         10, SV("spec.mounts[0].mountPoint: Required value")},
        {SV("apiVersion: data.fluid.io/v1alpha1\nkind: CacheRuntimeClass\nmetadata: {name: a}\n"),
         1, SV("fileSystemType: Required value")},
        {SV("apiVersion: example.org/v1\nkind: Widget\nmetadata: {nmae: a}\n"), 0, SV("")},
        {SV("just text\n"), 0, SV("")},
        {SV("# nothing\n"), 0, SV("")},
    };
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct manifest manifest;
        struct check_results results = {.arena = arena};
        bool is_read = manifest_parse(arena, SV("a.yaml"), files[i].text, &manifest, &err);
        CHECK(is_read);
        if (!is_read)
            continue;
        lint_objects(&manifest, 1, &results);
        CHECK(results.count == (files[i].message.len > 0 ? 1 : 0));
        if (results.count != 1)
            continue;
        CHECK_SV(results.items[0].message, files[i].message);
        CHECK(results.items[0].subject.line == files[i].line);
    }
}

TEST(refuses_what_is_no_class) {
    for (size_t i = 0; i < COUNT_OF(unreadable); i++) {
        AUTO(arena) arena = arena_new();
        struct check_results results;
        struct error err = {0};
        CHECK(!lint_text(arena, sv_from(unreadable[i].text), 0, &results, &err));
        CHECK_SV(sv_from(err.message), sv_from(unreadable[i].message));
    }
}

/* What an attacker or an accident puts into a file: each is refused with the file's name. */
TEST(refuses_hostile_texts) {
    AUTO(arena) arena = arena_new();
    enum { DEPTH = 10000, BOMB_LEVELS = 12 };
    char *deep = arena_alloc(arena, DEPTH + 1);
    memset(deep, '[', DEPTH);
    struct sv bomb = SV("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < BOMB_LEVELS; i++)
        bomb = arena_printf(arena, "%.*sa%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n",
                            SV_ARG(bomb), i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1,
                            i - 1, i - 1);
    const struct sv texts[] = {
        {deep, DEPTH},
        bomb,
        SV("kind: CacheRuntimeClass\ntopology: {master: [\n"),
        SV("kind: \0CacheRuntimeClass\n"),
        SV("kind: \xff\xfe\n"),
        SV("a: *b\n"),
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct check_results results;
        struct error err = {0};
        CHECK(!lint_text(arena, texts[i], 0, &results, &err));
        CHECK(sv_starts_with(sv_from(err.message), SV("class.yaml:")));
        CHECK(sv_find(sv_from(err.message), '\n') == strlen(err.message));
    }
}

/* Puts `value` in the place of the n-th node below `parent`; false when there are fewer. */
static bool replace_nth(struct cJSON *parent, size_t *n, struct cJSON *value) {
    JSON_EACH (child, parent) {
        if ((*n)-- == 0) {
            json_replace(parent, child, value);
            return true;
        }
        if (replace_nth(child, n, value))
            return true;
    }
    return false;
}

static struct cJSON *junk(struct arena *arena, size_t variant) {
    struct cJSON *list = json_list(arena);
    json_append(list, json_null(arena));
    json_append(list, json_int(arena, 7));
    json_append(list, json_string(arena, SV("x")));
    struct cJSON *map = json_map(arena);
    json_set_string(arena, map, SV("name"), SV("x"));
    json_set(arena, map, SV("y"), json_map(arena));
    struct cJSON *variants[] = {json_null(arena), json_int(arena, -1), json_string(arena, SV("$(")),
                                list, map};
    return variants[variant % COUNT_OF(variants)];
}

/* Vendors get types wrong anywhere; a finding is due, and never a crash. */
TEST(survives_a_wrong_type_in_any_place) {
    AUTO(arena) arena = arena_new();
    struct sv text = read_class(arena);
    bool is_replaced = true;
    size_t tried = 0;
    for (size_t n = 0; is_replaced; n++) {
        AUTO(arena) each = arena_new();
        struct manifest manifest;
        struct subject subject;
        struct error err = {0};
        REQUIRE(manifest_parse(each, SV("class.yaml"), text, &manifest, &err));
        size_t left = n;
        is_replaced = replace_nth(manifest.documents.roots[0], &left, junk(each, n));
        if (!is_replaced || !subject_build(each, &manifest, 1, &subject, &err))
            continue;
        struct check_results results = {.arena = each};
        struct lint_options options = {.target = n % 2};
        lint_checks(&subject, &options, &results);
        CHECK(results.count > 0);
        tried++;
    }
    CHECK(tried > 100);
}

/* The class before had `from` where this one has `to`. */
static const struct {
    const char *from, *to;
    enum check_state state;
    const char *message; /* a part of it */
} upgrades[] = {
    {"", "", CHECK_STATE_PASS, ""},
    {"good/cache:1.2", "good/cache:1.1", CHECK_STATE_FAIL,
     "the master restarts: its template differs in spec.containers.master.image, and the version "
     "is the same"},
    {"    cacheruntime.io/version: \"1.2\"", "    cacheruntime.io/version: \"1.1\"",
     CHECK_STATE_PASS, ""},
    {"          - {name: data, emptyDir: {}}", "          - {name: data, hostPath: {path: /old}}",
     CHECK_STATE_FAIL, "the master has other data at /data"},
    {"    service: {headless: {}}\n    dependencies", "    dependencies", CHECK_STATE_FAIL,
     "the master has another service: its pods are made anew, under other names"},
    {"  worker:\n    service",
     "  worker:\n    workloadType: {apiVersion: apps/v1, kind: "
     "Deployment}\n    service",
     CHECK_STATE_FAIL, "the worker runs by another kind of workload"},
    {"  worker:\n    service",
     "  worker:\n    tieredStore: {levels: [{emptyDir: {quota: 1Gi}}]}\n"
     "    service",
     CHECK_STATE_FAIL, "the worker keeps its cache elsewhere"},
    {"  worker:\n    service", "  workers:\n    service", CHECK_STATE_FAIL, "the worker is new"},
};

static const struct check_result *find_result(const struct check_results *results, struct sv id) {
    for (size_t i = 0; i < results->count; i++)
        if (sv_eq(results->items[i].check->id, id))
            return &results->items[i];
    return NULL;
}

static void build(struct arena *arena, struct sv text, struct subject *ret_subject) {
    struct error err = {0};
    struct manifest *manifest = ARENA_NEW(arena, struct manifest);
    REQUIRE(manifest_parse(arena, SV("class.yaml"), text, manifest, &err));
    REQUIRE(subject_build(arena, manifest, 1, ret_subject, &err));
}

TEST(tells_what_a_new_version_does_to_runtimes) {
    for (size_t i = 0; i < COUNT_OF(upgrades); i++) {
        AUTO(arena) arena = arena_new();
        struct sv now = read_class(arena);
        struct sv then = replace(arena, now, sv_from(upgrades[i].from), sv_from(upgrades[i].to));
        struct subject subject, previous;
        build(arena, now, &subject);
        build(arena, then, &previous);
        struct check_results results = {.arena = arena};
        lint_checks(&subject, &(struct lint_options){.previous = &previous}, &results);
        const struct check_result *result = find_result(&results, SV("UPG-001"));
        REQUIRE(result != NULL);
        CHECK(result->state == upgrades[i].state);
        CHECK(sv_contains(result->message, sv_from(upgrades[i].message)));
        if (!sv_contains(result->message, sv_from(upgrades[i].message)))
            print_result(result);
    }
}

/* A version that differs announces what comes with it. */
TEST(a_new_version_number_announces_changes) {
    AUTO(arena) arena = arena_new();
    struct sv now = read_class(arena);
    struct sv then = replace(arena, replace(arena, now, SV("good/cache:1.2"), SV("good/cache:1.1")),
                             SV("version: \"1.2\""), SV("version: \"1.1\""));
    struct subject subject, previous;
    build(arena, now, &subject);
    build(arena, then, &previous);
    struct check_results results = {.arena = arena};
    lint_checks(&subject, &(struct lint_options){.previous = &previous}, &results);
    const struct check_result *result = find_result(&results, SV("UPG-001"));
    REQUIRE(result != NULL);
    CHECK(result->state == CHECK_STATE_PASS);
    CHECK_SV(result->message,
             SV("the master restarts: its template differs in spec.containers.master.image"));
}
