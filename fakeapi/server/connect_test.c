/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

#define GROUP "admissionregistration.k8s.io/v1/"
#define POLICY(expression)                                                                         \
    "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"matchConstraints\":{\"resourceRules\":[{"          \
    "\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"operations\":[\"CONNECT\"],\"resources\":["   \
    "\"pods/exec\",\"pods/portforward\"]}]},\"validations\":[{\"expression\":\"" expression        \
    "\"}]}}"
#define BINDING                                                                                    \
    "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"policyName\":\"p\",\"validationActions\":["        \
    "\"Deny\"]}}"

static const struct {
    const char *expression, *subresource;
    bool is_allowed;
} cases[] = {
    {"object.command == ['ls', '-l'] && object.kind == 'PodExecOptions'", "exec", true},
    {"object.container == 'c' && object.stdin && object.stdout && !has(object.stderr)", "exec",
     true},
    {"has(object.tty)", "exec", false},
    {"object.kind == 'PodPortForwardOptions' && !has(object.command)", "portforward", true},
    {"request.operation == 'CONNECT' && request.subResource == 'exec' && oldObject == null", "exec",
     true},
    {"false", "exec", false},
    {"false", "attach", true}, /* no rule is about it */
};

TEST(policies_judge_connections) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = fixture_api();
        struct sv policy = arena_printf(arena, POLICY("%s"), cases[i].expression);
        CHECK(fixture_create(api, arena, GROUP "validatingadmissionpolicies", "", policy.ptr)
                  .http_status == 201);
        CHECK(fixture_create(api, arena, GROUP "validatingadmissionpolicybindings", "", BINDING)
                  .http_status == 201);
        static const struct sv command[] = {SV("ls"), SV("-l")};
        struct request request = fixture_request(VERB_EXEC, "pods", "default", "p");
        request.subresource = sv_from(cases[i].subresource);
        request.exec = (struct exec_options){
            .container = SV("c"), .command = command, .command_count = 2, .has_stdin = true};
        struct connect_flags flags = {.has_stdout = true};
        struct caller caller = {.user_agent = SV("test/1")};
        struct api_response response = {0};
        uint64_t revision = fakeapi_revision(api);
        CHECK(fakeapi_admit_connect(api, &request, &flags, &caller, arena, &response));
        CHECK(response.http_status == (cases[i].is_allowed ? 0 : 422));
        CHECK(request.exec.has_stdin && sv_eq(request.exec.container, SV("c")));
        CHECK(fakeapi_revision(api) == revision);
    }
}
