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
    return copy;
}

/* --- autoscalers --- */

/* What v1 has no place for. */
#define METRICS_ANNOTATION SV("autoscaling.alpha.kubernetes.io/metrics")

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
    const struct cJSON *left = json_remove(spec, SV("metrics"));
    if (json_count(left) > 0)
        json_set_string(
            arena,
            json_ensure_map(arena, json_ensure_map(arena, tree, SV("metadata")), SV("annotations")),
            METRICS_ANNOTATION, json_write_arena(arena, left, JSON_COMPACT));
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
        json_set(arena, spec, SV("metrics"), metrics);
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

struct cJSON *convert_to_storage(struct arena *arena, const struct resource_type *type,
                                 struct cJSON *tree) {
    if (is_kind(type, SV("events.k8s.io"), SV("Event")))
        tree = convert_event(arena, tree, true);
    struct cJSON *metadata = json_get(tree, SV("metadata"));
    /* Its place is made before sorting; the store fills it in. */
    if (!json_get(metadata, SV("resourceVersion")))
        json_set_string(arena, metadata, SV("resourceVersion"), SV(""));
    if (type->is_custom)
        conversion_sort(tree);
    else
        move_to_front(tree);
    return tree;
}

struct sv stored_field(struct arena *arena, const struct resource_type *type, struct sv field) {
    if (type->is_custom || !sv_eq(type->resource.kind, SV("Event")))
        return field;
    if (sv_eq(field, SV("source")))
        return SV("source.component");
    struct sv rest = field, first = sv_cut(&rest, '.');
    struct sv name = renamed(first, true);
    return rest.len == 0 ? name : arena_printf(arena, "%.*s.%.*s", SV_ARG(name), SV_ARG(rest));
}
