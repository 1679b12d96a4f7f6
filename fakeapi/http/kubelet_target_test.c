/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/kubelet_target.h"

#include "core/base/arena.h"
#include "core/base/test.h"

static const struct {
    const char *target, *expected;
} cases[] = {
    {"/exec/ns/pod/main?command=sh&command=-c&command=a%26b&input=1&output=1&error=1&tty=1",
     "/api/v1/namespaces/ns/pods/pod/"
     "exec?container=main&command=sh&command=-c&command=a%26b&stdin=1&stdout=1&stderr=1&tty=1"},
    {"/exec/ns/pod/main", "/api/v1/namespaces/ns/pods/pod/exec?container=main"},
    {"/attach/ns/pod/main?output=1",
     "/api/v1/namespaces/ns/pods/pod/attach?container=main&stdout=1"},
    {"/containerLogs/ns/pod/main?follow=true&tailLines=3",
     "/api/v1/namespaces/ns/pods/pod/log?container=main&follow=true&tailLines=3"},
    {"/containerLogs/ns/pod", "/none-of-a-kubelet's"},
    {"/portForward/ns/pod", "/api/v1/namespaces/ns/pods/pod/portforward?"},
    {"/healthz", "/healthz"},
    {"/exec/ns/pod", "/none-of-a-kubelet's"},
    {"/exec/ns/pod/uid/main", "/none-of-a-kubelet's"},
    {"/exec", "/none-of-a-kubelet's"},
    {"x/exec/ns/pod/main", "/none-of-a-kubelet's"},
    {"/api/v1/namespaces", "/none-of-a-kubelet's"},
    {"", "/none-of-a-kubelet's"},
};

TEST(what_api_servers_ask_of_kubelets_is_what_clients_ask_of_them) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        CHECK_SV(kubelet_target(sv_from(cases[i].target), arena), sv_from(cases[i].expected));
    }
}

TEST(a_target_without_end_is_refused) {
    AUTO(arena) arena = arena_new();
    static char text[70 * 1024];
    memset(text, 'a', sizeof(text));
    memcpy(text, "/exec/ns/pod/main?", 18);
    CHECK_SV(kubelet_target((struct sv){text, sizeof(text)}, arena), SV("/none-of-a-kubelet's"));
}

static const struct {
    struct kubelet_request request;
    const char *expected;
} requests[] = {
    {{SV("ns"), SV("pod"), SV("main"), SV("exec"),
      SV("command=echo&command=true&container=other&stdin=true&stdout=true&stderr=false&tty=1")},
     "/exec/ns/pod/main?command=echo&command=true&input=1&output=1&error=0&tty=1"},
    {{SV("ns"), SV("pod"), SV("main"), SV("exec"), SV("")}, "/exec/ns/pod/main"},
    {{SV("ns"), SV("pod"), SV("main"), SV("attach"), SV("stdout=1")},
     "/attach/ns/pod/main?output=1"},
    {{SV("ns"), SV("pod"), SV("main"), SV("log"), SV("follow=true&tailLines=3")},
     "/containerLogs/ns/pod/main?follow=true&tailLines=3"},
    {{SV("ns"), SV("pod"), SV(""), SV("portforward"), SV("ports=80")},
     "/portForward/ns/pod?ports=80"},
};

TEST(what_clients_ask_of_pods_is_asked_of_their_kubelets) {
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        AUTO(arena) arena = arena_new();
        CHECK_SV(kubelet_request(&requests[i].request, arena), sv_from(requests[i].expected));
    }
}
