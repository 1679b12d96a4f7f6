/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of MutatingWebhookConfigurations and ValidatingWebhookConfigurations. */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/cel.h"

enum { TIMEOUT_SECONDS_MAX = 30, NAME_SEGMENTS_MIN = 3, MATCH_CONDITIONS_MAX = 64 };

#define URL_FORM "; desired format: https://host[/path]"

/* --- names and words --- */

static void check_name(const struct checker *checker, const struct cJSON *hook, struct sv field) {
    const struct cJSON *name = json_get(hook, SV("name"));
    struct sv path = path_member(checker, field, SV("name"));
    size_t segments = 1;
    for (size_t i = 0; i < json_text(name).len; i++)
        segments += json_text(name).ptr[i] == '.';
    if (json_text(name).len == 0) {
        report_required(checker, path, hook, "");
        return;
    }
    const char *fault = check_dns_subdomain(json_text(name));
    if (fault)
        report_invalid(checker, path, name, fault);
    else if (segments < NAME_SEGMENTS_MIN)
        report_invalid(checker, path, name,
                       "should be a domain with at least three segments separated by dots");
}

static void check_word(const struct checker *checker, const struct cJSON *hook, struct sv field,
                       struct sv key, const struct sv *allowed, size_t count) {
    const struct cJSON *value = json_get(hook, key);
    if (value && sv_index_of(json_text(value), allowed, count) == count)
        report_not_supported(checker, path_member(checker, field, key), value, allowed, count);
}

static void check_words(const struct checker *checker, const struct cJSON *hook, struct sv field) {
    static const struct sv failures[] = {SV("Fail"), SV("Ignore")};
    static const struct sv matches[] = {SV("Equivalent"), SV("Exact")};
    static const struct sv effects[] = {SV("None"), SV("NoneOnDryRun")};
    static const struct sv invocations[] = {SV("IfNeeded"), SV("Never")};
    check_word(checker, hook, field, SV("failurePolicy"), failures, COUNT_OF(failures));
    check_word(checker, hook, field, SV("matchPolicy"), matches, COUNT_OF(matches));
    check_word(checker, hook, field, SV("sideEffects"), effects, COUNT_OF(effects));
    check_word(checker, hook, field, SV("reinvocationPolicy"), invocations, COUNT_OF(invocations));
    if (!json_get(hook, SV("sideEffects")))
        report_required(checker, path_member(checker, field, SV("sideEffects")), hook,
                        "must specify one of None, NoneOnDryRun");
}

static void check_timeout(const struct checker *checker, const struct cJSON *hook,
                          struct sv field) {
    const struct cJSON *timeout = json_get(hook, SV("timeoutSeconds"));
    int64_t seconds;
    if (json_to_int64(timeout, &seconds) && (seconds < 1 || seconds > TIMEOUT_SECONDS_MAX))
        report_invalid(checker, path_member(checker, field, SV("timeoutSeconds")), timeout,
                       "the timeout value must be between 1 and 30 seconds");
}

static void check_versions(const struct checker *checker, const struct cJSON *hook,
                           struct sv field) {
    const struct cJSON *versions = json_get(hook, SV("admissionReviewVersions"));
    struct sv path = path_member(checker, field, SV("admissionReviewVersions"));
    if (json_count(versions) == 0)
        report_required(checker, path, hook, "must specify one of v1, v1beta1");
    else if (!json_has_text(versions, SV("v1")) && !json_has_text(versions, SV("v1beta1")))
        report_invalid(checker, path, versions, "must include at least one of v1, v1beta1");
}

/* --- where it is --- */

static void report_part(const struct checker *checker, struct sv field, struct sv part,
                        const char *detail) {
    report_invalid(checker, field, json_string(checker->arena, part), detail);
}

/* Each part that may not be so is shown by itself. */
static void check_url(const struct checker *checker, struct sv url, struct sv field) {
    size_t colon = sv_find(url, ':');
    bool has_scheme = sv_starts_with(sv_drop(url, colon), SV("://"));
    struct sv rest = has_scheme ? sv_drop(url, colon + 3) : url;
    struct sv fragment = rest, query = sv_cut(&fragment, '#');
    struct sv path = sv_cut(&query, '?');
    struct sv host = has_scheme ? sv_prefix(path, sv_find(path, '/')) : SV("");
    struct sv user = host;
    size_t at = sv_find(host, '@');
    if (!has_scheme || !sv_eq(sv_prefix(url, colon), SV("https")))
        report_part(checker, field, has_scheme ? sv_prefix(url, colon) : SV(""),
                    "'https' is the only allowed URL scheme" URL_FORM);
    if (at < host.len)
        host = sv_drop(host, at + 1);
    if (host.len == 0)
        report_part(checker, field, host, "host must be specified" URL_FORM);
    if (at < user.len)
        report_part(checker, field, sv_prefix(user, at),
                    "user information is not permitted in the URL");
    if (fragment.len > 0)
        report_part(checker, field, fragment, "fragments are not permitted in the URL");
    if (query.len > 0)
        report_part(checker, field, query, "query parameters are not permitted in the URL");
}

void validate_webhook_client(const struct checker *checker, const struct cJSON *client,
                             struct sv field) {
    static const struct sv keys[] = {SV("name"), SV("namespace")};
    const struct cJSON *url = json_get(client, SV("url"));
    const struct cJSON *service = json_get(client, SV("service"));
    struct sv below = path_member(checker, field, SV("service"));
    if ((url != NULL) == (service != NULL))
        report_required(checker, field, client, "exactly one of url or service is required");
    if (url)
        check_url(checker, json_text(url), path_member(checker, field, SV("url")));
    for (size_t i = 0; service && i < COUNT_OF(keys); i++)
        if (json_string_or(service, keys[i], SV("")).len == 0)
            report_required(checker, path_member(checker, below, keys[i]), service, "");
}

/* --- what it is about --- */

static void check_operations(const struct checker *checker, const struct cJSON *rule,
                             struct sv field) {
    static const struct sv known[] = {SV("*"), SV("CONNECT"), SV("CREATE"), SV("DELETE"),
                                      SV("UPDATE")};
    struct sv path = path_member(checker, field, SV("operations"));
    size_t index = 0;
    JSON_EACH (operation, json_get(rule, SV("operations"))) {
        if (sv_index_of(json_text(operation), known, COUNT_OF(known)) == COUNT_OF(known))
            report_not_supported(checker, path_index(checker, path, index), operation, known,
                                 COUNT_OF(known));
        index++;
    }
}

static void check_rules(const struct checker *checker, const struct cJSON *hook, struct sv field) {
    static const struct sv lists[] = {SV("apiGroups"), SV("apiVersions"), SV("operations"),
                                      SV("resources")};
    struct sv path = path_member(checker, field, SV("rules"));
    size_t index = 0;
    JSON_EACH (rule, json_get(hook, SV("rules"))) {
        struct sv below = path_index(checker, path, index++);
        for (size_t i = 0; i < COUNT_OF(lists); i++)
            if (json_count(json_get(rule, lists[i])) == 0)
                report_required(checker, path_member(checker, below, lists[i]), rule, "");
        check_operations(checker, rule, below);
    }
}

static void check_condition(const struct checker *checker, const struct cJSON *condition,
                            struct sv field) {
    static const struct cel_variable variables[] = {
        {SV("object"), NULL}, {SV("oldObject"), NULL}, {SV("request"), NULL}};
    const struct cJSON *expression = json_get(condition, SV("expression"));
    struct sv path = path_member(checker, field, SV("expression"));
    struct error err = {0};
    if (json_find_string(condition, "name").len == 0)
        report_required(checker, path_member(checker, field, SV("name")), condition, "");
    if (sv_trim(json_text(expression)).len == 0)
        report_required(checker, path, condition, "");
    else if (!cel_compile_with(checker->arena, json_text(expression), variables,
                               COUNT_OF(variables), &err))
        report_invalid(checker, path, expression,
                       cel_failure_text(checker->arena, json_text(expression), &err).ptr);
}

static void check_conditions(const struct checker *checker, const struct cJSON *hook,
                             struct sv field) {
    const struct cJSON *conditions = json_get(hook, SV("matchConditions"));
    struct sv path = path_member(checker, field, SV("matchConditions"));
    size_t index = 0;
    if (json_count(conditions) > MATCH_CONDITIONS_MAX)
        report_invalid(checker, path, conditions, "must have at most 64 items");
    JSON_EACH (condition, conditions)
        check_condition(checker, condition, path_index(checker, path, index++));
}

/* --- all --- */

void check_webhook_configuration(const struct checker *checker, const struct cJSON *object,
                                 const struct cJSON *old) {
    (void)old;
    struct json_index names = texts_seen(checker);
    size_t index = 0;
    JSON_EACH (hook, json_get(object, SV("webhooks"))) {
        struct sv field = path_index(checker, SV("webhooks"), index++);
        check_name(checker, hook, field);
        if (json_index_is_seen_again(&names, json_find_string(hook, "name")))
            report_duplicate(checker, path_member(checker, field, SV("name")),
                             json_get(hook, SV("name")));
        check_words(checker, hook, field);
        check_timeout(checker, hook, field);
        check_versions(checker, hook, field);
        validate_webhook_client(checker, json_get(hook, SV("clientConfig")),
                                path_member(checker, field, SV("clientConfig")));
        check_rules(checker, hook, field);
        check_conditions(checker, hook, field);
    }
}
