/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/object_rules.h"

#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "core/data/utf8.h"
#include "core/reconcile/field_rules.h"
#include "core/reconcile/names.h"

enum { FILE_MODE_MAX = 0777, WEIGHT_MAX = 100 };

/* --- containers --- */

static size_t count_of(const struct cJSON *map, const char *words) {
    size_t count = 0;
    JSON_EACH (member, map)
        count += field_is_one_of(json_key(member), words);
    return count;
}

static void refuse_unless_one(struct judge *judge, const struct place *place,
                              const struct cJSON *map, const char *words) {
    if (count_of(map, words) != 1)
        judge_refuse(judge, place, arena_printf(judge->arena, "must have one of %s", words));
}

#define HANDLERS "exec|httpGet|tcpSocket|grpc"
#define ENV_SOURCES "configMapKeyRef|secretKeyRef|fieldRef|resourceFieldRef"
#define ACCESS_MODES "ReadOnlyMany|ReadWriteMany|ReadWriteOnce|ReadWriteOncePod"
#define VOLUME_SOURCES "configMap|secret|emptyDir|hostPath|persistentVolumeClaim"

static void judge_probe(struct judge *judge, const struct place *place, const struct cJSON *item) {
    refuse_unless_one(judge, place, item, HANDLERS);
}

static void judge_hook(struct judge *judge, const struct place *place, const struct cJSON *item) {
    refuse_unless_one(judge, place, item, "exec|httpGet|sleep");
    /* Servers before 1.32 take it where they are told to, and before 1.34 no 0. */
    if (json_get(item, SV("sleep")))
        judge_be_unsure(judge);
}

static void judge_command(struct judge *judge, const struct place *place,
                          const struct cJSON *item) {
    if (json_count(json_get(item, SV("command"))) == 0)
        judge_refuse(judge, place, SV("has no command"));
}

static void judge_other_probe(struct judge *judge, const struct place *place,
                              const struct cJSON *item) {
    judge_probe(judge, place, item);
    if (json_int_or(item, SV("successThreshold"), 1) > 1)
        judge_refuse(judge, place, SV("must have the successThreshold 1"));
}

static void judge_env_from(struct judge *judge, const struct place *place,
                           const struct cJSON *item) {
    refuse_unless_one(judge, place, item, "configMapRef|secretRef");
}

static void judge_variable(struct judge *judge, const struct place *place,
                           const struct cJSON *item) {
    struct sv name = json_find_string(item, "name");
    const struct cJSON *from = json_get(item, SV("valueFrom"));
    if (sv_find(name, '=') < name.len)
        judge_refuse(judge, place, SV("has a name with \"=\""));
    if (!utf8_is_printable_ascii(name))
        judge_refuse(judge, place, SV("has a name with other characters than printable ASCII"));
    /* Servers before 1.30 take fewer. */
    if (!field_is_plain_name(name))
        judge_be_unsure(judge);
    if (from && json_find_string(item, "value").len > 0)
        judge_refuse(judge, place, SV("has both a value and valueFrom: keep one"));
    if (json_is_map(from))
        refuse_unless_one(judge, place, from, ENV_SOURCES);
}

static void judge_requests(struct judge *judge, const struct place *place,
                           const struct cJSON *resources) {
    JSON_EACH (request, json_get(resources, SV("requests"))) {
        struct quantity wanted, limit;
        const struct cJSON *bound = json_get(json_get(resources, SV("limits")), json_key(request));
        if (bound && field_quantity(request, &wanted) && field_quantity(bound, &limit) &&
            quantity_compare(wanted, limit) > 0)
            judge_refuse(judge, place,
                         arena_printf(judge->arena,
                                      "requests more %.*s (%.*s) than its limit of %.*s",
                                      SV_ARG(json_key(request)), SV_ARG(json_text(request)),
                                      SV_ARG(json_text(bound))));
    }
}

static void judge_file(struct judge *judge, const struct place *place, const struct cJSON *item) {
    struct sv path = json_find_string(item, "path");
    if (sv_contains(path, SV("..")) || sv_starts_with(path, SV("/")))
        judge_refuse(judge, place, SV("must have a relative path without \"..\""));
}

static void judge_host_path(struct judge *judge, const struct place *place,
                            const struct cJSON *item) {
    if (sv_contains(json_find_string(item, "path"), SV("..")))
        judge_refuse(judge, place, SV("must have a path without \"..\""));
}

static void judge_volume(struct judge *judge, const struct place *place, const struct cJSON *item) {
    if (count_of(item, VOLUME_SOURCES) > 1)
        judge_refuse(judge, place, SV("has more than one source: keep one"));
}

static void judge_mount(struct judge *judge, const struct place *place, const struct cJSON *item) {
    if (sv_contains(json_find_string(item, "subPath"), SV("..")) ||
        sv_starts_with(json_find_string(item, "subPath"), SV("/")))
        judge_refuse(judge, place, SV("must have a relative subPath without \"..\""));
    if (sv_contains(json_find_string(item, "mountPath"), SV(":")))
        judge_be_unsure(judge);
}

static void judge_profile(struct judge *judge, const struct place *place,
                          const struct cJSON *item) {
    bool is_local = sv_eq(json_find_string(item, "type"), SV("Localhost"));
    if (is_local != (json_find_string(item, "localhostProfile").len > 0))
        judge_refuse(judge, place,
                     SV("needs a localhostProfile with the type Localhost, and only "
                        "there"));
}

/* A container that is privileged, or as good as that, is allowed to escalate. */
static void judge_security(struct judge *judge, const struct place *place,
                           const struct cJSON *item) {
    const struct cJSON *escalation = json_get(item, SV("allowPrivilegeEscalation"));
    bool adds_admin = false;
    JSON_EACH (capability, json_find(item, "capabilities.add"))
        adds_admin = adds_admin || field_is_one_of(json_text(capability), "CAP_SYS_ADMIN");
    if (escalation && !json_is_true(escalation) &&
        (adds_admin || json_is_true(json_get(item, SV("privileged")))))
        judge_refuse(judge, place,
                     SV("is privileged, and says allowPrivilegeEscalation: false: remove one"));
}

/* --- placement --- */

static void judge_toleration(struct judge *judge, const struct place *place,
                             const struct cJSON *item) {
    struct sv key = json_find_string(item, "key"), value = json_find_string(item, "value");
    bool exists = sv_eq(json_find_string(item, "operator"), SV("Exists"));
    if (key.len > 0 && !field_is_label_key(key))
        judge_refuse(judge, place, SV("has a key that no taint can have"));
    if (key.len == 0 && !exists)
        judge_refuse(judge, place, SV("has no key, which takes the operator Exists"));
    if (exists && value.len > 0)
        judge_refuse(judge, place, SV("has a value, which the operator Exists does not take"));
    if (!exists && !field_is_label_value(value))
        judge_refuse(judge, place, SV("has a value that no taint can have"));
    if (json_get(item, SV("tolerationSeconds")) &&
        !field_is_one_of(json_find_string(item, "effect"), "NoExecute"))
        judge_refuse(judge, place, SV("has tolerationSeconds, which takes the effect NoExecute"));
}

static void judge_requirement(struct judge *judge, const struct place *place,
                              const struct cJSON *item) {
    struct sv operator= json_find_string(item, "operator");
    size_t count = json_count(json_get(item, SV("values")));
    if (field_is_one_of(operator, "In|NotIn") && count == 0)
        judge_refuse(judge, place, SV("has no values, which its operator needs"));
    if (field_is_one_of(operator, "Exists|DoesNotExist") && count > 0)
        judge_refuse(judge, place, SV("has values, which its operator does not take"));
    if (field_is_one_of(operator, "Gt|Lt"))
        judge_be_unsure(judge);
    JSON_EACH (value, json_get(item, SV("values")))
        if (!field_is_label_value(json_text(value)))
            judge_be_unsure(judge);
}

static void judge_field(struct judge *judge, const struct place *place, const struct cJSON *item) {
    const struct cJSON *values = json_get(item, SV("values"));
    if (json_count(values) != 1 || !names_is_dns_subdomain(json_text(json_at(values, 0))))
        judge_refuse(judge, place, SV("must name one node"));
}

static void judge_terms(struct judge *judge, const struct place *place, const struct cJSON *item) {
    if (json_count(json_get(item, SV("nodeSelectorTerms"))) == 0)
        judge_refuse(judge, place, SV("has no nodeSelectorTerms"));
}

#define REQUIRED .is_required = true
#define SECONDS KIND_NUMBER, .min = 0, .max = INT32_MAX
#define LIST_OF(rules_, unique_) KIND_MAPS, .below = (rules_), .unique = (unique_)
#define MAP_OF(rules_) KIND_MAP, .below = (rules_)
#define WORDS(words_) KIND_WORD, .words = (words_)

static const struct rule key_reference[] = {{.key = "name", .kind = KIND_TEXT},
                                            {.key = "key", .kind = KIND_FILLED, REQUIRED},
                                            {.key = "optional", .kind = KIND_FLAG},
                                            {.key = NULL}};
static const struct rule name_reference[] = {{.key = "name", .kind = KIND_FILLED, REQUIRED},
                                             {.key = "optional", .kind = KIND_FLAG},
                                             {.key = NULL}};
static const struct rule field_reference[] = {
    {.key = "fieldPath",
     .kind = WORDS(
         "metadata.name|metadata.namespace|metadata.uid|spec.nodeName|spec.serviceAccountName|"
         "status.hostIP|status.podIP|status.podIPs"),
     REQUIRED},
    {.key = NULL}};
static const struct rule resource_reference[] = {
    {.key = "resource",
     .kind = WORDS("limits.cpu|limits.memory|limits.ephemeral-storage|requests.cpu|requests.memory|"
                   "requests.ephemeral-storage"),
     REQUIRED},
    {.key = "containerName", .kind = KIND_TEXT},
    {.key = NULL}};
static const struct rule variable_source[] = {
    {.key = "configMapKeyRef", .kind = MAP_OF(key_reference)},
    {.key = "secretKeyRef", .kind = MAP_OF(key_reference)},
    {.key = "fieldRef", .kind = MAP_OF(field_reference)},
    {.key = "resourceFieldRef", .kind = MAP_OF(resource_reference)},
    {.key = NULL}};
static const struct rule variable[] = {{.key = "name", .kind = KIND_FILLED, REQUIRED},
                                       {.key = "value", .kind = KIND_TEXT},
                                       {.key = "valueFrom", .kind = MAP_OF(variable_source)},
                                       {.key = NULL}};
static const struct rule environment_source[] = {
    {.key = "configMapRef", .kind = MAP_OF(name_reference)},
    {.key = "secretRef", .kind = MAP_OF(name_reference)},
    {.key = NULL}};
static const struct rule container_port[] = {
    {.key = "name", .kind = KIND_PORT_NAME},
    {.key = "containerPort", .kind = KIND_NUMBER, .min = 1, .max = PORT_MAX, REQUIRED},
    {.key = "protocol", .kind = WORDS("TCP|UDP|SCTP")},
    {.key = NULL}};
static const struct rule mount[] = {
    {.key = "name", .kind = KIND_FILLED, REQUIRED},
    {.key = "mountPath", .kind = KIND_FILLED, REQUIRED},
    {.key = "readOnly", .kind = KIND_FLAG},
    {.key = "subPath", .kind = KIND_TEXT},
    {.key = "mountPropagation", .kind = WORDS("None|HostToContainer|Bidirectional")},
    {.key = NULL}};
static const struct rule resources[] = {{.key = "limits", .kind = KIND_QUANTITIES},
                                        {.key = "requests", .kind = KIND_QUANTITIES},
                                        {.key = NULL}};
static const struct rule command[] = {{.key = "command", .kind = KIND_TEXTS}, {.key = NULL}};
static const struct rule http_get[] = {{.key = "path", .kind = KIND_TEXT},
                                       {.key = "port", .kind = KIND_TARGET, REQUIRED},
                                       {.key = "host", .kind = KIND_TEXT},
                                       {.key = "scheme", .kind = WORDS("HTTP|HTTPS")},
                                       {.key = NULL}};
static const struct rule tcp_socket[] = {{.key = "port", .kind = KIND_TARGET, REQUIRED},
                                         {.key = "host", .kind = KIND_TEXT},
                                         {.key = NULL}};
static const struct rule grpc[] = {
    {.key = "port", .kind = KIND_NUMBER, .min = 1, .max = PORT_MAX, REQUIRED},
    {.key = "service", .kind = KIND_TEXT},
    {.key = NULL}};
static const struct rule probe[] = {{.key = "exec", .kind = MAP_OF(command), .also = judge_command},
                                    {.key = "httpGet", .kind = MAP_OF(http_get)},
                                    {.key = "tcpSocket", .kind = MAP_OF(tcp_socket)},
                                    {.key = "grpc", .kind = MAP_OF(grpc)},
                                    {.key = "initialDelaySeconds", .kind = SECONDS},
                                    {.key = "timeoutSeconds", .kind = SECONDS},
                                    {.key = "periodSeconds", .kind = SECONDS},
                                    {.key = "successThreshold", .kind = SECONDS},
                                    {.key = "failureThreshold", .kind = SECONDS},
                                    {.key = NULL}};
static const struct rule pause[] = {{.key = "seconds", .kind = SECONDS, REQUIRED}, {.key = NULL}};
static const struct rule hook[] = {{.key = "exec", .kind = MAP_OF(command), .also = judge_command},
                                   {.key = "httpGet", .kind = MAP_OF(http_get)},
                                   {.key = "sleep", .kind = MAP_OF(pause)},
                                   {.key = NULL}};
static const struct rule lifecycle[] = {
    {.key = "postStart", .kind = MAP_OF(hook), .also = judge_hook},
    {.key = "preStop", .kind = MAP_OF(hook), .also = judge_hook},
    {.key = NULL}};
static const struct rule capabilities[] = {
    {.key = "add", .kind = KIND_TEXTS}, {.key = "drop", .kind = KIND_TEXTS}, {.key = NULL}};
static const struct rule profile[] = {
    {.key = "type", .kind = WORDS("RuntimeDefault|Unconfined|Localhost"), REQUIRED},
    {.key = "localhostProfile", .kind = KIND_TEXT},
    {.key = NULL}};
static const struct rule pod_security_context[] = {
    {.key = "runAsUser", .kind = SECONDS},
    {.key = "runAsGroup", .kind = SECONDS},
    {.key = "runAsNonRoot", .kind = KIND_FLAG},
    {.key = "fsGroup", .kind = SECONDS},
    {.key = "fsGroupChangePolicy", .kind = WORDS("Always|OnRootMismatch")},
    {.key = "seccompProfile", .kind = MAP_OF(profile), .also = judge_profile},
    {.key = NULL}};
static const struct rule security_context[] = {
    {.key = "privileged", .kind = KIND_FLAG},
    {.key = "runAsUser", .kind = SECONDS},
    {.key = "runAsGroup", .kind = SECONDS},
    {.key = "runAsNonRoot", .kind = KIND_FLAG},
    {.key = "readOnlyRootFilesystem", .kind = KIND_FLAG},
    {.key = "allowPrivilegeEscalation", .kind = KIND_FLAG},
    {.key = "capabilities", .kind = MAP_OF(capabilities)},
    {.key = "seccompProfile", .kind = MAP_OF(profile), .also = judge_profile},
    {.key = NULL}};
static const struct rule container[] = {
    {.key = "name", .kind = KIND_LABEL_NAME, REQUIRED},
    {.key = "image", .kind = KIND_TRIMMED, REQUIRED},
    {.key = "command", .kind = KIND_TEXTS},
    {.key = "args", .kind = KIND_TEXTS},
    {.key = "workingDir", .kind = KIND_TEXT},
    {.key = "env", .kind = LIST_OF(variable, "name"), .also = judge_variable},
    {.key = "envFrom", .kind = LIST_OF(environment_source, NULL), .also = judge_env_from},
    /* A list that an apply merges by port and protocol has each of them once. */
    {.key = "ports", .kind = LIST_OF(container_port, "name"), .port = "containerPort"},
    {.key = "volumeMounts", .kind = LIST_OF(mount, "mountPath"), .also = judge_mount},
    {.key = "resources", .kind = MAP_OF(resources), .also = judge_requests},
    {.key = "imagePullPolicy", .kind = WORDS("Always|IfNotPresent|Never")},
    {.key = "readinessProbe", .kind = MAP_OF(probe), .also = judge_probe},
    {.key = "livenessProbe", .kind = MAP_OF(probe), .also = judge_other_probe},
    {.key = "startupProbe", .kind = MAP_OF(probe), .also = judge_other_probe},
    {.key = "lifecycle", .kind = MAP_OF(lifecycle)},
    {.key = "terminationMessagePath", .kind = KIND_TEXT},
    {.key = "terminationMessagePolicy", .kind = WORDS("File|FallbackToLogsOnError")},
    {.key = "securityContext", .kind = MAP_OF(security_context), .also = judge_security},
    {.key = NULL}};

static const struct rule file[] = {
    {.key = "key", .kind = KIND_FILLED, REQUIRED},
    {.key = "path", .kind = KIND_FILLED, REQUIRED},
    {.key = "mode", .kind = KIND_NUMBER, .min = 0, .max = FILE_MODE_MAX},
    {.key = NULL}};
static const struct rule config_map_source[] = {
    {.key = "name", .kind = KIND_FILLED, REQUIRED},
    {.key = "optional", .kind = KIND_FLAG},
    {.key = "defaultMode", .kind = KIND_NUMBER, .min = 0, .max = FILE_MODE_MAX},
    {.key = "items", .kind = LIST_OF(file, NULL), .also = judge_file},
    {.key = NULL}};
static const struct rule secret_source[] = {
    {.key = "secretName", .kind = KIND_FILLED, REQUIRED},
    {.key = "optional", .kind = KIND_FLAG},
    {.key = "defaultMode", .kind = KIND_NUMBER, .min = 0, .max = FILE_MODE_MAX},
    {.key = "items", .kind = LIST_OF(file, NULL), .also = judge_file},
    {.key = NULL}};
static const struct rule empty_dir[] = {{.key = "medium", .kind = WORDS("Memory|HugePages")},
                                        {.key = "sizeLimit", .kind = KIND_QUANTITY},
                                        {.key = NULL}};
static const struct rule host_path[] = {
    {.key = "path", .kind = KIND_FILLED, REQUIRED},
    {.key = "type",
     .kind = WORDS("DirectoryOrCreate|Directory|FileOrCreate|File|Socket|CharDevice|BlockDevice")},
    {.key = NULL}};
static const struct rule claim_source[] = {{.key = "claimName", .kind = KIND_FILLED, REQUIRED},
                                           {.key = "readOnly", .kind = KIND_FLAG},
                                           {.key = NULL}};
static const struct rule volume[] = {
    {.key = "name", .kind = KIND_LABEL_NAME, REQUIRED},
    {.key = "configMap", .kind = MAP_OF(config_map_source)},
    {.key = "secret", .kind = MAP_OF(secret_source)},
    {.key = "emptyDir", .kind = MAP_OF(empty_dir)},
    {.key = "hostPath", .kind = MAP_OF(host_path), .also = judge_host_path},
    {.key = "persistentVolumeClaim", .kind = MAP_OF(claim_source)},
    {.key = NULL}};

static const struct rule toleration[] = {
    {.key = "key", .kind = KIND_TEXT},
    {.key = "operator", .kind = WORDS("Exists|Equal")},
    {.key = "value", .kind = KIND_TEXT},
    {.key = "effect", .kind = WORDS("NoSchedule|PreferNoSchedule|NoExecute")},
    {.key = "tolerationSeconds", .kind = KIND_NUMBER, .min = INT64_MIN, .max = INT64_MAX},
    {.key = NULL}};
static const struct rule node_requirement[] = {
    {.key = "key", .kind = KIND_LABEL_KEY, REQUIRED},
    {.key = "operator", .kind = WORDS("In|NotIn|Exists|DoesNotExist|Gt|Lt"), REQUIRED},
    {.key = "values", .kind = KIND_TEXTS},
    {.key = NULL}};
static const struct rule label_requirement[] = {
    {.key = "key", .kind = KIND_LABEL_KEY, REQUIRED},
    {.key = "operator", .kind = WORDS("In|NotIn|Exists|DoesNotExist"), REQUIRED},
    {.key = "values", .kind = KIND_TEXTS},
    {.key = NULL}};
static const struct rule node_field[] = {{.key = "key", .kind = WORDS("metadata.name"), REQUIRED},
                                         {.key = "operator", .kind = WORDS("In|NotIn"), REQUIRED},
                                         {.key = "values", .kind = KIND_TEXTS, REQUIRED},
                                         {.key = NULL}};
static const struct rule node_term[] = {
    {.key = "matchExpressions", .kind = LIST_OF(node_requirement, NULL), .also = judge_requirement},
    {.key = "matchFields", .kind = LIST_OF(node_field, NULL), .also = judge_field},
    {.key = NULL}};
static const struct rule node_terms[] = {
    {.key = "nodeSelectorTerms", .kind = LIST_OF(node_term, NULL)}, {.key = NULL}};
static const struct rule weighted_term[] = {
    {.key = "weight", .kind = KIND_NUMBER, .min = 1, .max = WEIGHT_MAX, REQUIRED},
    {.key = "preference", .kind = MAP_OF(node_term)},
    {.key = NULL}};
static const struct rule node_affinity[] = {
    {.key = "requiredDuringSchedulingIgnoredDuringExecution",
     .kind = MAP_OF(node_terms),
     .also = judge_terms},
    {.key = "preferredDuringSchedulingIgnoredDuringExecution",
     .kind = LIST_OF(weighted_term, NULL)},
    {.key = NULL}};
static const struct rule label_selector[] = {{.key = "matchLabels", .kind = KIND_LABELS},
                                             {.key = "matchExpressions",
                                              .kind = LIST_OF(label_requirement, NULL),
                                              .also = judge_requirement},
                                             {.key = NULL}};
static const struct rule pod_term[] = {{.key = "labelSelector", .kind = MAP_OF(label_selector)},
                                       {.key = "topologyKey", .kind = KIND_LABEL_KEY, REQUIRED},
                                       {.key = NULL}};
static const struct rule weighted_pod_term[] = {
    {.key = "weight", .kind = KIND_NUMBER, .min = 1, .max = WEIGHT_MAX, REQUIRED},
    {.key = "podAffinityTerm", .kind = MAP_OF(pod_term), REQUIRED},
    {.key = NULL}};
static const struct rule pod_affinity[] = {
    {.key = "requiredDuringSchedulingIgnoredDuringExecution", .kind = LIST_OF(pod_term, NULL)},
    {.key = "preferredDuringSchedulingIgnoredDuringExecution",
     .kind = LIST_OF(weighted_pod_term, NULL)},
    {.key = NULL}};
static const struct rule affinity[] = {{.key = "nodeAffinity", .kind = MAP_OF(node_affinity)},
                                       {.key = "podAffinity", .kind = MAP_OF(pod_affinity)},
                                       {.key = "podAntiAffinity", .kind = MAP_OF(pod_affinity)},
                                       {.key = NULL}};
static const struct rule pull_secret[] = {{.key = "name", .kind = KIND_TEXT}, {.key = NULL}};

static void judge_pod(struct judge *judge, const struct place *place, const struct cJSON *pod);

static const struct rule pod_spec[] = {
    {.key = "containers", .kind = LIST_OF(container, "name"), REQUIRED},
    {.key = "initContainers", .kind = LIST_OF(container, "name")},
    {.key = "volumes", .kind = LIST_OF(volume, "name"), .also = judge_volume},
    {.key = "nodeSelector", .kind = KIND_LABELS},
    {.key = "tolerations", .kind = LIST_OF(toleration, NULL), .also = judge_toleration},
    {.key = "affinity", .kind = MAP_OF(affinity)},
    {.key = "imagePullSecrets", .kind = LIST_OF(pull_secret, "name")},
    {.key = "serviceAccountName", .kind = KIND_SUBDOMAIN},
    {.key = "automountServiceAccountToken", .kind = KIND_FLAG},
    {.key = "enableServiceLinks", .kind = KIND_FLAG},
    {.key = "securityContext", .kind = MAP_OF(pod_security_context)},
    {.key = "hostNetwork", .kind = KIND_FLAG},
    {.key = "hostPID", .kind = KIND_FLAG},
    {.key = "hostIPC", .kind = KIND_FLAG},
    {.key = "terminationGracePeriodSeconds",
     .kind = KIND_NUMBER,
     .min = INT64_MIN,
     .max = INT64_MAX},
    {.key = "priorityClassName", .kind = KIND_SUBDOMAIN},
    {.key = "restartPolicy", .kind = WORDS("Always")},
    {.key = "dnsPolicy", .kind = WORDS("ClusterFirst|ClusterFirstWithHostNet|Default")},
    {.key = NULL}};
static const struct rule template_metadata[] = {{.key = "labels", .kind = KIND_LABELS},
                                                {.key = "annotations", .kind = KIND_ANNOTATIONS},
                                                {.key = NULL}};
static const struct rule pod_template[] = {
    {.key = "metadata", .kind = MAP_OF(template_metadata)},
    {.key = "spec", .kind = MAP_OF(pod_spec), .also = judge_pod, REQUIRED},
    {.key = NULL}};
static const struct rule rolling_update[] = {{.key = "partition", .kind = SECONDS},
                                             {.key = "maxUnavailable", .kind = KIND_SHARE},
                                             {.key = "maxSurge", .kind = KIND_OURS},
                                             {.key = NULL}};
static const struct rule strategy[] = {{.key = "type", .kind = WORDS("RollingUpdate|OnDelete")},
                                       {.key = "rollingUpdate", .kind = MAP_OF(rolling_update)},
                                       {.key = NULL}};
static const struct rule service_port[] = {
    {.key = "name", .kind = KIND_LABEL_NAME},
    {.key = "port", .kind = KIND_NUMBER, .min = 1, .max = PORT_MAX, REQUIRED},
    {.key = "targetPort", .kind = KIND_TARGET},
    {.key = "protocol", .kind = WORDS("TCP|UDP|SCTP")},
    {.key = NULL}};

static const struct rule storage[] = {{.key = "storage", .kind = KIND_QUANTITY, REQUIRED},
                                      {.key = NULL}};
static const struct rule claim_resources[] = {
    {.key = "requests", .kind = MAP_OF(storage), REQUIRED}, {.key = NULL}};
static const struct rule volume_affinity[] = {
    {.key = "required", .kind = MAP_OF(node_terms), .also = judge_terms, REQUIRED}, {.key = NULL}};

/* Services, config maps, volumes, claims and workloads of all kinds: no member means two things. */
static const struct rule spec_rules[] = {
    {.key = "replicas", .kind = SECONDS},
    {.key = "selector", .kind = KIND_OURS},
    {.key = "serviceName", .kind = KIND_OURS},
    {.key = "podManagementPolicy", .kind = KIND_OURS},
    {.key = "updateStrategy", .kind = MAP_OF(strategy)},
    {.key = "strategy", .kind = MAP_OF(strategy)},
    {.key = "template", .kind = MAP_OF(pod_template)},
    {.key = "clusterIP", .kind = KIND_OURS},
    {.key = "publishNotReadyAddresses", .kind = KIND_FLAG},
    {.key = "type", .kind = WORDS("ClusterIP|NodePort|LoadBalancer")},
    {.key = "sessionAffinity", .kind = WORDS("None|ClientIP")},
    {.key = "ports", .kind = LIST_OF(service_port, "name")},
    {.key = "accessModes", .kind = KIND_TEXTS, .words = ACCESS_MODES},
    {.key = "capacity", .kind = MAP_OF(storage)},
    {.key = "resources", .kind = MAP_OF(claim_resources)},
    {.key = "nodeAffinity", .kind = MAP_OF(volume_affinity)},
    {.key = "storageClassName", .kind = KIND_OURS},
    {.key = "volumeName", .kind = KIND_OURS},
    {.key = "claimRef", .kind = KIND_OURS},
    {.key = "csi", .kind = KIND_OURS},
    {.key = NULL}};
static const struct rule metadata_rules[] = {{.key = "name", .kind = KIND_OURS},
                                             {.key = "namespace", .kind = KIND_OURS},
                                             {.key = "ownerReferences", .kind = KIND_OURS},
                                             {.key = "labels", .kind = KIND_LABELS},
                                             {.key = "annotations", .kind = KIND_ANNOTATIONS},
                                             {.key = NULL}};
static const struct rule object_rules[] = {{.key = "apiVersion", .kind = KIND_OURS},
                                           {.key = "kind", .kind = KIND_OURS},
                                           {.key = "metadata", .kind = MAP_OF(metadata_rules)},
                                           {.key = "data", .kind = KIND_DATA},
                                           {.key = "spec", .kind = MAP_OF(spec_rules)},
                                           {.key = NULL}};

/* --- what several members say together --- */

/* As keys. */
static struct json_index names_of(struct judge *judge, const struct cJSON *list) {
    struct json_index names = json_index_of(judge->arena, json_map(judge->arena));
    JSON_EACH (item, list)
        (void)json_index_is_seen_again(&names, json_find_string(item, "name"));
    return names;
}

static void judge_mounts(struct judge *judge, const struct place *place,
                         const struct json_index *volumes, const struct cJSON *holder) {
    bool is_privileged = json_is_true(json_find(holder, "securityContext.privileged"));
    JSON_EACH (item, json_get(holder, SV("volumeMounts"))) {
        struct sv name = json_find_string(item, "name");
        if (!json_index_get(volumes, name))
            judge_refuse(
                judge, place,
                arena_printf(judge->arena,
                             "mounts volume \"%.*s\" in container \"%.*s\", which the pod does "
                             "not have",
                             SV_ARG(name), SV_ARG(json_find_string(holder, "name"))));
        if (sv_eq(json_find_string(item, "mountPropagation"), SV("Bidirectional")) &&
            !is_privileged)
            judge_refuse(
                judge, place,
                arena_printf(judge->arena,
                             "mounts \"%.*s\" with mountPropagation Bidirectional, which takes "
                             "a container with securityContext.privileged: true",
                             SV_ARG(json_find_string(item, "mountPath"))));
    }
}

static void judge_pod(struct judge *judge, const struct place *place, const struct cJSON *pod) {
    const struct cJSON *containers = json_get(pod, SV("containers"));
    const struct json_index names = names_of(judge, containers);
    const struct json_index volumes = names_of(judge, json_get(pod, SV("volumes")));
    if (json_count(containers) == 0)
        judge_refuse(judge, place, SV("has no containers"));
    JSON_EACH (holder, containers)
        judge_mounts(judge, place, &volumes, holder);
    JSON_EACH (holder, json_get(pod, SV("initContainers"))) {
        judge_mounts(judge, place, &volumes, holder);
        /* What stays beside the others may be asked how it is. */
        if (count_of(holder, "readinessProbe|livenessProbe|startupProbe|lifecycle") > 0)
            judge_be_unsure(judge);
        struct sv name = json_find_string(holder, "name");
        if (json_index_get(&names, name))
            judge_refuse(
                judge, place,
                arena_printf(judge->arena, "has two containers named \"%.*s\"", SV_ARG(name)));
    }
}

static void judge_service(struct judge *judge, const struct place *place,
                          const struct cJSON *spec) {
    const struct cJSON *ports = json_get(spec, SV("ports"));
    bool is_headless = sv_eq(json_find_string(spec, "clusterIP"), SV("None"));
    if (json_count(ports) == 0 && !is_headless)
        judge_refuse(judge, place, SV("has no ports, which only a headless service may lack"));
    if (is_headless && !sv_eq(json_string_or(spec, SV("type"), SV("ClusterIP")), SV("ClusterIP")))
        judge_refuse(judge, place, SV("is headless, which takes the type ClusterIP"));
    const bool *again = field_repeated_ports(judge, ports, "port");
    bool has_several = json_count(ports) > 1;
    JSON_EACH (port, ports) {
        if (has_several && json_find_string(port, "name").len == 0)
            judge_refuse(judge, place, SV("has several ports, each of which needs a name"));
        if (*again++)
            judge_refuse(judge, place,
                         arena_printf(judge->arena, "has port %.*s twice: keep one of the two",
                                      SV_ARG(json_text(json_get(port, SV("port"))))));
    }
}

/* Of a volume and of a claim, which say alike how they are mounted and how much they hold. */
static void judge_volume_spec(struct judge *judge, const struct place *place,
                              const struct cJSON *spec, const struct cJSON *held) {
    const struct cJSON *modes = json_get(spec, SV("accessModes"));
    size_t alone_count = 0;
    struct quantity size;
    JSON_EACH (mode, modes)
        alone_count += sv_eq(json_text(mode), SV("ReadWriteOncePod"));
    if (json_count(modes) == 0)
        judge_refuse(judge, place, SV("has no accessModes"));
    if (alone_count > 0 && alone_count < json_count(modes))
        judge_refuse(
            judge, place,
            SV("has the access mode ReadWriteOncePod beside another: keep one of the two"));
    if (!held)
        judge_refuse(judge, place, SV("asks for no storage"));
    else if (field_quantity(held, &size) && size.nano == 0)
        judge_refuse(judge, place, SV("asks for no storage: a volume has more than 0"));
}

static void judge_kind(struct judge *judge, const struct cJSON *object) {
    static const struct place place = {NULL, {"spec", 4}, 0};
    const struct cJSON *spec = json_get(object, SV("spec"));
    struct sv kind = json_find_string(object, "kind");
    if (sv_eq(kind, SV("Service")))
        judge_service(judge, &place, spec);
    else if (sv_eq(kind, SV("PersistentVolume")))
        judge_volume_spec(judge, &place, spec, json_find(spec, "capacity.storage"));
    else if (sv_eq(kind, SV("PersistentVolumeClaim")))
        judge_volume_spec(judge, &place, spec, json_find(spec, "resources.requests.storage"));
}

enum object_verdict object_rules_judge(struct arena *arena, const struct cJSON *object,
                                       struct sv *ret_problem) {
    struct judge judge = {.arena = arena, .verdict = OBJECT_TAKEN, .problem = SV("")};
    judge_map(&judge, NULL, object, object_rules);
    judge_kind(&judge, object);
    *ret_problem = judge.problem;
    return judge.verdict;
}
