/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of all kinds that have their own, and the rows of the simple ones. */
#include "fakeapi/server/table_parts.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/data/json.h"
#include "core/data/json_index.h"

/* --- namespaces, configuration, accounts --- */

static void fill_namespace(struct table_row *row) {
    cell_name(row);
    cell_find(row, "status.phase", "");
    cell_age(row);
}

static void fill_config_map(struct table_row *row) {
    cell_name(row);
    cell_int(row, (int64_t)(json_count(json_get(row->object, SV("data"))) +
                            json_count(json_get(row->object, SV("binaryData")))));
    cell_age(row);
}

static void fill_secret(struct table_row *row) {
    cell_name(row);
    cell_find(row, "type", "");
    cell_count(row, "data");
    cell_age(row);
}

static void fill_service_account(struct table_row *row) {
    cell_name(row);
    cell_count(row, "secrets");
    cell_age(row);
}

static void fill_lease(struct table_row *row) {
    cell_name(row);
    cell_find(row, "spec.holderIdentity", "");
    cell_age(row);
}

/* --- nodes --- */

static struct sv node_status(const struct table_row *row) {
    const struct cJSON *ready = object_condition(row->object, SV("Ready"));
    struct sv status = !ready                                                 ? SV("Unknown")
                       : sv_eq(json_find_string(ready, "status"), SV("True")) ? SV("Ready")
                                                                              : SV("NotReady");
    return json_bool_or(json_get(row->object, SV("spec")), SV("unschedulable"), false)
               ? text_join(row, status, ",", SV("SchedulingDisabled"))
               : status;
}

static struct sv node_roles(const struct table_row *row) {
    static const struct sv prefix = {"node-role.kubernetes.io/", 24};
    struct joiner roles;
    joiner_init(&roles, row->arena);
    const struct cJSON *labels = json_find(row->object, "metadata.labels");
    if (!labels)
        return SV("<none>");
    struct cJSON *sorted = json_copy(row->arena, labels);
    json_sort(sorted);
    JSON_EACH (label, sorted) {
        if (sv_starts_with(json_key(label), prefix))
            text_add(&roles, ",", sv_drop(json_key(label), prefix.len));
        else if (sv_eq(json_key(label), SV("kubernetes.io/role")))
            text_add(&roles, ",", json_text(label));
    }
    return text_or(joiner_text(&roles), "<none>");
}

static void cell_address(struct table_row *row, struct sv type) {
    JSON_EACH (address, json_find(row->object, "status.addresses"))
        if (sv_eq(json_find_string(address, "type"), type)) {
            cell_text(row, json_find_string(address, "address"));
            return;
        }
    cell_text(row, SV("<none>"));
}

static void fill_node(struct table_row *row) {
    cell_name(row);
    cell_text(row, node_status(row));
    cell_text(row, node_roles(row));
    cell_age(row);
    cell_find(row, "status.nodeInfo.kubeletVersion", "");
    cell_address(row, SV("InternalIP"));
    cell_address(row, SV("ExternalIP"));
    cell_find(row, "status.nodeInfo.osImage", "<unknown>");
    cell_find(row, "status.nodeInfo.kernelVersion", "<unknown>");
    cell_find(row, "status.nodeInfo.containerRuntimeVersion", "<unknown>");
}

/* --- storage --- */

static struct sv access_modes(const struct table_row *row, const char *path) {
    static const struct {
        struct sv mode, text;
    } modes[] = {
        {SV("ReadWriteOnce"), SV("RWO")},
        {SV("ReadOnlyMany"), SV("ROX")},
        {SV("ReadWriteMany"), SV("RWX")},
        {SV("ReadWriteOncePod"), SV("RWOP")},
    };
    struct sv text = SV("");
    for (size_t i = 0; i < COUNT_OF(modes); i++)
        JSON_EACH (mode, json_find(row->object, path))
            if (sv_eq(json_text(mode), modes[i].mode)) {
                text = text_join(row, text, ",", modes[i].text);
                break;
            }
    return text;
}

static struct sv phase_text(const struct table_row *row) {
    return object_is_deleting(row->object) ? SV("Terminating")
                                           : json_find_string(row->object, "status.phase");
}

static void fill_volume(struct table_row *row) {
    struct sv claim = json_find_string(row->object, "spec.claimRef.name");
    cell_name(row);
    cell_find(row, "spec.capacity.storage", "0");
    cell_text(row, access_modes(row, "spec.accessModes"));
    cell_find(row, "spec.persistentVolumeReclaimPolicy", "");
    cell_text(row, phase_text(row));
    cell_text(row,
              claim.len == 0
                  ? SV("")
                  : arena_printf(row->arena, "%.*s/%.*s",
                                 SV_ARG(json_find_string(row->object, "spec.claimRef.namespace")),
                                 SV_ARG(claim)));
    cell_find(row, "spec.storageClassName", "");
    cell_find(row, "spec.volumeAttributesClassName", "<unset>");
    cell_find(row, "status.reason", "");
    cell_age(row);
    cell_find(row, "spec.volumeMode", "<unset>");
}

static void fill_volume_claim(struct table_row *row) {
    bool is_bound = json_find_string(row->object, "spec.volumeName").len > 0;
    cell_name(row);
    cell_text(row, phase_text(row));
    cell_find(row, "spec.volumeName", "");
    cell_text(row, is_bound ? json_find_string(row->object, "status.capacity.storage") : SV(""));
    cell_text(row, is_bound ? access_modes(row, "status.accessModes") : SV(""));
    cell_find(row, "spec.storageClassName", "");
    cell_find(row, "spec.volumeAttributesClassName", "<unset>");
    cell_age(row);
    cell_find(row, "spec.volumeMode", "<unset>");
}

static void fill_storage_class(struct table_row *row) {
    struct sv is_default =
        object_annotation(row->object, SV("storageclass.kubernetes.io/is-default-class"));
    cell_text(row, sv_eq(is_default, SV("true")) ? arena_printf(row->arena, "%.*s (default)",
                                                                SV_ARG(object_name(row->object)))
                                                 : object_name(row->object));
    cell_find(row, "provisioner", "");
    cell_find(row, "reclaimPolicy", "Delete");
    cell_find(row, "volumeBindingMode", "Immediate");
    json_append(row->cells, json_bool(row->arena, json_bool_or(row->object,
                                                               SV("allowVolumeExpansion"), false)));
    cell_age(row);
}

static void cell_bool(struct table_row *row, const char *path, bool otherwise) {
    const struct cJSON *value = json_find(row->object, path);
    json_append(row->cells, json_bool(row->arena, value ? json_is_true(value) : otherwise));
}

static void fill_csi_driver(struct table_row *row) {
    struct joiner modes, requests;
    joiner_init(&modes, row->arena);
    joiner_init(&requests, row->arena);
    JSON_EACH (mode, json_find(row->object, "spec.volumeLifecycleModes"))
        text_add(&modes, ",", json_text(mode));
    JSON_EACH (request, json_find(row->object, "spec.tokenRequests"))
        text_add(&requests, ",", json_find_string(request, "audience"));
    cell_name(row);
    cell_bool(row, "spec.attachRequired", true);
    cell_bool(row, "spec.podInfoOnMount", false);
    cell_bool(row, "spec.storageCapacity", false);
    cell_text(row, text_or(joiner_text(&requests), "<unset>"));
    cell_bool(row, "spec.requiresRepublish", false);
    cell_text(row, text_or(joiner_text(&modes), "<none>"));
    cell_age(row);
}

static void fill_csi_node(struct table_row *row) {
    cell_name(row);
    cell_count(row, "spec.drivers");
    cell_age(row);
}

static void fill_attachment(struct table_row *row) {
    cell_name(row);
    cell_find(row, "spec.attacher", "");
    cell_find(row, "spec.source.persistentVolumeName", "");
    cell_find(row, "spec.nodeName", "");
    cell_bool(row, "status.attached", false);
    cell_age(row);
}

static void fill_attributes_class(struct table_row *row) {
    cell_name(row);
    cell_find(row, "driverName", "");
    cell_age(row);
}

/* --- events --- */

/* Either spelling of a member: core/v1 or events.k8s.io/v1. */
static struct sv either(const struct cJSON *object, const char *core, const char *other) {
    struct sv text = json_find_string(object, core);
    return text.len > 0 ? text : json_find_string(object, other);
}

static struct sv lower_kind(const struct table_row *row) {
    struct sv lower =
        arena_copy(row->arena, either(row->object, "involvedObject.kind", "regarding.kind"));
    for (size_t i = 0; i < lower.len; i++)
        if (lower.ptr[i] >= 'A' && lower.ptr[i] <= 'Z')
            ((char *)lower.ptr)[i] = (char)(lower.ptr[i] - 'A' + 'a');
    return lower;
}

static void fill_event(struct table_row *row) {
    const struct cJSON *object = row->object;
    struct sv first = either(object, "firstTimestamp", "deprecatedFirstTimestamp");
    struct sv last = either(object, "lastTimestamp", "deprecatedLastTimestamp");
    struct sv series = json_find_string(object, "series.lastObservedTime");
    struct sv event_time = json_find_string(object, "eventTime");
    struct sv name = either(object, "involvedObject.name", "regarding.name");
    first = first.len > 0 ? first : event_time;
    last = series.len > 0 ? series : last.len > 0 ? last : first;
    int64_t count = json_find_int(object, "count", json_find_int(object, "deprecatedCount", 0));
    count = json_find_int(object, "series.count", count > 0 ? count : 1);
    struct sv component = either(object, "source.component", "deprecatedSource.component");
    struct sv controller = either(object, "reportingComponent", "reportingController");
    struct sv host = either(object, "source.host", "deprecatedSource.host");
    component = component.len > 0 ? component : controller;
    host = host.len > 0 ? host : json_find_string(object, "reportingInstance");
    cell_text(row, time_since(row, last));
    cell_find(row, "type", "");
    cell_find(row, "reason", "");
    cell_text(row, text_join(row, lower_kind(row), "/", name));
    cell_text(row, either(object, "involvedObject.fieldPath", "regarding.fieldPath"));
    cell_text(row, text_join(row, component, ", ", host));
    cell_text(row, sv_trim(either(object, "message", "note")));
    cell_text(row, time_since(row, first));
    cell_int(row, count);
    cell_name(row);
}

/* --- access --- */

static struct sv subjects(const struct table_row *row, struct sv kind, bool with_namespace) {
    struct joiner text;
    joiner_init(&text, row->arena);
    JSON_EACH (subject, json_get(row->object, SV("subjects"))) {
        struct sv name = json_find_string(subject, "name");
        if (!sv_eq(json_find_string(subject, "kind"), kind))
            continue;
        if (with_namespace)
            name = arena_printf(row->arena, "%.*s/%.*s",
                                SV_ARG(json_find_string(subject, "namespace")), SV_ARG(name));
        text_add(&text, ", ", name);
    }
    return joiner_text(&text);
}

static void fill_role_binding(struct table_row *row) {
    cell_name(row);
    cell_text(row, arena_printf(row->arena, "%.*s/%.*s",
                                SV_ARG(json_find_string(row->object, "roleRef.kind")),
                                SV_ARG(json_find_string(row->object, "roleRef.name"))));
    cell_age(row);
    cell_text(row, subjects(row, SV("User"), false));
    cell_text(row, subjects(row, SV("Group"), false));
    cell_text(row, subjects(row, SV("ServiceAccount"), true));
}

static void fill_signing_request(struct table_row *row) {
    struct joiner state;
    joiner_init(&state, row->arena);
    JSON_EACH (condition, json_find(row->object, "status.conditions"))
        text_add(&state, ",", json_find_string(condition, "type"));
    if (json_find(row->object, "status.certificate"))
        text_add(&state, ",", SV("Issued"));
    const struct cJSON *seconds = json_find(row->object, "spec.expirationSeconds");
    cell_name(row);
    cell_age(row);
    cell_find(row, "spec.signerName", "<none>");
    cell_find(row, "spec.username", "");
    cell_text(row, seconds ? human_duration(
                                 row->arena,
                                 json_find_int(row->object, "spec.expirationSeconds", 0) * 1000)
                           : SV("<none>"));
    cell_text(row, text_or(joiner_text(&state), "Pending"));
}

/* --- quotas --- */

static void fill_quota(struct table_row *row) {
    struct joiner requests, limits;
    joiner_init(&requests, row->arena);
    joiner_init(&limits, row->arena);
    const struct cJSON *hard = json_find(row->object, "status.hard");
    if (hard) {
        struct cJSON *sorted = json_copy(row->arena, hard);
        json_sort(sorted);
        struct json_index all_used =
            json_index_of(row->arena, json_find(row->object, "status.used"));
        JSON_EACH (resource, sorted) {
            struct sv used = json_text(json_index_get(&all_used, json_key(resource)));
            struct sv one = arena_printf(row->arena, "%.*s: %.*s/%.*s", SV_ARG(json_key(resource)),
                                         SV_ARG(text_or(used, "0")), SV_ARG(json_text(resource)));
            bool is_limit = sv_starts_with(json_key(resource), SV("limits."));
            text_add(is_limit ? &limits : &requests, ", ", one);
        }
    }
    cell_name(row);
    cell_text(row, joiner_text(&requests));
    cell_text(row, joiner_text(&limits));
    cell_age(row);
}

static void fill_priority_class(struct table_row *row) {
    cell_name(row);
    cell_find_int(row, "value", 0);
    cell_bool(row, "globalDefault", false);
    cell_age(row);
    cell_find(row, "preemptionPolicy", "");
}

static void fill_runtime_class(struct table_row *row) {
    cell_name(row);
    cell_find(row, "handler", "");
    cell_age(row);
}

/* --- networking --- */

static void fill_network_policy(struct table_row *row) {
    cell_name(row);
    cell_text(row, selector_text(row, json_find(row->object, "spec.podSelector")));
    cell_age(row);
}

static void fill_ingress_class(struct table_row *row) {
    const struct cJSON *parameters = json_find(row->object, "spec.parameters");
    struct sv group = json_find_string(parameters, "apiGroup");
    cell_name(row);
    cell_find(row, "spec.controller", "");
    cell_text(row, !parameters ? SV("<none>")
                               : arena_printf(row->arena, "%.*s%s%.*s/%.*s",
                                              SV_ARG(json_find_string(parameters, "kind")),
                                              group.len > 0 ? "." : "", SV_ARG(group),
                                              SV_ARG(json_find_string(parameters, "name"))));
    cell_age(row);
}

static void fill_service_cidr(struct table_row *row) {
    struct joiner ranges;
    joiner_init(&ranges, row->arena);
    JSON_EACH (range, json_find(row->object, "spec.cidrs"))
        text_add(&ranges, ",", json_text(range));
    cell_name(row);
    cell_text(row, joiner_text(&ranges));
    cell_age(row);
}

static void fill_ip_address(struct table_row *row) {
    struct sv text = json_find_string(row->object, "spec.parentRef.group");
    static const char *const paths[] = {"spec.parentRef.resource", "spec.parentRef.namespace",
                                        "spec.parentRef.name"};
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        text = text_join(row, text, i == 0 ? "." : "/", json_find_string(row->object, paths[i]));
    cell_name(row);
    cell_text(row, text);
    cell_age(row);
}

/* --- admission and flow control --- */

static void fill_webhooks(struct table_row *row) {
    cell_name(row);
    cell_count(row, "webhooks");
    cell_age(row);
}

static void fill_admission_policy(struct table_row *row) {
    struct sv kind = json_find_string(row->object, "spec.paramKind.kind");
    cell_name(row);
    cell_count(row, "spec.validations");
    cell_text(row,
              kind.len == 0
                  ? SV("<unset>")
                  : arena_printf(row->arena, "%.*s/%.*s",
                                 SV_ARG(json_find_string(row->object, "spec.paramKind.apiVersion")),
                                 SV_ARG(kind)));
    cell_age(row);
}

static void fill_policy_binding(struct table_row *row) {
    cell_name(row);
    cell_find(row, "spec.policyName", "");
    struct sv name = json_find_string(row->object, "spec.paramRef.name");
    cell_text(row, text_or(text_join(row, json_find_string(row->object, "spec.paramRef.namespace"),
                                     "/", name),
                           "<unset>"));
    cell_age(row);
}

static void fill_flow_schema(struct table_row *row) {
    const struct cJSON *dangling = object_condition(row->object, SV("Dangling"));
    cell_name(row);
    cell_find(row, "spec.priorityLevelConfiguration.name", "");
    cell_find_int(row, "spec.matchingPrecedence", 0);
    cell_find(row, "spec.distinguisherMethod.type", "<none>");
    cell_age(row);
    cell_text(row, text_or(json_find_string(dangling, "status"), "?"));
}

static void fill_priority_level(struct table_row *row) {
    bool is_limited = json_find(row->object, "spec.limited") != NULL;
    cell_name(row);
    cell_find(row, "spec.type", "");
    cell_find(row,
              is_limited ? "spec.limited.nominalConcurrencyShares"
                         : "spec.exempt.nominalConcurrencyShares",
              "<none>");
    cell_find(row, "spec.limited.limitResponse.queuing.queues", "<none>");
    cell_find(row, "spec.limited.limitResponse.queuing.handSize", "<none>");
    cell_find(row, "spec.limited.limitResponse.queuing.queueLengthLimit", "<none>");
    cell_age(row);
}

/* --- devices, aggregation --- */

static void fill_name_and_age(struct table_row *row) {
    cell_name(row);
    cell_age(row);
}

static void fill_resource_claim(struct table_row *row) {
    struct sv state = SV("pending");
    if (json_find(row->object, "status.allocation"))
        state = SV("allocated");
    if (json_count(json_find(row->object, "status.reservedFor")) > 0)
        state = text_join(row, state, ",", SV("reserved"));
    if (object_is_deleting(row->object))
        state = text_join(row, SV("deleted"), ",", state);
    cell_name(row);
    cell_text(row, state);
    cell_age(row);
}

static void fill_resource_slice(struct table_row *row) {
    cell_name(row);
    cell_find(row, "spec.nodeName", "<unset>");
    cell_find(row, "spec.driver", "");
    cell_find(row, "spec.pool.name", "");
    cell_age(row);
}

static void fill_api_service(struct table_row *row) {
    const struct cJSON *available = object_condition(row->object, SV("Available"));
    const struct cJSON *service = json_find(row->object, "spec.service");
    struct sv status = text_or(json_find_string(available, "status"), "Unknown");
    if (available && !sv_eq(status, SV("True")))
        status = arena_printf(row->arena, "%.*s (%.*s)", SV_ARG(status),
                              SV_ARG(json_find_string(available, "reason")));
    cell_name(row);
    cell_text(row, !service ? SV("Local")
                            : arena_printf(row->arena, "%.*s/%.*s",
                                           SV_ARG(json_find_string(service, "namespace")),
                                           SV_ARG(json_find_string(service, "name"))));
    cell_text(row, status);
    cell_age(row);
}

/* --- the table --- */

#define WIDE_WORKLOAD "|Containers*|Images*|Selector*"

const struct table_kind table_kinds[] = {
    {"Pod",
     "Name|Ready|Status|Restarts|Age|IP*|Node*|Nominated Node*|Readiness "
     "Gates*",
     fill_pod},
    {"PodTemplate", "Name|Containers|Images|Pod Labels", fill_pod_template},
    {"Node",
     "Name|Status|Roles|Age|Version|Internal-IP*|External-IP*|OS-Image*|Kernel-Version*|Container-"
     "Runtime*",
     fill_node},
    {"Service", "Name|Type|Cluster-IP|External-IP|Port(s)|Age|Selector*", fill_service},
    {"Deployment", "Name|Ready|Up-to-date|Available|Age" WIDE_WORKLOAD, fill_deployment},
    {"ReplicaSet", "Name|Desired:integer|Current:integer|Ready:integer|Age" WIDE_WORKLOAD,
     fill_replica_set},
    {"ReplicationController",
     "Name|Desired:integer|Current:integer|Ready:integer|Age" WIDE_WORKLOAD, fill_replica_set},
    {"DaemonSet",
     "Name|Desired:integer|Current:integer|Ready:integer|Up-to-date:integer|Available:integer|Node "
     "Selector|Age" WIDE_WORKLOAD,
     fill_daemon_set},
    {"StatefulSet", "Name|Ready|Age|Containers*|Images*", fill_stateful_set},
    {"Job", "Name|Status|Completions|Duration|Age" WIDE_WORKLOAD, fill_job},
    {"CronJob",
     "Name|Schedule|Timezone|Suspend:boolean|Active:integer|Last Schedule|Age" WIDE_WORKLOAD,
     fill_cron_job},
    {"ControllerRevision", "Name|Controller|Revision|Age", fill_controller_revision},
    {"PersistentVolume",
     "Name|Capacity|Access Modes|Reclaim "
     "Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age|VolumeMode*",
     fill_volume},
    {"PersistentVolumeClaim",
     "Name|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|VolumeMode*",
     fill_volume_claim},
    {"Event", "Last Seen|Type|Reason|Object|Subobject*|Source*|Message|First Seen*|Count*|Name*",
     fill_event},
    {"Namespace", "Name|Status|Age", fill_namespace},
    {"ConfigMap", "Name|Data|Age", fill_config_map},
    {"Secret", "Name|Type|Data|Age", fill_secret},
    {"ServiceAccount", "Name|Secrets|Age", fill_service_account},
    {"Endpoints", "Name|Endpoints|Age", fill_endpoints},
    {"EndpointSlice", "Name|AddressType|Ports|Endpoints|Age", fill_endpoint_slice},
    {"Lease", "Name|Holder|Age", fill_lease},
    {"StorageClass", "Name|Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age",
     fill_storage_class},
    {"VolumeAttributesClass", "Name|DriverName|Age", fill_attributes_class},
    {"VolumeAttachment", "Name|Attacher|PV|Node|Attached:boolean|Age", fill_attachment},
    {"CSIDriver",
     "Name|AttachRequired:boolean|PodInfoOnMount:boolean|StorageCapacity:boolean|TokenRequests|"
     "RequiresRepublish:boolean|Modes|Age",
     fill_csi_driver},
    {"CSINode", "Name|Drivers:integer|Age", fill_csi_node},
    {"PodDisruptionBudget", "Name|Min Available|Max Unavailable|Allowed Disruptions:integer|Age",
     fill_disruption_budget},
    {"HorizontalPodAutoscaler", "Name|Reference|Targets|MinPods|MaxPods|Replicas|Age",
     fill_autoscaler},
    {"ResourceQuota", "Name|Request|Limit|Age", fill_quota},
    {"PriorityClass", "Name|Value:integer|Global-Default:boolean|Age|PreemptionPolicy",
     fill_priority_class},
    {"RuntimeClass", "Name|Handler|Age", fill_runtime_class},
    {"RoleBinding", "Name|Role|Age|Users*|Groups*|ServiceAccounts*", fill_role_binding},
    {"ClusterRoleBinding", "Name|Role|Age|Users*|Groups*|ServiceAccounts*", fill_role_binding},
    {"CertificateSigningRequest", "Name|Age|SignerName|Requestor|RequestedDuration|Condition",
     fill_signing_request},
    {"Ingress", "Name|Class|Hosts|Address|Ports|Age", fill_ingress},
    {"IngressClass", "Name|Controller|Parameters|Age", fill_ingress_class},
    {"NetworkPolicy", "Name|Pod-Selector|Age", fill_network_policy},
    {"ServiceCIDR", "Name|CIDRs|Age", fill_service_cidr},
    {"IPAddress", "Name|ParentRef|Age", fill_ip_address},
    {"MutatingWebhookConfiguration", "Name|Webhooks:integer|Age", fill_webhooks},
    {"ValidatingWebhookConfiguration", "Name|Webhooks:integer|Age", fill_webhooks},
    {"ValidatingAdmissionPolicy", "Name|Validations:integer|ParamKind|Age", fill_admission_policy},
    {"ValidatingAdmissionPolicyBinding", "Name|PolicyName|ParamRef|Age", fill_policy_binding},
    {"FlowSchema",
     "Name|PriorityLevel|MatchingPrecedence:integer|DistinguisherMethod|Age|MissingPL",
     fill_flow_schema},
    {"PriorityLevelConfiguration",
     "Name|Type|NominalConcurrencyShares|Queues|HandSize|QueueLengthLimit|Age",
     fill_priority_level},
    {"DeviceClass", "Name|Age", fill_name_and_age},
    {"ResourceClaim", "Name|State|Age", fill_resource_claim},
    {"ResourceClaimTemplate", "Name|Age", fill_name_and_age},
    {"ResourceSlice", "Name|Node|Driver|Pool|Age", fill_resource_slice},
    {"APIService", "Name|Service|Available|Age", fill_api_service},
};
const size_t table_kind_count = COUNT_OF(table_kinds);
