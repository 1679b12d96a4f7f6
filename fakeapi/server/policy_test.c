/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/test.h"
#include "fakeapi/server/rbac.h"
#include "fakeapi/server/server_fixture.h"

#define GROUP "admissionregistration.k8s.io/v1/"
#define POLICIES GROUP "validatingadmissionpolicies"
#define BINDINGS GROUP "validatingadmissionpolicybindings"

/* For creations and updates of ConfigMaps, with more members of the spec. */
#define POLICY(spec)                                                                               \
    "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"matchConstraints\":{\"resourceRules\":[{"          \
    "\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"operations\":[\"CREATE\",\"UPDATE\"],"        \
    "\"resources\":[\"configmaps\"]}]}," spec "}}"
#define BINDING(spec) "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"policyName\":\"p\"," spec "}}"
#define DENY "\"validationActions\":[\"Deny\"]"
#define CM "{\"metadata\":{\"name\":\"c\",\"labels\":{\"app\":\"web\"}},\"data\":{\"size\":\"3\"}}"
#define WORDS "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "

static const struct {
    const char *title, *policy, *binding;
    int http_status;
    const char *message, *warning; /* "" for none */
} cases[] = {
    {"what holds is let through",
     POLICY("\"validations\":[{\"expression\":\"object.data.size == '3'\"}]"), BINDING(DENY), 201,
     "", ""},
    {"what does not is refused",
     POLICY("\"validations\":[{\"expression\":\"object.data.size == '4'\"}]"), BINDING(DENY), 422,
     "configmaps \"c\" is forbidden: " WORDS "failed expression: object.data.size == '4'", ""},
    {"with a message and a reason",
     POLICY("\"validations\":[{\"expression\":\"false\",\"message\":\"never\",\"reason\":"
            "\"Forbidden\"}]"),
     BINDING(DENY), 403, "configmaps \"c\" is forbidden: " WORDS "never", ""},
    {"or a message that is made",
     POLICY("\"variables\":[{\"name\":\"size\",\"expression\":\"int(object.data.size)\"},{"
            "\"name\":\"half\",\"expression\":\"variables.size / 2\"}],\"validations\":[{"
            "\"expression\":\"variables.half > 1\",\"messageExpression\":\"'half is ' + "
            "string(variables.half)\"}]"),
     BINDING(DENY), 422, "configmaps \"c\" is forbidden: " WORDS "half is 1", ""},
    {"a warning only",
     POLICY("\"validations\":[{\"expression\":\"false\",\"message\":\"careful\"}]"),
     BINDING("\"validationActions\":[\"Warn\",\"Audit\"]"), 201, "",
     "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': careful"},
    {"an expression that fails",
     POLICY("\"validations\":[{\"expression\":\"object.data.none == ''\"}]"), BINDING(DENY), 422,
     "configmaps \"c\" is forbidden: " WORDS
     "expression 'object.data.none == ''' resulted in error: no such key: none",
     ""},
    {"is ignored where the policy says so",
     POLICY("\"failurePolicy\":\"Ignore\",\"validations\":[{\"expression\":\"object.data.none == "
            "''\"}]"),
     BINDING(DENY), 201, "", ""},
    {"match conditions leave objects out",
     POLICY("\"matchConditions\":[{\"name\":\"n\",\"expression\":\"request.operation == "
            "'UPDATE'\"}],\"validations\":[{\"expression\":\"false\"}]"),
     BINDING(DENY), 201, "", ""},
    {"and so do a binding's selectors", POLICY("\"validations\":[{\"expression\":\"false\"}]"),
     BINDING(DENY ",\"matchResources\":{\"objectSelector\":{\"matchLabels\":{\"app\":\"db\"}}}"),
     201, "", ""},
    {"the namespace is known",
     POLICY("\"validations\":[{\"expression\":\"namespaceObject.metadata.name == 'default' && "
            "request.userInfo.username == 'system:test'\"}]"),
     BINDING(DENY), 201, "", ""},
    {"parameters come from an object",
     POLICY("\"paramKind\":{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"},\"validations\":[{"
            "\"expression\":\"int(object.data.size) <= int(params.data.max)\"}]"),
     BINDING(DENY ",\"paramRef\":{\"name\":\"limits\",\"namespace\":\"kube-system\","
                  "\"parameterNotFoundAction\":\"Deny\"}"),
     422,
     "configmaps \"c\" is forbidden: " WORDS
     "failed expression: int(object.data.size) <= int(params.data.max)",
     ""},
    {"that has to be there",
     POLICY("\"paramKind\":{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"},\"validations\":[{"
            "\"expression\":\"true\"}]"),
     BINDING(DENY ",\"paramRef\":{\"name\":\"none\",\"parameterNotFoundAction\":\"Deny\"}"), 422,
     "configmaps \"c\" is forbidden: " WORDS
     "no params found for policy binding with `Deny` parameterNotFoundAction",
     ""},
    {"without roles everybody may do everything",
     POLICY("\"validations\":[{\"expression\":\"authorizer.requestResource.check('approve')."
            "allowed()\"}]"),
     BINDING(DENY), 201, "", ""},
    {"an annotation that cannot be told refuses",
     POLICY("\"auditAnnotations\":[{\"key\":\"k\",\"valueExpression\":\"object.data.none\"}]"),
     BINDING(DENY), 422,
     "configmaps \"c\" is forbidden: " WORDS
     "expression 'object.data.none' resulted in error: no such key: none",
     ""},
    {"one that can does not",
     POLICY("\"auditAnnotations\":[{\"key\":\"k\",\"valueExpression\":\"object.data.size\"},{"
            "\"key\":\"none\",\"valueExpression\":\"null\"}]"),
     BINDING(DENY), 201, "", ""},
    {"without a binding a policy does nothing",
     POLICY("\"validations\":[{\"expression\":\"false\"}]"), NULL, 201, "", ""},
};

static void create(struct fakeapi *api, struct arena *arena, const char *resource,
                   const char *namespace_name, const char *body) {
    struct api_response response = fixture_create(api, arena, resource, namespace_name, body);
    CHECK(response.http_status == 201);
    if (response.http_status != 201)
        printf("%s\n%.*s\n", body, SV_ARG(fixture_message(&response)));
}

TEST(policies_judge_writes) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = fixture_api();
        create(api, arena, "configmaps", "kube-system",
               "{\"metadata\":{\"name\":\"limits\"},\"data\":{\"max\":\"2\"}}");
        create(api, arena, POLICIES, "", cases[i].policy);
        if (cases[i].binding)
            create(api, arena, BINDINGS, "", cases[i].binding);
        uint64_t revision = fakeapi_revision(api);
        struct api_response response = fixture_create(api, arena, "configmaps", "default", CM);
        struct sv warning = response.warning_count > 0 ? response.warnings[0] : SV("");
        bool is_right = response.http_status == cases[i].http_status &&
                        sv_eq(fixture_message(&response), sv_from(cases[i].message)) &&
                        sv_eq(warning, sv_from(cases[i].warning));
        CHECK(is_right);
        CHECK(fakeapi_revision(api) == revision + (response.http_status == 201));
        if (!is_right)
            printf("%s: %d %.*s\n", cases[i].title, response.http_status,
                   SV_ARG(fixture_message(&response)));
    }
}

TEST(an_update_is_compared_with_what_was) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    create(api, arena, "configmaps", "default", CM);
    create(
        api, arena, POLICIES, "",
        POLICY("\"validations\":[{\"expression\":\"oldObject.data.size == object.data.size\"}]"));
    create(api, arena, BINDINGS, "", BINDING(DENY));
    CHECK(fixture_patch(api, arena, PATCH_MERGE, "configmaps", "c", "{\"data\":{\"size\":\"4\"}}")
              .http_status == 422);
    CHECK(fixture_patch(api, arena, PATCH_MERGE, "configmaps", "c", "{\"data\":{\"more\":\"4\"}}")
              .http_status == 200);
    /* Deletions are not among its operations. */
    CHECK(fixture_delete(api, arena, "configmaps", "default", "c", NULL).http_status == 200);
}

TEST(a_policy_that_cannot_run_is_refused) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct api_response response = fixture_create(
        api, arena, POLICIES, "", POLICY("\"validations\":[{\"expression\":\"nobody == 1\"}]"));
    CHECK(response.http_status == 422);
    CHECK(sv_eq(json_find_string(response.body, "details.causes.0.field"),
                SV("spec.validations[0].expression")));
    CHECK(sv_eq(json_find_string(response.body, "details.causes.0.message"),
                SV("Invalid value: \"nobody == 1\": compilation failed: ERROR: <input>:1:1: "
                   "undeclared reference to 'nobody' (in container '')\n | nobody == 1\n | ^")));
}

/* --- authorizer --- */

#define READER                                                                                     \
    "{\"metadata\":{\"name\":\"reader\"},\"rules\":[{\"verbs\":[\"get\"],\"apiGroups\":[\"\"],"    \
    "\"resources\":[\"configmaps\",\"configmaps/status\"]},{\"verbs\":[\"get\"],"                  \
    "\"nonResourceURLs\":[\"/healthz\"]}]}"
#define READERS                                                                                    \
    "{\"metadata\":{\"name\":\"readers\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s."     \
    "io\","                                                                                        \
    "\"kind\":\"ClusterRole\",\"name\":\"reader\"},\"subjects\":[{\"kind\":\"User\",\"apiGroup\":" \
    "\"rbac.authorization.k8s.io\",\"name\":\"system:test\"},{\"kind\":\"ServiceAccount\","        \
    "\"namespace\":\"default\",\"name\":\"sa\"}]}"
#define MAPS "authorizer.group('').resource('configmaps')"

static const char *const holding[] = {
    MAPS ".check('get').allowed()",
    "!" MAPS ".check('delete').allowed()",
    MAPS ".namespace('default').name('c').subresource('status').check('get').allowed()",
    "!" MAPS ".subresource('scale').check('get').allowed()",
    MAPS ".check('get').reason().contains('RBAC: allowed by ClusterRoleBinding \\\"readers\\\"')",
    MAPS ".check('delete').reason() == ''",
    "!" MAPS ".check('get').errored() && " MAPS ".check('get').error() == ''",
    MAPS ".fieldSelector('metadata.name=a').labelSelector('a in (b,c)').check('get').allowed()",
    "!" MAPS ".labelSelector('a in (').check('delete').allowed()",
    "authorizer.requestResource.check('get').allowed()",
    "!authorizer.requestResource.check('create').allowed()",
    "authorizer.path('/healthz').check('get').allowed()",
    "!authorizer.path('/metrics').check('get').allowed()",
    "authorizer.serviceAccount('default', 'sa').group('').resource('configmaps').check('get')."
    "allowed()",
    "!authorizer.serviceAccount('default', 'other').group('').resource('configmaps').check('get')."
    "allowed()",
};

TEST(expressions_ask_what_the_user_may_do) {
    for (size_t i = 0; i < COUNT_OF(holding); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = fixture_api();
        AUTO(rbac) rbac = rbac_new(api);
        create(api, arena, "rbac.authorization.k8s.io/v1/clusterroles", "", READER);
        create(api, arena, "rbac.authorization.k8s.io/v1/clusterrolebindings", "", READERS);
        fakeapi_set_authorizer(api, rbac);
        struct sv policy =
            arena_printf(arena, POLICY("\"validations\":[{\"expression\":\"%s\"}]"), holding[i]);
        create(api, arena, POLICIES, "", policy.ptr);
        create(api, arena, BINDINGS, "", BINDING(DENY));
        struct api_response response = fixture_create(api, arena, "configmaps", "default", CM);
        CHECK(response.http_status == 201);
        if (response.http_status != 201)
            printf("%s: %.*s\n", holding[i], SV_ARG(fixture_message(&response)));
        fakeapi_set_authorizer(api, NULL);
    }
}

/* --- what stands in the audit log --- */

static const struct {
    const char *spec, *binding;
    const char *key, *value; /* of an annotation; "": there is none at all */
} annotated[] = {
    {"\"auditAnnotations\":[{\"key\":\"k\",\"valueExpression\":\"'is ' + object.metadata.name\"}]",
     BINDING(DENY), "p/k", "is c"},
    {"\"auditAnnotations\":[{\"key\":\"k\",\"valueExpression\":\"null\"}]", BINDING(DENY), "", ""},
    {"\"failurePolicy\":\"Ignore\",\"auditAnnotations\":[{\"key\":\"j\",\"valueExpression\":"
     "\"string(1 / 0)\"},{\"key\":\"k\",\"valueExpression\":\"'told'\"}]",
     BINDING(DENY), "p/k", "told"},
    {"\"validations\":[{\"expression\":\"true\"},{\"expression\":\"false\",\"message\":\"no\"}]",
     BINDING("\"validationActions\":[\"Audit\"]"),
     "validation.policy.admission.k8s.io/validation_failure",
     "[{\"message\":\"no\",\"policy\":\"p\",\"binding\":\"b\",\"expressionIndex\":1,"
     "\"validationActions\":[\"Audit\"]}]"},
};

TEST(policies_are_told_in_the_audit_log) {
    for (size_t i = 0; i < COUNT_OF(annotated); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = fixture_api();
        struct cJSON *annotations = json_map(arena);
        struct sv policy = arena_printf(arena, POLICY("%s"), annotated[i].spec);
        create(api, arena, POLICIES, "", policy.ptr);
        create(api, arena, BINDINGS, "", annotated[i].binding);
        struct request request = fixture_request(VERB_CREATE, "configmaps", "default", "");
        struct api_response response;
        request.body = fixture_json(arena, CM);
        CHECK(fakeapi_handle_as(
            api, &request,
            &(struct caller){.user_agent = SV("test"), .audit_annotations = annotations}, arena,
            &response));
        CHECK(response.http_status == 201);
        CHECK(json_count(annotations) == (annotated[i].key[0] != '\0'));
        CHECK_SV(json_string_or(annotations, sv_from(annotated[i].key), SV("")),
                 sv_from(annotated[i].value));
    }
}

/* --- what is no policy --- */

static const struct {
    const char *spec, *field, *message;
} refused[] = {
    {"\"validations\":[]", "spec.validations",
     "Required value: validations or auditAnnotations must contain at least one item"},
    {"\"validations\":[{\"expression\":\" \"}]", "spec.validations[0].expression",
     "Required value: expression is not specified"},
    {"\"validations\":[{\"expression\":\"'a'\"}]", "spec.validations[0].expression",
     "Invalid value: \"'a'\": must evaluate to bool but got string"},
    {"\"validations\":[{\"expression\":\"true\",\"messageExpression\":\"authorizer.path('/').check("
     "'get').reason()\"}]",
     "spec.validations[0].messageExpression",
     "Invalid value: \"authorizer.path('/').check('get').reason()\": compilation failed: ERROR: "
     "<input>:1:1: undeclared reference to 'authorizer' (in container '')\n | "
     "authorizer.path('/').check('get').reason()\n | ^"},
    {"\"auditAnnotations\":[{\"key\":\"a\",\"valueExpression\":\"1\"}]",
     "spec.auditAnnotations[0].valueExpression",
     "Invalid value: \"1\": must evaluate to one of [string null_type] but got int"},
    {"\"auditAnnotations\":[{\"key\":\"a\",\"valueExpression\":\"\"}]",
     "spec.auditAnnotations[0].valueExpression",
     "Required value: valueExpression is not specified"},
    {"\"auditAnnotations\":[{\"key\":\"a\",\"valueExpression\":\"'1'\"},{\"key\":\"a\","
     "\"valueExpression\":\"'2'\"}]",
     "spec.auditAnnotations[1].key", "Duplicate value: \"a\""},
    {"\"auditAnnotations\":[{\"key\":\"a b\",\"valueExpression\":\"'1'\"}]",
     "spec.auditAnnotations[0].key",
     "Invalid value: \"p/a b\": name part must consist of alphanumeric characters, '-', '_' or "
     "'.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  "
     "or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"},
};

TEST(a_policy_says_what_it_means) {
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = fixture_api();
        struct sv policy = arena_printf(arena, POLICY("%s"), refused[i].spec);
        struct api_response response = fixture_create(api, arena, POLICIES, "", policy.ptr);
        CHECK(response.http_status == 422);
        CHECK_SV(json_find_string(response.body, "details.causes.0.field"),
                 sv_from(refused[i].field));
        CHECK_SV(json_find_string(response.body, "details.causes.0.message"),
                 sv_from(refused[i].message));
    }
}
