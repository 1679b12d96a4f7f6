/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/review.h"

#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/apply.h"
#include "fakeapi/server/fakeapi.h"

struct review {
    const struct review_options *options;
    const struct request *request;
    struct arena *arena;
    struct cJSON *tree; /* the answer; its status is to be set */
};

/* --- access --- */

static struct sv text_of(const struct cJSON *map, const char *key) {
    return json_string_or(map, sv_from(key), SV(""));
}

static struct access access_of(const struct cJSON *spec) {
    const struct cJSON *path = json_get(spec, SV("nonResourceAttributes"));
    const struct cJSON *resource = json_get(spec, SV("resourceAttributes"));
    const struct cJSON *attributes = path ? path : resource;
    return (struct access){
        .verb = text_of(attributes, "verb"),
        .group = text_of(resource, "group"),
        .plural = text_of(resource, "resource"),
        .subresource = text_of(resource, "subresource"),
        .namespace_name = text_of(resource, "namespace"),
        .name = text_of(resource, "name"),
        .path = text_of(path, "path"),
    };
}

static void decide(struct review *review, const struct user_info *user) {
    struct access access = access_of(json_get(review->tree, SV("spec")));
    struct sv reason = SV("");
    struct rbac *rbac = review->options->rbac;
    bool is_allowed = !rbac || rbac_allows(rbac, user, &access, review->arena, &reason);
    struct cJSON *status = json_ensure_map(review->arena, review->tree, SV("status"));
    json_set_bool(review->arena, status, SV("allowed"), is_allowed);
    if (reason.len > 0)
        json_set_string(review->arena, status, SV("reason"), reason);
}

static void answer_own_access(struct review *review) {
    decide(review, review->options->user);
}

static void answer_access(struct review *review) {
    const struct cJSON *spec = json_get(review->tree, SV("spec"));
    const struct cJSON *list = json_get(spec, SV("groups"));
    struct sv *groups = ARENA_ARRAY(review->arena, struct sv, json_count(list) + 1);
    struct user_info user = {.name = text_of(spec, "user"),
                             .uid = text_of(spec, "uid"),
                             .groups = groups,
                             .group_count = 0};
    JSON_EACH (group, list)
        groups[user.group_count++] = json_text(group);
    decide(review, &user);
}

static void answer_own_rules(struct review *review) {
    static const struct sv masters[] = {{"system:masters", 14}};
    const struct user_info everybody = {
        .name = SV(""), .uid = SV(""), .groups = masters, .group_count = 1};
    struct rbac *rbac = review->options->rbac;
    struct sv namespace_name = json_find_string(review->tree, "spec.namespace");
    json_set(
        review->arena, review->tree, SV("status"),
        rbac_rules(rbac, rbac ? review->options->user : &everybody, namespace_name, review->arena));
}

/* --- users --- */

void set_user_info(struct arena *arena, struct cJSON *map, const struct user_info *user) {
    json_set_string(arena, map, SV("username"), user->name);
    if (user->uid.len > 0)
        json_set_string(arena, map, SV("uid"), user->uid);
    for (size_t i = 0; i < user->group_count; i++)
        json_append(json_ensure_list(arena, map, SV("groups")),
                    json_string(arena, user->groups[i]));
    for (size_t i = 0; i < user->extra_count; i++) {
        struct cJSON *extra = json_ensure_map(arena, map, SV("extra"));
        json_append(json_ensure_list(arena, extra, user->extra[i].key),
                    json_string(arena, user->extra[i].value));
    }
}

static struct cJSON *user_tree(struct arena *arena, const struct user_info *user) {
    struct cJSON *tree = json_map(arena);
    set_user_info(arena, tree, user);
    return tree;
}

static void answer_self(struct review *review) {
    struct cJSON *status = json_ensure_map(review->arena, review->tree, SV("status"));
    json_set(review->arena, status, SV("userInfo"),
             user_tree(review->arena, review->options->user));
}

static struct token_question read_question(struct review *review) {
    const struct cJSON *list = json_find(review->tree, "spec.audiences");
    struct sv *audiences = ARENA_ARRAY(review->arena, struct sv, json_count(list) + 1);
    struct token_question question = {json_find_string(review->tree, "spec.token"), audiences, 0};
    JSON_EACH (audience, list)
        audiences[question.audience_count++] = json_text(audience);
    return question;
}

static void answer_token(struct review *review) {
    const struct review_options *options = review->options;
    struct token_question question = read_question(review);
    struct token_answer answer = {.problem = SV("invalid bearer token")};
    struct cJSON *status = json_map(review->arena);
    if (options->find_user && question.token.len > 0)
        options->find_user(options->context, &question, review->arena, &answer);
    json_set(review->arena, review->tree, SV("status"), status);
    if (answer.problem.len > 0) {
        json_set(review->arena, status, SV("user"), json_map(review->arena));
        json_set_string(review->arena, status, SV("error"), answer.problem);
        return;
    }
    json_set_bool(review->arena, status, SV("authenticated"), true);
    json_set(review->arena, status, SV("user"), user_tree(review->arena, &answer.user));
    struct cJSON *audiences = json_ensure_list(review->arena, status, SV("audiences"));
    for (size_t i = 0; i < answer.audience_count; i++)
        json_append(audiences, json_string(review->arena, answer.audiences[i]));
}

/* --- the table --- */

static const struct {
    struct sv group, plural, kind;
    bool is_namespaced;
    void (*answer)(struct review *review);
} reviews[] = {
    {SV("authorization.k8s.io"), SV("selfsubjectaccessreviews"), SV("SelfSubjectAccessReview"),
     false, answer_own_access},
    {SV("authorization.k8s.io"), SV("subjectaccessreviews"), SV("SubjectAccessReview"), false,
     answer_access},
    {SV("authorization.k8s.io"), SV("localsubjectaccessreviews"), SV("LocalSubjectAccessReview"),
     true, answer_access},
    {SV("authorization.k8s.io"), SV("selfsubjectrulesreviews"), SV("SelfSubjectRulesReview"), false,
     answer_own_rules},
    {SV("authentication.k8s.io"), SV("selfsubjectreviews"), SV("SelfSubjectReview"), false,
     answer_self},
    {SV("authentication.k8s.io"), SV("tokenreviews"), SV("TokenReview"), false, answer_token},
};

static size_t find_review(const struct request *request) {
    size_t i = 0;
    while (i < COUNT_OF(reviews) &&
           (!sv_eq(reviews[i].group, request->group) || !sv_eq(reviews[i].plural, request->plural)))
        i++;
    return i;
}

bool has_reviews(struct sv group, struct sv version) {
    for (size_t i = 0; i < COUNT_OF(reviews); i++)
        if (sv_eq(reviews[i].group, group))
            return sv_eq(version, SV("v1"));
    return false;
}

bool is_review(const struct request *request) {
    size_t index = find_review(request);
    return index < COUNT_OF(reviews) && sv_eq(request->version, SV("v1")) &&
           reviews[index].is_namespaced == (request->namespace_name.len > 0);
}

struct sv review_kind(const struct request *request) {
    size_t index = find_review(request);
    return index < COUNT_OF(reviews) ? reviews[index].kind : SV("");
}

/* --- what is no question --- */

struct fault {
    const char *field; /* NULL: a bad request */
    struct sv message;
};

static struct fault access_fault(const struct request *request, const struct cJSON *spec,
                                 struct arena *arena) {
    const struct cJSON *path = json_get(spec, SV("nonResourceAttributes"));
    const struct cJSON *resource = json_get(spec, SV("resourceAttributes"));
    struct sv namespace_name = json_find_string(resource, "namespace");
    bool is_own = sv_starts_with(request->plural, SV("self"));
    bool is_local = sv_starts_with(request->plural, SV("local"));
    if (path && resource)
        return (struct fault){
            "spec.nonResourceAttributes",
            arena_printf(
                arena,
                "Invalid value: {\"Path\":\"%.*s\",\"Verb\":\"%.*s\"}: cannot be specified in "
                "combination with resourceAttributes",
                SV_ARG(text_of(path, "path")), SV_ARG(text_of(path, "verb")))};
    if (!path && !resource)
        return (struct fault){"spec.resourceAttributes",
                              SV("Invalid value: null: exactly one of nonResourceAttributes or "
                                 "resourceAttributes must be specified")};
    if (!is_own && text_of(spec, "user").len == 0 && json_count(json_get(spec, SV("groups"))) == 0)
        return (struct fault){
            "spec.user",
            SV("Invalid value: \"\": at least one of user or group must be specified")};
    if (is_local && !sv_eq(namespace_name, request->namespace_name))
        return (struct fault){"spec.resourceAttributes.namespace",
                              arena_printf(arena,
                                           "Invalid value: \"%.*s\": must match metadata.namespace",
                                           SV_ARG(namespace_name))};
    return (struct fault){NULL, SV("")};
}

static struct fault review_fault(const struct request *request, const struct cJSON *tree,
                                 struct arena *arena) {
    const struct cJSON *spec = json_get(tree, SV("spec"));
    if (sv_ends_with(request->plural, SV("accessreviews")))
        return access_fault(request, spec, arena);
    if (sv_eq(request->plural, SV("selfsubjectrulesreviews")) &&
        text_of(spec, "namespace").len == 0)
        return (struct fault){NULL, SV("no namespace on request")};
    if (sv_eq(request->plural, SV("tokenreviews")) && text_of(spec, "token").len == 0)
        return (struct fault){NULL, SV("token is required for TokenReview in authentication")};
    return (struct fault){NULL, SV("")};
}

static void refuse(const struct request *request, const struct fault *fault, struct arena *arena,
                   struct api_response *ret_response) {
    if (!fault->field) {
        *ret_response = (struct api_response){
            .http_status = 400, .body = fakeapi_status(arena, 400, "BadRequest", fault->message)};
        return;
    }
    struct findings findings = {0};
    findings_add(arena, &findings, sv_from(fault->field), "FieldValueInvalid", NULL, "%.*s",
                 SV_ARG(fault->message));
    *ret_response = (struct api_response){
        .http_status = 422,
        .body = fakeapi_status_invalid(arena, &(struct invalid){SV(""), request->group, SV("")},
                                       &findings)};
}

void review_track(const struct review_writer *writer, struct sv kind, struct cJSON *tree,
                  struct arena *arena) {
    struct sv rest = json_find_string(tree, "apiVersion");
    struct sv group = sv_cut(&rest, '.');
    const struct schema *schema =
        schema_builtin(arena_printf(arena, "io.k8s.api.%.*s.v1.%.*s", SV_ARG(group), SV_ARG(kind)));
    if (!schema || !writer->manager.ptr)
        return;
    apply_track_update(arena, schema, NULL, tree,
                       &(struct apply_writer){
                           .manager = writer->manager,
                           .api_version = json_find_string(tree, "apiVersion"),
                           .subresource = writer->subresource,
                           .time = api_time_format(writer->now_ms, arena),
                       });
}

void review_answer(const struct review_options *options, const struct request *request,
                   struct arena *arena, struct api_response *ret_response) {
    size_t index = find_review(request);
    assert(index < COUNT_OF(reviews));
    struct cJSON *tree = json_copy(arena, request->body);
    struct review review = {options, request, arena, tree};
    struct fault fault = review_fault(request, tree, arena);
    if (fault.message.len > 0) {
        refuse(request, &fault, arena, ret_response);
        return;
    }
    json_set_string(arena, tree, SV("kind"), reviews[index].kind);
    json_set_string(arena, tree, SV("apiVersion"),
                    arena_printf(arena, "%.*s/v1", SV_ARG(request->group)));
    struct cJSON *metadata = json_ensure_map(arena, tree, SV("metadata"));
    review_track(&(struct review_writer){options->manager, SV(""), options->now_ms},
                 reviews[index].kind, tree, arena);
    if (sv_eq(request->plural, SV("selfsubjectreviews")))
        json_set_string(arena, metadata, SV("creationTimestamp"),
                        api_time_format(options->now_ms, arena));
    reviews[index].answer(&review);
    *ret_response = (struct api_response){.http_status = 201, .body = tree};
}
