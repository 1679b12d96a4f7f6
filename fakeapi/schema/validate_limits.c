/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of what bounds a namespace: quotas and limit ranges. */
#include "fakeapi/schema/validate.h"

#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"

/* --- names of resources --- */

/* Those that are counted come first: their amounts are whole numbers. */
static const struct sv counted[] = {
    SV("pods"),       SV("resourcequotas"),         SV("services"),
    SV("secrets"),    SV("replicationcontrollers"), SV("persistentvolumeclaims"),
    SV("configmaps"), SV("services.nodeports"),     SV("services.loadbalancers"),
};
static const struct sv measured[] = {
    SV("cpu"),
    SV("memory"),
    SV("ephemeral-storage"),
    SV("requests.cpu"),
    SV("requests.memory"),
    SV("requests.storage"),
    SV("requests.ephemeral-storage"),
    SV("limits.cpu"),
    SV("limits.memory"),
    SV("limits.ephemeral-storage"),
};

static bool is_counted(struct sv name) {
    return sv_index_of(name, counted, COUNT_OF(counted)) < COUNT_OF(counted);
}

static bool is_quota_resource(struct sv name) {
    return is_counted(name) ||
           sv_index_of(name, measured, COUNT_OF(measured)) < COUNT_OF(measured) ||
           sv_starts_with(name, SV("hugepages-")) ||
           sv_starts_with(name, SV("requests.hugepages-"));
}

bool check_container_resource(const struct checker *checker, struct sv name, struct sv field) {
    static const struct sv of_containers[] = {SV("cpu"), SV("memory"), SV("ephemeral-storage")};
    const struct cJSON *shown = json_string(checker->arena, name);
    const char *fault = check_qualified_name(name);
    bool is_plain = sv_find(name, '/') == name.len;
    bool is_standard = is_quota_resource(name) || sv_eq(name, SV("storage"));
    bool is_of_containers =
        !is_plain || sv_starts_with(name, SV("hugepages-")) ||
        sv_index_of(name, of_containers, COUNT_OF(of_containers)) < COUNT_OF(of_containers);
    if (fault)
        report_invalid(checker, field, shown, fault);
    else if (is_plain && !is_standard)
        report_invalid(checker, field, shown,
                       "must be a standard resource type or fully qualified");
    if (!is_of_containers)
        report_invalid(checker, field, shown, "must be a standard resource for containers");
    return !fault && is_of_containers;
}

/* --- quotas --- */

static void check_hard(const struct checker *checker, const struct cJSON *hard) {
    JSON_EACH (amount, hard) {
        struct sv name = json_key(amount);
        struct sv field = arena_printf(checker->arena, "spec.hard[%.*s]", SV_ARG(name));
        const struct cJSON *shown = json_string(checker->arena, name);
        struct quantity quantity;
        const char *fault = check_qualified_name(name);
        if (fault)
            report_invalid(checker, field, shown, fault);
        if (sv_find(name, '/') == name.len && !is_quota_resource(name)) {
            if (!fault && !sv_eq(name, SV("storage")))
                report_invalid(checker, field, shown,
                               "must be a standard resource type or fully qualified");
            report_invalid(checker, field, shown, "must be a standard resource for quota");
        }
        if (!quantity_parse(json_text(amount), &quantity))
            continue;
        if (quantity.nano < 0)
            report_invalid(checker, field, amount, "must be greater than or equal to 0");
        if (is_counted(name) && quantity_milli_value(quantity) % 1000 != 0)
            report_invalid(checker, field, amount, "must be an integer");
    }
}

static bool suits_scope(struct sv scope, struct sv resource) {
    static const struct sv computed[] = {
        SV("pods"),          SV("cpu"),          SV("memory"),         SV("limits.cpu"),
        SV("limits.memory"), SV("requests.cpu"), SV("requests.memory")};
    static const struct sv of_claims[] = {SV("persistentvolumeclaims"), SV("requests.storage")};
    if (sv_eq(scope, SV("BestEffort")))
        return sv_eq(resource, SV("pods"));
    if (sv_eq(scope, SV("VolumeAttributesClass")))
        return sv_index_of(resource, of_claims, COUNT_OF(of_claims)) < COUNT_OF(of_claims);
    return sv_index_of(resource, computed, COUNT_OF(computed)) < COUNT_OF(computed);
}

static void check_scopes(const struct checker *checker, const struct cJSON *spec) {
    static const struct sv known[] = {SV("Terminating"),          SV("NotTerminating"),
                                      SV("BestEffort"),           SV("NotBestEffort"),
                                      SV("PriorityClass"),        SV("CrossNamespacePodAffinity"),
                                      SV("VolumeAttributesClass")};
    static const struct sv pairs[][2] = {{SV("BestEffort"), SV("NotBestEffort")},
                                         {SV("Terminating"), SV("NotTerminating")}};
    const struct cJSON *scopes = json_get(spec, SV("scopes"));
    JSON_EACH (scope, scopes) {
        bool is_known = sv_index_of(json_text(scope), known, COUNT_OF(known)) < COUNT_OF(known);
        if (!is_known)
            report_invalid(checker, SV("spec.scopes"), scopes, "unsupported scope");
        JSON_EACH (amount, json_get(spec, SV("hard")))
            if (is_known && is_quota_resource(json_key(amount)) &&
                !suits_scope(json_text(scope), json_key(amount)))
                report_invalid(checker, SV("spec.scopes"), scopes,
                               "unsupported scope applied to resource");
    }
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        if (json_has_text(scopes, pairs[i][0]) && json_has_text(scopes, pairs[i][1]))
            report_invalid(checker, SV("spec.scopes"), scopes, "conflicting scopes");
}

void check_resource_quota(const struct checker *checker, const struct cJSON *object,
                          const struct cJSON *old) {
    const struct cJSON *spec = json_get(object, SV("spec"));
    check_hard(checker, json_get(spec, SV("hard")));
    check_scopes(checker, spec);
    if (old && !json_equal(json_get(spec, SV("scopes")), json_find(old, "spec.scopes")))
        report_invalid(checker, SV("spec.scopes"), json_get(spec, SV("scopes")),
                       "field is immutable");
}

/* --- limit ranges --- */

/* What a limit says of its resources. */
enum heading { MAX, MIN, DEFAULT, DEFAULT_REQUEST, HEADINGS };
static const struct sv headings[HEADINGS] = {SV("max"), SV("min"), SV("default"),
                                             SV("defaultRequest")};

struct limit {
    struct json_index amounts[HEADINGS];
};

/* An amount of one resource under one of the headings of a limit. */
struct amount {
    const struct cJSON *item; /* NULL: none */
    struct quantity quantity;
};

static struct amount amount_of(const struct limit *limit, enum heading heading, struct sv name) {
    struct amount amount = {.item = json_index_get(&limit->amounts[heading], name)};
    if (amount.item && !quantity_parse(json_text(amount.item), &amount.quantity))
        amount.item = NULL;
    return amount;
}

/* Says so when `less` is over `more`; `shown` is the amount that the refusal shows. */
static void check_order(const struct checker *checker, struct amount less, const char *less_name,
                        struct amount more, const char *more_name, struct sv field,
                        const struct cJSON *shown) {
    if (!less.item || !more.item || quantity_compare(less.quantity, more.quantity) <= 0)
        return;
    report_invalid(checker, field, shown,
                   arena_printf(checker->arena, "%s value %.*s is greater than %s value %.*s",
                                less_name, SV_ARG(json_text(less.item)), more_name,
                                SV_ARG(json_text(more.item)))
                       .ptr);
}

static void check_resource(const struct checker *checker, const struct limit *limit, struct sv name,
                           struct sv field) {
    struct amount min = amount_of(limit, MIN, name), max = amount_of(limit, MAX, name);
    struct amount most = amount_of(limit, DEFAULT, name);
    struct amount request = amount_of(limit, DEFAULT_REQUEST, name);
    struct arena *arena = checker->arena;
    struct sv min_field = arena_printf(arena, "%.*s.min[%.*s]", SV_ARG(field), SV_ARG(name));
    struct sv most_field = arena_printf(arena, "%.*s.default[%.*s]", SV_ARG(field), SV_ARG(name));
    struct sv request_field =
        arena_printf(arena, "%.*s.defaultRequest[%.*s]", SV_ARG(field), SV_ARG(name));
    check_order(checker, min, "min", max, "max", min_field, min.item);
    check_order(checker, min, "min", request, "default request", request_field, request.item);
    check_order(checker, request, "default request", max, "max", request_field, request.item);
    check_order(checker, request, "default request", most, "default limit", request_field,
                request.item);
    check_order(checker, min, "min", most, "default", most_field, min.item);
    check_order(checker, most, "default", max, "max", most_field, max.item);
}

static void check_names(const struct checker *checker, const struct cJSON *limit,
                        enum heading heading, struct sv field) {
    JSON_EACH (amount, json_get(limit, headings[heading]))
        check_container_resource(checker, json_key(amount),
                                 arena_printf(checker->arena, "%.*s.%.*s[%.*s]", SV_ARG(field),
                                              SV_ARG(headings[heading]), SV_ARG(json_key(amount))));
}

/* Each resource once, under whichever heading it comes first. */
static void check_resources(const struct checker *checker, const struct cJSON *item,
                            struct sv field) {
    struct limit limit;
    for (size_t i = 0; i < HEADINGS; i++)
        limit.amounts[i] = json_index_of(checker->arena, json_get(item, headings[i]));
    for (size_t i = 0; i < HEADINGS; i++)
        JSON_EACH (amount, json_get(item, headings[i])) {
            bool is_known = false;
            for (size_t k = 0; k < i; k++)
                is_known |= json_index_get(&limit.amounts[k], json_key(amount)) != NULL;
            if (!is_known)
                check_resource(checker, &limit, json_key(amount), field);
        }
}

static void check_limit(const struct checker *checker, const struct cJSON *limit, struct sv field) {
    static const struct sv not_of_pods[] = {SV("default"), SV("defaultRequest")};
    bool is_pod = sv_eq(json_find_string(limit, "type"), SV("Pod"));
    bool is_claim = sv_eq(json_find_string(limit, "type"), SV("PersistentVolumeClaim"));
    bool is_container = sv_eq(json_find_string(limit, "type"), SV("Container"));
    for (enum heading i = 0; (is_pod && i <= MIN) || (is_container && i < HEADINGS); i++)
        check_names(checker, limit, i, field);
    for (size_t i = 0; is_pod && i < COUNT_OF(not_of_pods); i++)
        if (json_count(json_get(limit, not_of_pods[i])) > 0)
            report_forbidden(checker, path_member(checker, field, not_of_pods[i]), limit,
                             "may not be specified when `type` is 'Pod'");
    if (is_claim && !json_find(limit, "min.storage") && !json_find(limit, "max.storage"))
        report_required(checker, path_member(checker, field, SV("limits")), limit,
                        "either minimum or maximum storage value is required, but neither was "
                        "provided");
    check_resources(checker, limit, field);
}

void check_limit_range(const struct checker *checker, const struct cJSON *object,
                       const struct cJSON *old) {
    enum { LIMITS_MAX = 1000 }; /* far more than there are types */
    const struct cJSON *limits = json_find(object, "spec.limits");
    struct json_index types = texts_seen(checker);
    size_t index = 0;
    (void)old;
    if (json_count(limits) > LIMITS_MAX)
        findings_add(checker->arena, checker->findings, SV("spec.limits"), "FieldValueTooMany",
                     limits, "Too many: %zu: must have at most %d items", json_count(limits),
                     LIMITS_MAX);
    JSON_EACH (limit, limits) {
        struct sv field = path_index(checker, SV("spec.limits"), index++);
        const struct cJSON *type = json_get(limit, SV("type"));
        if (json_index_is_seen_again(&types, json_text(type)))
            report_duplicate(checker, path_member(checker, field, SV("type")), type);
        check_limit(checker, limit, field);
    }
}
