/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/table.h"

#include "core/base/joiner.h"
#include "core/base/test.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/server_fixture.h"
#include "fakeapi/server/table_parts.h"

/* Two hours after the objects below were made. */
#define NOW INT64_C(1767232800000)
#define CREATED "\"creationTimestamp\":\"2026-01-01T00:00:00Z\""
#define META "\"metadata\":{\"name\":\"a\"," CREATED "}"
#define CONTAINERS                                                                                 \
    "\"containers\":[{\"name\":\"c\",\"image\":\"i:1\"},{\"name\":\"d\",\"image\":\"j\"}]"

static const struct table_options plain = {
    .include = TABLE_NONE, .has_columns = true, .version = {"v1", 2}, .now_ms = NOW};

/* What kubectl get prints for an object: the cells as JSON. */
static const struct {
    const char *group, *version, *plural, *object, *cells;
} cases[] = {
    {"", "v1", "configmaps", "{" META ",\"data\":{\"x\":\"1\",\"y\":\"2\"}}", "[\"a\",2,\"120m\"]"},
    {"", "v1", "pods",
     "{" META ",\"spec\":{" CONTAINERS "},\"status\":{\"phase\":\"Running\",\"podIP\":\"10.0.0.1\","
     "\"containerStatuses\":[{\"name\":\"c\",\"ready\":true,\"restartCount\":2,\"state\":{"
     "\"running\":{}},\"lastState\":{\"terminated\":{\"finishedAt\":\"2026-01-01T01:57:00Z\"}}},{"
     "\"name\":\"d\",\"ready\":false,\"restartCount\":0,\"state\":{\"running\":{}}}]}}",
     "[\"a\",\"1/2\",\"Running\",\"2 (3m ago)\",\"120m\",\"10.0.0.1\",\"<none>\",\"<none>\","
     "\"<none>\"]"},
    {"", "v1", "pods",
     "{" META ",\"spec\":{" CONTAINERS "},\"status\":{\"phase\":\"Running\",\"containerStatuses\":["
     "{\"name\":\"c\",\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}}}]}}",
     "[\"a\",\"0/2\",\"CrashLoopBackOff\",\"0\",\"120m\",\"<none>\",\"<none>\",\"<none>\","
     "\"<none>\"]"},
    {"", "v1", "pods",
     "{" META ",\"spec\":{" CONTAINERS ",\"initContainers\":[{\"name\":\"i\"},{\"name\":\"k\"}]},"
     "\"status\":{\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{"
     "\"terminated\":{\"exitCode\":0}}},{\"name\":\"k\",\"state\":{\"running\":{}}}]}}",
     "[\"a\",\"0/2\",\"Init:1/2\",\"0\",\"120m\",\"<none>\",\"<none>\",\"<none>\",\"<none>\"]"},
    {"", "v1", "pods",
     "{" META ",\"spec\":{" CONTAINERS "},\"status\":{\"phase\":\"Failed\",\"containerStatuses\":[{"
     "\"name\":\"c\",\"state\":{\"terminated\":{\"exitCode\":1}}}]}}",
     "[\"a\",\"0/2\",\"ExitCode:1\",\"0\",\"120m\",\"<none>\",\"<none>\",\"<none>\",\"<none>\"]"},
    {"", "v1", "nodes",
     "{\"metadata\":{\"name\":\"n\"," CREATED ",\"labels\":{\"node-role.kubernetes.io/worker\":"
     "\"\",\"node-role.kubernetes.io/control-plane\":\"\"}},\"spec\":{\"unschedulable\":true},"
     "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],\"nodeInfo\":{"
     "\"kubeletVersion\":\"v1.34.0\"}}}",
     "[\"n\",\"Ready,SchedulingDisabled\",\"control-plane,worker\",\"120m\",\"v1.34.0\","
     "\"<none>\",\"<none>\",\"<unknown>\",\"<unknown>\",\"<unknown>\"]"},
    {"", "v1", "services",
     "{" META
     ",\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.9\",\"ports\":[{\"port\":80,"
     "\"nodePort\":30001,\"protocol\":\"TCP\"},{\"port\":53,\"protocol\":\"UDP\"}],\"selector\":{"
     "\"b\":\"2\",\"a\":\"1\"}}}",
     "[\"a\",\"NodePort\",\"10.96.0.9\",\"<none>\",\"80:30001/TCP,53/UDP\",\"120m\",\"a=1,b=2\"]"},
    {"apps", "v1", "deployments",
     "{" META ",\"spec\":{\"replicas\":3,\"selector\":{\"matchLabels\":{\"x\":\"y\"}},\"template\":"
     "{\"spec\":{" CONTAINERS "}}},\"status\":{\"readyReplicas\":1,\"updatedReplicas\":3}}",
     "[\"a\",\"1/3\",3,0,\"120m\",\"c,d\",\"i:1,j\",\"x=y\"]"},
    {"apps", "v1", "statefulsets",
     "{" META ",\"spec\":{\"replicas\":2,\"template\":{\"spec\":{" CONTAINERS "}}}}",
     "[\"a\",\"0/2\",\"120m\",\"c,d\",\"i:1,j\"]"},
    {"batch", "v1", "jobs",
     "{" META ",\"spec\":{\"completions\":2,\"selector\":{\"matchExpressions\":[{\"key\":\"k\","
     "\"operator\":\"In\",\"values\":[\"a\",\"b\"]}]}},\"status\":{\"succeeded\":1,\"startTime\":"
     "\"2026-01-01T01:59:00Z\"}}",
     "[\"a\",\"Running\",\"1/2\",\"60s\",\"120m\",\"\",\"\",\"k in (a,b)\"]"},
    {"", "v1", "persistentvolumeclaims",
     "{" META ",\"spec\":{\"volumeName\":\"pv\",\"volumeMode\":\"Filesystem\",\"storageClassName\":"
     "\"fast\"},\"status\":{\"phase\":\"Bound\",\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":"
     "[\"ReadWriteMany\",\"ReadWriteOnce\"]}}",
     "[\"a\",\"Bound\",\"pv\",\"1Gi\",\"RWO,RWX\",\"fast\",\"<unset>\",\"120m\",\"Filesystem\"]"},
    {"", "v1", "events",
     "{" META ",\"type\":\"Normal\",\"reason\":\"Pulled\",\"message\":\"ok\\n\",\"count\":4,"
     "\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"p\"},\"source\":{\"component\":\"kubelet\","
     "\"host\":\"n\"},\"firstTimestamp\":\"2026-01-01T00:00:00Z\",\"lastTimestamp\":"
     "\"2026-01-01T01:59:30Z\"}",
     "[\"30s\",\"Normal\",\"Pulled\",\"pod/p\",\"\",\"kubelet, n\",\"ok\",\"120m\",4,\"a\"]"},
    {"rbac.authorization.k8s.io", "v1", "roles", "{" META "}", "[\"a\",\"2026-01-01T00:00:00Z\"]"},
    {"rbac.authorization.k8s.io", "v1", "rolebindings",
     "{" META ",\"roleRef\":{\"kind\":\"Role\",\"name\":\"r\"},\"subjects\":[{\"kind\":\"User\","
     "\"name\":\"u\"},{\"kind\":\"ServiceAccount\",\"name\":\"s\",\"namespace\":\"n\"}]}",
     "[\"a\",\"Role/r\",\"120m\",\"u\",\"\",\"n/s\"]"},
    {"policy", "v1", "poddisruptionbudgets",
     "{" META ",\"spec\":{\"minAvailable\":1},\"status\":{\"disruptionsAllowed\":2}}",
     "[\"a\",\"1\",\"N/A\",2,\"120m\"]"},
    {"autoscaling", "v2", "horizontalpodautoscalers",
     "{" META ",\"spec\":{\"scaleTargetRef\":{\"kind\":\"Deployment\",\"name\":\"d\"},"
     "\"maxReplicas\":5,\"metrics\":[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\","
     "\"target\":{\"type\":\"Utilization\",\"averageUtilization\":80}}}]}}",
     "[\"a\",\"Deployment/d\",\"cpu: <unknown>/80%\",\"<unset>\",5,0,\"120m\"]"},
    {"autoscaling", "v2", "horizontalpodautoscalers",
     "{" META ",\"spec\":{\"scaleTargetRef\":{\"kind\":\"Deployment\",\"name\":\"d\"},"
     "\"maxReplicas\":5,\"metrics\":[{\"type\":\"Object\",\"object\":{\"target\":{"
     "\"averageValue\":\"10\"}}},{\"type\":\"External\",\"external\":{\"target\":{\"value\":"
     "\"5\"}}}]},\"status\":{\"currentMetrics\":[{\"object\":{\"current\":{\"averageValue\":\"7\"}"
     "}},{\"external\":{\"current\":{\"value\":\"4\"}}}]}}",
     "[\"a\",\"Deployment/d\",\"7/10 (avg), 4/5\",\"<unset>\",5,0,\"120m\"]"},
    {"", "v1", "endpoints",
     "{" META ",\"subsets\":[{\"addresses\":[{\"ip\":\"1.1.1.1\"},{\"ip\":\"1.1.1.2\"}],"
     "\"ports\":[{\"port\":80},{\"port\":53}]},{\"addresses\":[{\"ip\":\"1.1.1.3\"}]}]}",
     "[\"a\",\"1.1.1.1:80,1.1.1.2:80,1.1.1.1:53 + 2 more...\",\"120m\"]"},
    {"networking.k8s.io", "v1", "networkpolicies",
     "{" META ",\"spec\":{\"podSelector\":{\"matchLabels\":{\"x\":\"y\"},\"matchExpressions\":[{"
     "\"key\":\"k\",\"operator\":\"NotIn\",\"values\":[\"b\",\"a\"]},{\"key\":\"l\","
     "\"operator\":\"Exists\"}]}}}",
     "[\"a\",\"x=y,k notin (a,b),l\",\"120m\"]"},
    {"admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings",
     "{" META ",\"spec\":{\"policyName\":\"p\",\"paramRef\":{\"name\":\"n\",\"namespace\":\"s\"}}}",
     "[\"a\",\"p\",\"s/n\",\"120m\"]"},
    {"events.k8s.io", "v1", "events",
     "{" META ",\"type\":\"Normal\",\"reason\":\"R\",\"note\":\"n\",\"regarding\":{\"kind\":"
     "\"Pod\",\"name\":\"p\"},\"deprecatedSource\":{\"component\":\"kubelet\",\"host\":\"h\"}}",
     "[\"<unknown>\",\"Normal\",\"R\",\"pod/p\",\"\",\"kubelet, h\",\"n\",\"<unknown>\",1,"
     "\"a\"]"},
};

TEST(cells_are_what_kubectl_prints) {
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct resource_type *type = registry_find(
            registry, sv_from(cases[i].group), sv_from(cases[i].version), sv_from(cases[i].plural));
        REQUIRE(type != NULL);
        const struct cJSON *table =
            table_of(type, fixture_json(arena, cases[i].object), false, &plain, arena);
        CHECK_SV(json_write_arena(arena, json_find(table, "rows.0.cells"), JSON_COMPACT),
                 sv_from(cases[i].cells));
    }
}

/* Every kind has as many cells as columns, even for an object that says nothing. */
TEST(every_kind_fills_its_columns) {
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    const struct resource_type *type;
    const struct cJSON *empty = fixture_json(arena, "{\"metadata\":{\"name\":\"a\"}}");
    for (size_t i = 0; (type = registry_at(registry, i)); i++) {
        const struct cJSON *table = table_of(type, empty, false, &plain, arena);
        size_t columns = json_count(json_get(table, SV("columnDefinitions")));
        CHECK(columns >= 2);
        CHECK(json_count(json_find(table, "rows.0.cells")) == columns);
    }
}

/* Lists of WIDE items: "%d" is each one's number. */
enum { WIDE = 20 * 1000, WIDE_CELLS_BYTES_MAX = 64 * 1024 * 1024 };
static const struct {
    const char *group, *version, *plural, *head, *item, *tail;
    const char *cell_path, *cell; /* "": only what it takes counts */
} wide[] = {
    {"apps", "v1", "deployments", "},\"spec\":{\"selector\":{\"matchLabels\":{", "\"k%d\":\"v\"",
     "}}}", "", ""},
    {"policy", "v1", "poddisruptionbudgets", "},\"spec\":{\"selector\":{\"matchExpressions\":[",
     "{\"key\":\"k%d\",\"operator\":\"Exists\"}", "]}}", "", ""},
    {"networking.k8s.io", "v1", "networkpolicies",
     "},\"spec\":{\"podSelector\":{\"matchExpressions\":[{\"key\":\"k\",\"operator\":\"In\","
     "\"values\":[",
     "\"v%d\"", "]}]}}", "", ""},
    {"apps", "v1", "daemonsets", "},\"spec\":{\"template\":{\"spec\":{\"containers\":[",
     "{\"name\":\"c%d\",\"image\":\"i\"}", "]}}}", "", ""},
    {"", "v1", "services", "},\"spec\":{\"ports\":[", "{\"port\":%d,\"protocol\":\"TCP\"}", "]}",
     "", ""},
    {"", "v1", "nodes", ",\"labels\":{", "\"node-role.kubernetes.io/r%d\":\"\"", "}}", "", ""},
    {"", "v1", "resourcequotas", "},\"status\":{\"hard\":{", "\"x.io/r%d\":\"1\"", "}}", "", ""},
    {"rbac.authorization.k8s.io", "v1", "rolebindings", "},\"subjects\":[",
     "{\"kind\":\"User\",\"name\":\"u%d\"}", "]", "", ""},
    {"", "v1", "endpoints",
     "},\"subsets\":[{\"addresses\":[{\"ip\":\"10.0.0.1\"},{\"ip\":\"10.0.0.2\"}],\"ports\":[",
     "{\"port\":%d}", "]}]", "rows.0.cells.1", "10.0.0.1:0,10.0.0.2:0,10.0.0.1:1 + 39997 more..."},
};

/* What a cell is made of does not stand in the arena once for each of its parts. */
TEST(wide_lists_become_cells_in_one_go) {
    AUTO(registry) registry = registry_new();
    for (size_t i = 0; i < COUNT_OF(wide); i++) {
        AUTO(arena) arena = arena_new();
        const struct resource_type *type = registry_find(
            registry, sv_from(wide[i].group), sv_from(wide[i].version), sv_from(wide[i].plural));
        REQUIRE(type != NULL);
        struct joiner text;
        joiner_init(&text, arena);
        joiner_printf(&text, "{\"metadata\":{\"name\":\"a\"%s", wide[i].head);
        for (int n = 0; n < WIDE; n++) {
            struct sv rest = sv_from(wide[i].item);
            struct sv front = sv_cut(&rest, '%');
            joiner_add(&text, n > 0 ? SV(",") : SV(""));
            joiner_printf(&text, "%.*s%d", SV_ARG(front), n);
            joiner_add(&text, sv_drop(rest, 1));
        }
        joiner_printf(&text, "%s}", wide[i].tail);
        const struct cJSON *table =
            table_of(type, fixture_json(arena, joiner_text(&text).ptr), false, &plain, arena);
        CHECK(arena_used_bytes(arena) < WIDE_CELLS_BYTES_MAX);
        if (wide[i].cell[0] != '\0')
            CHECK_SV(json_find_string(table, wide[i].cell_path), sv_from(wide[i].cell));
    }
}

static const struct cJSON *foo_table(struct fakeapi *api, struct arena *arena, const char *object) {
    const struct resource_type *type =
        registry_find(fakeapi_registry(api), SV("x.io"), SV("v1"), SV("foos"));
    return table_of(type, fixture_json(arena, object), false, &plain, arena);
}

TEST(custom_types_show_their_printer_columns) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct api_response response = fixture_create(
        api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "",
        "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
        "\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{\"name\":"
        "\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":"
        "\"object\"}},\"additionalPrinterColumns\":[{\"name\":\"Size\",\"type\":\"integer\","
        "\"jsonPath\":\".spec.size\"},{\"name\":\"Ready\",\"type\":\"string\",\"priority\":1,"
        "\"jsonPath\":\".status.conditions[?(@.type==\\\"Ready\\\")].status\"},{\"name\":\"Since\","
        "\"type\":\"date\",\"jsonPath\":\".metadata.creationTimestamp\"}]}]}}");
    REQUIRE(response.http_status == 201);
    const struct cJSON *table =
        foo_table(api, arena,
                  "{" META ",\"spec\":{\"size\":7},\"status\":{\"conditions\":[{\"type\":\"Ready\","
                  "\"status\":\"True\"}]}}");
    CHECK_SV(json_write_arena(arena, json_find(table, "rows.0.cells"), JSON_COMPACT),
             SV("[\"a\",7,\"True\",\"120m\"]"));
    CHECK_SV(json_find_string(table, "columnDefinitions.0.format"), SV("name"));
    CHECK(json_find_int(table, "columnDefinitions.2.priority", 0) == 1);
    table = foo_table(api, arena, "{" META "}");
    CHECK_SV(json_write_arena(arena, json_find(table, "rows.0.cells"), JSON_COMPACT),
             SV("[\"a\",null,null,\"120m\"]"));
}

TEST(lists_keep_their_position_and_rows_what_was_asked_for) {
    static const struct {
        enum table_include include;
        const char *object;
    } includes[] = {
        {TABLE_NONE, "null"},
        {TABLE_METADATA, "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
                         "\"metadata\":{\"name\":\"a\"}}"},
        {TABLE_OBJECT,
         "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"},"
         "\"data\":{\"k\":\"v\"}}"},
    };
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    const struct resource_type *type = registry_find(registry, SV(""), SV("v1"), SV("configmaps"));
    const struct cJSON *list = fixture_json(
        arena, "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{"
               "\"resourceVersion\":\"7\",\"continue\":\"x\",\"remainingItemCount\":2},\"items\":[{"
               "\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"v\"}}]}");
    for (size_t i = 0; i < COUNT_OF(includes); i++) {
        struct table_options options = plain;
        options.include = includes[i].include;
        const struct cJSON *table = table_of(type, list, false, &options, arena);
        CHECK_SV(json_write_arena(arena, json_get(table, SV("metadata")), JSON_COMPACT),
                 SV("{\"resourceVersion\":\"7\",\"continue\":\"x\",\"remainingItemCount\":2}"));
        CHECK_SV(json_write_arena(arena, json_find(table, "rows.0.object"), JSON_COMPACT),
                 sv_from(includes[i].object));
    }
}

TEST(later_events_of_a_watch_have_no_columns_and_bookmarks_no_rows) {
    AUTO(arena) arena = arena_new();
    AUTO(registry) registry = registry_new();
    const struct resource_type *type = registry_find(registry, SV(""), SV("v1"), SV("pods"));
    struct table_options options = plain;
    options.has_columns = false;
    const struct cJSON *bookmark =
        fixture_json(arena, "{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"9\"}}");
    CHECK_SV(json_write_arena(arena, table_of(type, bookmark, true, &options, arena), JSON_COMPACT),
             SV("{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{"
                "\"resourceVersion\":\"9\"},\"columnDefinitions\":null,\"rows\":[]}"));
    const struct cJSON *status = fixture_json(arena, "{\"kind\":\"Status\",\"code\":410}");
    CHECK(table_of(type, status, false, &options, arena) == status);
}

TEST(durations_read_as_kubectl_writes_them) {
    static const struct {
        int64_t seconds;
        const char *text;
    } durations[] = {
        {-5, "<invalid>"}, {-1, "0s"},          {0, "0s"},         {119, "119s"},
        {120, "2m"},       {150, "2m30s"},      {600, "10m"},      {10799, "179m"},
        {10800, "3h"},     {11100, "3h5m"},     {28800, "8h"},     {172799, "47h"},
        {172800, "2d"},    {180000, "2d2h"},    {691200, "8d"},    {63071999, "729d"},
        {63072000, "2y"},  {70848000, "2y90d"}, {252288000, "8y"},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(durations); i++)
        CHECK_SV(human_duration(arena, durations[i].seconds * 1000), sv_from(durations[i].text));
}
