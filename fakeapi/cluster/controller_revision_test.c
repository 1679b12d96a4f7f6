/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/controller_revision.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

static struct sv hash_of(struct arena *arena, const char *text, int64_t collision_count) {
    struct error err = {0};
    return template_hash(json_read(arena, sv_from(text), &err), collision_count, arena);
}

TEST(equal_templates_have_equal_hashes) {
    static const struct {
        const char *a, *b;
        bool is_equal;
    } cases[] = {
        {"{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}}",
         "{\"metadata\":{\"labels\":{\"b\":\"2\",\"a\":\"1\"}}}", true},
        {"{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"b\"},{\"name\":\"a\"}]}}", false},
        {"{\"spec\":{\"priority\":0}}", "{}", false},
        {"{\"spec\":{\"nodeSelector\":null}}", "{}", true},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        CHECK(sv_eq(hash_of(arena, cases[i].a, 0), hash_of(arena, cases[i].b, 0)) ==
              cases[i].is_equal);
    CHECK(!sv_eq(hash_of(arena, "{}", 0), hash_of(arena, "{}", 1)));
    CHECK(!sv_eq(hash_of(arena, "{}", 1), hash_of(arena, "{}", 2)));
}

/* As k8s.io/kubernetes 1.34 hashes them: one with little in it, and one with much. */
static const char plain_template[] =
    "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"image\":\"i\","
    "\"imagePullPolicy\":\"Always\",\"name\":\"c\",\"resources\":{},\"terminationMessagePath\":"
    "\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\"}],\"dnsPolicy\":"
    "\"ClusterFirst\",\"restartPolicy\":\"Always\",\"schedulerName\":\"default-scheduler\","
    "\"securityContext\":{},\"terminationGracePeriodSeconds\":30}}";
static const char full_template[] =
    "{\"metadata\":{\"labels\":{\"b\":\"c\",\"a\":\"b\"},\"annotations\":{\"x\":"
    "\"y z\"}},\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}},{\"name\":"
    "\"w\",\"configMap\":{\"name\":\"m\",\"items\":[{\"key\":\"k\",\"path\":\"p\""
    "}],\"defaultMode\":420}},{\"name\":\"h\",\"hostPath\":{\"path\":\"/x\",\"typ"
    "e\":\"\"}}],\"initContainers\":[{\"name\":\"s\",\"image\":\"i\",\"restartPol"
    "icy\":\"Always\",\"resources\":{}}],\"containers\":[{\"name\":\"c\",\"image"
    "\":\"i:1\",\"command\":[\"sh\",\"-c\"],\"ports\":[{\"name\":\"p\",\"containe"
    "rPort\":80,\"hostPort\":8080,\"protocol\":\"TCP\"}],\"env\":[{\"name\":\"A\""
    ",\"value\":\"1\"},{\"name\":\"B\",\"valueFrom\":{\"fieldRef\":{\"apiVersion"
    "\":\"v1\",\"fieldPath\":\"status.podIP\"}}},{\"name\":\"C\",\"valueFrom\":{"
    "\"secretKeyRef\":{\"name\":\"s\",\"key\":\"k\"}}}],\"envFrom\":[{\"configMap"
    "Ref\":{\"name\":\"m\"}}],\"resources\":{\"limits\":{\"cpu\":\"500m\",\"memor"
    "y\":\"1Gi\",\"example.com/x\":\"8Mi\"},\"requests\":{\"cpu\":\"2\",\"memory"
    "\":\"1536Mi\",\"x\":\"5e3\",\"z\":\"0\",\"k\":\"3k\"}},\"volumeMounts\":[{\""
    "name\":\"v\",\"mountPath\":\"/v\",\"mountPropagation\":\"Bidirectional\"}],"
    "\"readinessProbe\":{\"httpGet\":{\"path\":\"/\",\"port\":\"p\",\"scheme\":\""
    "HTTP\"},\"timeoutSeconds\":1,\"periodSeconds\":10},\"livenessProbe\":{\"exec"
    "\":{\"command\":[\"true\"]}},\"lifecycle\":{\"preStop\":{\"tcpSocket\":{\"po"
    "rt\":80}}},\"terminationMessagePath\":\"/dev/termination-log\",\"termination"
    "MessagePolicy\":\"File\",\"imagePullPolicy\":\"IfNotPresent\",\"securityCont"
    "ext\":{\"privileged\":true,\"runAsUser\":0,\"capabilities\":{\"add\":[\"SYS_"
    "ADMIN\"]}}}],\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":"
    "30,\"dnsPolicy\":\"ClusterFirst\",\"nodeSelector\":{\"k\":\"v\"},\"serviceAc"
    "countName\":\"a\",\"serviceAccount\":\"a\",\"hostNetwork\":true,\"shareProce"
    "ssNamespace\":true,\"securityContext\":{\"fsGroup\":5,\"fsGroupChangePolicy"
    "\":\"OnRootMismatch\"},\"imagePullSecrets\":[{\"name\":\"x\"}],\"affinity\":"
    "{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nod"
    "eSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\","
    "\"values\":[\"b\"]}]}]}}},\"schedulerName\":\"default-scheduler\",\"tolerati"
    "ons\":[{\"operator\":\"Exists\",\"tolerationSeconds\":5}],\"topologySpreadCo"
    "nstraints\":[{\"maxSkew\":1,\"topologyKey\":\"z\",\"whenUnsatisfiable\":\"Do"
    "NotSchedule\",\"labelSelector\":{\"matchLabels\":{\"a\":\"b\"}}}],\"enableSe"
    "rviceLinks\":false}}";

TEST(templates_are_hashed_as_kubernetes_does) {
    AUTO(arena) arena = arena_new();
    CHECK_SV(hash_of(arena, plain_template, 0), SV("588c679b46"));
    CHECK_SV(hash_of(arena, full_template, 0), SV("5f647b9bdc"));
}

/* As kube-controller-manager 1.34 named a StatefulSet's revision. */
TEST(data_is_hashed_as_kubernetes_does) {
    static const char data[] =
        "{\"spec\":{\"template\":{\"$patch\":\"replace\",\"spec\":{\"containers\":[{"
        "\"name\":\"c\",\"image\":\"i\",\"imagePullPolicy\":\"Always\",\"resources\":{},"
        "\"terminationMessagePath\":\"/dev/termination-log\","
        "\"terminationMessagePolicy\":\"File\"}],\"dnsPolicy\":\"ClusterFirst\","
        "\"restartPolicy\":\"Always\",\"schedulerName\":\"default-scheduler\","
        "\"securityContext\":{},\"terminationGracePeriodSeconds\":30},"
        "\"metadata\":{\"labels\":{\"s\":\"t\"}}}}}";
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *tree = json_read(arena, sv_from(data), &err);
    CHECK_SV(revision_hash(tree, 0, arena), SV("558dcfbc59"));
    CHECK(!sv_eq(revision_hash(tree, 1, arena), SV("558dcfbc59")));
}

#define DAEMONS                                                                                    \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"metadata\":{\"namespace\":\"default\","  \
    "\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"d\"}},\"template\":{"      \
    "\"metadata\":{\"labels\":{\"app\":\"d\"}},\"spec\":{\"containers\":[{\"name\":\"main\","      \
    "\"image\":\"img:1\"}]}}}}"

static const struct cJSON *only_revision(struct world *world, struct arena *arena) {
    struct request request =
        request_to(VERB_LIST, &RESOURCE_CONTROLLER_REVISIONS, SV("default"), SV(""));
    struct api_response response;
    request.label_selector = SV("app=d");
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return json_at(json_get(response.body, SV("items")), 0);
}

/* The name that a revision had in one world belongs to something else in the next. */
TEST(a_name_that_is_taken_counts_as_a_collision) {
    AUTO(arena) arena = arena_new();
    AUTO(world) first = fixture_world(1, 0);
    CHECK(fixture_create(first, arena, &RESOURCE_DAEMON_SETS, DAEMONS) == 201);
    fixture_run_ms(first, 1000);
    struct sv name = arena_copy(arena, object_name(only_revision(first, arena)));
    REQUIRE(name.len > 0);
    CHECK(json_find_int(fixture_get(first, arena, &RESOURCE_DAEMON_SETS, "d"),
                        "status.collisionCount", 0) == 0);

    AUTO(world) second = fixture_world(1, 0);
    struct sv taken =
        arena_printf(arena,
                     "{\"apiVersion\":\"apps/v1\",\"kind\":\"ControllerRevision\","
                     "\"metadata\":{\"namespace\":\"default\",\"name\":\"%.*s\"},\"data\":{},"
                     "\"revision\":1}",
                     SV_ARG(name));
    CHECK(fixture_create(second, arena, &RESOURCE_CONTROLLER_REVISIONS, taken.ptr) == 201);
    CHECK(fixture_create(second, arena, &RESOURCE_DAEMON_SETS, DAEMONS) == 201);
    fixture_run_ms(second, 1000);
    CHECK(!sv_eq(object_name(only_revision(second, arena)), name));
    const struct cJSON *daemons = fixture_get(second, arena, &RESOURCE_DAEMON_SETS, "d");
    CHECK(json_find_int(daemons, "status.collisionCount", 0) == 1);
    CHECK(json_find_int(daemons, "status.numberReady", 0) == 1);
}
