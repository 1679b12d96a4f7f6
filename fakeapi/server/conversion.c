/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/conversion.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/registry.h"

/* --- events --- */

static const struct {
    struct sv core, other; /* the same member in events.k8s.io */
} event_members[] = {
    {SV("involvedObject"), SV("regarding")},
    {SV("message"), SV("note")},
    {SV("source"), SV("deprecatedSource")},
    {SV("firstTimestamp"), SV("deprecatedFirstTimestamp")},
    {SV("lastTimestamp"), SV("deprecatedLastTimestamp")},
    {SV("count"), SV("deprecatedCount")},
    {SV("reportingComponent"), SV("reportingController")},
};

static struct sv renamed(struct sv key, bool to_core) {
    for (size_t i = 0; i < COUNT_OF(event_members); i++) {
        struct sv from = to_core ? event_members[i].other : event_members[i].core;
        if (sv_eq(from, key))
            return to_core ? event_members[i].core : event_members[i].other;
    }
    return key;
}

static struct cJSON *convert_event(struct arena *arena, const struct cJSON *tree, bool to_core) {
    struct cJSON *copy = json_map(arena);
    JSON_EACH (member, tree)
        json_set(arena, copy, renamed(json_key(member), to_core), json_share(arena, member));
    json_set_string(arena, copy, SV("apiVersion"), to_core ? SV("v1") : SV("events.k8s.io/v1"));
    /* The newer kind leaves out what the older one always writes. */
    static const struct sv reporters[] = {SV("reportingController"), SV("reportingInstance")};
    for (size_t i = 0; !to_core && i < COUNT_OF(reporters); i++)
        if (json_get(copy, reporters[i]) && json_string_or(copy, reporters[i], SV("")).len == 0)
            json_remove(copy, reporters[i]);
    return copy;
}

/* --- autoscalers --- */

/* What v1 has no place for. */
#define METRICS_ANNOTATION SV("autoscaling.alpha.kubernetes.io/metrics")

/* How the older version names what a metric is held against, and which metric it is. */
static const struct {
    const char *source;   /* "resource" */
    const char *path;     /* in the newer version, below the source */
    const char *old_name; /* in the older one */
} metric_fields[] = {
    {"resource", "name", "name"},
    {"resource", "target.averageUtilization", "targetAverageUtilization"},
    {"resource", "target.averageValue", "targetAverageValue"},
    {"containerResource", "name", "name"},
    {"containerResource", "target.averageUtilization", "targetAverageUtilization"},
    {"containerResource", "target.averageValue", "targetAverageValue"},
    {"containerResource", "container", "container"},
    {"pods", "metric.name", "metricName"},
    {"pods", "target.averageValue", "targetAverageValue"},
    {"pods", "metric.selector", "selector"},
    {"object", "describedObject", "target"},
    {"object", "metric.name", "metricName"},
    {"object", "target.value", "targetValue"},
    {"object", "metric.selector", "selector"},
    {"object", "target.averageValue", "averageValue"},
    {"external", "metric.name", "metricName"},
    {"external", "metric.selector", "metricSelector"},
    {"external", "target.value", "targetValue"},
    {"external", "target.averageValue", "targetAverageValue"},
};

static struct cJSON *old_metric(struct arena *arena, const struct cJSON *metric) {
    struct cJSON *old = json_map(arena);
    json_set_string(arena, old, SV("type"), json_find_string(metric, "type"));
    for (size_t i = 0; i < COUNT_OF(metric_fields); i++) {
        const struct cJSON *source = json_get(metric, sv_from(metric_fields[i].source));
        const struct cJSON *value = json_find(source, metric_fields[i].path);
        if (value)
            json_set(arena, json_ensure_map(arena, old, sv_from(metric_fields[i].source)),
                     sv_from(metric_fields[i].old_name), json_copy(arena, value));
    }
    return old;
}

/* What kind of target it is, says which amount there is. */
static void set_target_type(struct arena *arena, struct cJSON *metric) {
    static const struct {
        const char *path;
        struct sv type;
    } types[] = {{"target.averageUtilization", SV("Utilization")},
                 {"target.averageValue", SV("AverageValue")},
                 {"target.value", SV("Value")}};
    JSON_EACH (source, metric)
        for (size_t i = 0; i < COUNT_OF(types); i++)
            if (json_find(source, types[i].path))
                json_set_string(arena, json_get(source, SV("target")), SV("type"), types[i].type);
}

static struct cJSON *new_metric(struct arena *arena, const struct cJSON *old) {
    struct cJSON *metric = json_map(arena);
    json_set_string(arena, metric, SV("type"), json_find_string(old, "type"));
    for (size_t i = 0; i < COUNT_OF(metric_fields); i++) {
        const struct cJSON *source = json_get(old, sv_from(metric_fields[i].source));
        const struct cJSON *value = json_get(source, sv_from(metric_fields[i].old_name));
        if (!value)
            continue;
        struct sv rest = sv_from(metric_fields[i].path), first = sv_cut(&rest, '.');
        struct cJSON *map = json_ensure_map(arena, metric, sv_from(metric_fields[i].source));
        if (rest.len > 0)
            map = json_ensure_map(arena, map, first);
        json_set(arena, map, rest.len > 0 ? rest : first, json_copy(arena, value));
    }
    set_target_type(arena, metric);
    return metric;
}

/* Each of a list in the other form. */
static struct cJSON *metrics_as(struct arena *arena, const struct cJSON *metrics,
                                struct cJSON *(*form)(struct arena *arena,
                                                      const struct cJSON *metric)) {
    struct cJSON *list = json_list(arena);
    JSON_EACH (metric, metrics)
        json_append(list, form(arena, metric));
    return list;
}

static bool is_cpu_percent(const struct cJSON *metric) {
    return sv_eq(json_find_string(metric, "resource.name"), SV("cpu")) &&
           (json_find(metric, "resource.target.averageUtilization") ||
            json_find(metric, "resource.current.averageUtilization"));
}

/* Takes the processor's metric out of the list; NULL when there is none. */
static const struct cJSON *take_cpu(struct cJSON *metrics) {
    JSON_EACH (metric, metrics)
        if (is_cpu_percent(metric)) {
            json_detach(metrics, metric);
            return metric;
        }
    return NULL;
}

static void move_percent(struct arena *arena, struct cJSON *map, const char *list, const char *path,
                         const char *name) {
    struct cJSON *metrics = json_get(map, sv_from(list));
    const struct cJSON *percent = json_find(take_cpu(metrics), path);
    if (percent)
        json_set(arena, map, sv_from(name), json_copy(arena, percent));
}

static void autoscaler_to_v1(struct arena *arena, struct cJSON *tree) {
    struct cJSON *spec = json_get(tree, SV("spec")), *status = json_get(tree, SV("status"));
    move_percent(arena, spec, "metrics", "resource.target.averageUtilization",
                 "targetCPUUtilizationPercentage");
    move_percent(arena, status, "currentMetrics", "resource.current.averageUtilization",
                 "currentCPUUtilizationPercentage");
    json_remove(status, SV("currentMetrics"));
    json_remove(status, SV("conditions"));
    if (!json_get(status, SV("currentReplicas")))
        json_set_int(arena, status, SV("currentReplicas"), 0);
    const struct cJSON *left = json_remove(spec, SV("metrics"));
    if (json_count(left) > 0)
        json_set_string(
            arena,
            json_ensure_map(arena, json_ensure_map(arena, tree, SV("metadata")), SV("annotations")),
            METRICS_ANNOTATION,
            json_write_arena(arena, metrics_as(arena, left, old_metric), JSON_COMPACT));
}

static struct cJSON *cpu_metric(struct arena *arena, const char *part,
                                const struct cJSON *percent) {
    struct cJSON *metric = json_map(arena), *resource = json_map(arena);
    json_set_string(arena, metric, SV("type"), SV("Resource"));
    json_set(arena, metric, SV("resource"), resource);
    json_set_string(arena, resource, SV("name"), SV("cpu"));
    struct cJSON *value = json_ensure_map(arena, resource, sv_from(part));
    if (strcmp(part, "target") == 0)
        json_set_string(arena, value, SV("type"), SV("Utilization"));
    json_set(arena, value, SV("averageUtilization"), json_copy(arena, percent));
    return metric;
}

static void autoscaler_to_v2(struct arena *arena, struct cJSON *tree) {
    struct error err = {0};
    struct cJSON *spec = json_get(tree, SV("spec")), *status = json_get(tree, SV("status"));
    struct cJSON *annotations = json_find(tree, "metadata.annotations");
    const struct cJSON *target = json_remove(spec, SV("targetCPUUtilizationPercentage"));
    const struct cJSON *current = json_remove(status, SV("currentCPUUtilizationPercentage"));
    struct sv kept = json_string_or(annotations, METRICS_ANNOTATION, SV(""));
    struct cJSON *metrics = kept.len > 0 ? json_read(arena, kept, &err) : NULL;
    if (json_is_list(metrics)) {
        json_set(arena, spec, SV("metrics"), metrics_as(arena, metrics, new_metric));
        json_remove(annotations, METRICS_ANNOTATION);
    }
    if (target)
        json_append(json_ensure_list(arena, spec, SV("metrics")),
                    cpu_metric(arena, "target", target));
    if (json_count(json_get(spec, SV("metrics"))) == 0)
        json_append(json_ensure_list(arena, spec, SV("metrics")),
                    cpu_metric(arena, "target", json_int(arena, 80)));
    if (current)
        json_append(json_ensure_list(arena, status, SV("currentMetrics")),
                    cpu_metric(arena, "current", current));
    else if (!json_get(status, SV("currentMetrics")))
        json_set(arena, status, SV("currentMetrics"), json_null(arena));
    if (json_int_or(status, SV("currentReplicas"), 1) == 0)
        json_remove(status, SV("currentReplicas"));
}

static struct cJSON *convert_autoscaler(struct arena *arena, const struct resource_type *type,
                                        const struct cJSON *tree) {
    struct cJSON *copy = json_copy(arena, tree);
    if (!json_is_map(json_get(copy, SV("spec"))))
        json_set(arena, copy, SV("spec"), json_map(arena));
    if (!json_is_map(json_get(copy, SV("status"))))
        json_set(arena, copy, SV("status"), json_map(arena));
    if (sv_eq(type->resource.version, SV("v1")))
        autoscaler_to_v1(arena, copy);
    else
        autoscaler_to_v2(arena, copy);
    return copy;
}

/* --- all types --- */

static struct cJSON *with_api_version(struct arena *arena, const struct cJSON *tree,
                                      struct sv api_version) {
    struct cJSON *copy = json_map(arena);
    JSON_EACH (member, tree)
        json_append(copy, json_share(arena, member));
    json_set_string(arena, copy, SV("apiVersion"), api_version);
    return copy;
}

static bool is_kind(const struct resource_type *type, struct sv group, struct sv kind) {
    return !type->is_custom && sv_eq(type->resource.group, group) &&
           sv_eq(type->resource.kind, kind);
}

const struct cJSON *convert_to_type(struct arena *arena, const struct resource_type *type,
                                    const struct cJSON *tree) {
    struct sv api_version = resource_api_version(&type->resource, arena);
    if (sv_eq(json_string_or(tree, SV("apiVersion"), SV("")), api_version))
        return tree;
    if (is_kind(type, SV("events.k8s.io"), SV("Event")))
        return convert_event(arena, tree, false);
    if (is_kind(type, SV("autoscaling"), SV("HorizontalPodAutoscaler")))
        tree = convert_autoscaler(arena, type, tree);
    return with_api_version(arena, tree, api_version);
}

void conversion_sort(struct cJSON *item) {
    if (json_is_borrowed(item))
        return; /* as it was stored */
    if (json_is_map(item))
        json_sort(item);
    JSON_EACH (child, item)
        if (child->child)
            conversion_sort(child);
}

/* Built-in ones as Go's structs have them: kind, apiVersion and metadata first. */
static void move_to_front(struct cJSON *tree) {
    static const struct sv first[] = {SV("metadata"), SV("apiVersion"), SV("kind")};
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        struct cJSON *member = json_remove(tree, first[i]);
        if (member)
            json_insert(tree, 0, member);
    }
}

/* Its place behind the uid, where Go writes it; the store fills it in. */
static void add_revision(struct arena *arena, struct cJSON *metadata) {
    size_t index = 0;
    if (json_get(metadata, SV("resourceVersion")))
        return;
    struct cJSON *revision = json_set_string(arena, metadata, SV("resourceVersion"), SV(""));
    JSON_EACH (member, metadata) {
        index++;
        if (sv_eq(json_key(member), SV("uid")))
            break;
    }
    json_detach(metadata, revision);
    json_insert(metadata, index, revision);
}

struct cJSON *convert_to_storage(struct arena *arena, const struct resource_type *type,
                                 struct cJSON *tree) {
    if (is_kind(type, SV("events.k8s.io"), SV("Event")))
        tree = convert_event(arena, tree, true);
    struct cJSON *metadata = json_get(tree, SV("metadata"));
    add_revision(arena, metadata);
    if (type->is_custom)
        conversion_sort(tree);
    else
        move_to_front(tree);
    return tree;
}

struct sv stored_field(struct arena *arena, const struct resource_type *type, struct sv field) {
    if (is_kind(type, SV(""), SV("Pod")) && sv_eq(field, SV("spec.host")))
        return SV("spec.nodeName");
    if (type->is_custom || !sv_eq(type->resource.kind, SV("Event")))
        return field;
    if (sv_eq(field, SV("source")))
        return SV("source.component");
    struct sv rest = field, first = sv_cut(&rest, '.');
    struct sv name = renamed(first, true);
    return rest.len == 0 ? name : arena_printf(arena, "%.*s.%.*s", SV_ARG(name), SV_ARG(rest));
}
