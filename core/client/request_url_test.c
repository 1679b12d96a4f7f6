/* SPDX-License-Identifier: Apache-2.0 */
#include "core/client/request_url.h"

#include "core/base/arena.h"
#include "core/base/test.h"

static const struct sv command[] = {SV("/bin/sh"), SV("-c"), SV("echo 'a b' && x=\xc3\xa9")};

static const struct {
    struct request request;
    const char *method;
    struct sv path;
} cases[] = {
    {{.verb = VERB_GET, .version = SV("v1"), .plural = SV("nodes"), .name = SV("n1")},
     "GET",
     SV("/api/v1/nodes/n1")},
    {{.verb = VERB_GET, .path = SV("/version"), .plural = SV("version")}, "GET", SV("/version")},
    {{.verb = VERB_LIST,
      .group = SV("apps"),
      .version = SV("v1"),
      .plural = SV("statefulsets"),
      .label_selector = SV("a=b,c in (d,e)"),
      .limit = 500,
      .resource_version = SV("0")},
     "GET",
     SV("/apis/apps/v1/statefulsets?labelSelector=a%3Db%2Cc%20in%20%28d%2Ce%29&limit=500"
        "&resourceVersion=0")},
    {{.verb = VERB_LIST,
      .group = SV("custom.metrics.k8s.io"),
      .version = SV("v1beta2"),
      .plural = SV("pods"),
      .namespace_name = SV("ns"),
      .name = SV("*"),
      .subresource = SV("rate"),
      .label_selector = SV("a=b"),
      .metric_label_selector = SV("c")},
     "GET",
     SV("/apis/custom.metrics.k8s.io/v1beta2/namespaces/ns/pods/%2A/rate"
        "?metricLabelSelector=c&labelSelector=a%3Db")},
    {{.verb = VERB_WATCH,
      .version = SV("v1"),
      .plural = SV("pods"),
      .namespace_name = SV("ns"),
      .resource_version = SV("17"),
      .allow_watch_bookmarks = true,
      .timeout_seconds = 300},
     "GET",
     SV("/api/v1/namespaces/ns/pods?watch=true&resourceVersion=17&allowWatchBookmarks=true"
        "&timeoutSeconds=300")},
    {{.verb = VERB_PATCH,
      .patch_type = PATCH_APPLY,
      .version = SV("v1"),
      .plural = SV("services"),
      .namespace_name = SV("ns"),
      .name = SV("s"),
      .field_manager = SV("cacheruntime-controller"),
      .force = true},
     "PATCH",
     SV("/api/v1/namespaces/ns/services/s?fieldManager=cacheruntime-controller&force=true")},
    {{.verb = VERB_PATCH,
      .patch_type = PATCH_MERGE,
      .group = SV("data.fluid.io"),
      .version = SV("v1alpha1"),
      .plural = SV("datasets"),
      .namespace_name = SV("ns"),
      .name = SV("d"),
      .subresource = SV("status")},
     "PATCH",
     SV("/apis/data.fluid.io/v1alpha1/namespaces/ns/datasets/d/status")},
    {{.verb = VERB_EXEC,
      .version = SV("v1"),
      .plural = SV("pods"),
      .namespace_name = SV("ns"),
      .name = SV("p-0"),
      .exec = {.container = SV("c"), .command = command, .command_count = 3, .has_stdin = true}},
     "GET",
     SV("/api/v1/namespaces/ns/pods/p-0/exec?command=%2Fbin%2Fsh&command=-c&command=echo%20%27a"
        "%20b%27%20%26%26%20x%3D%C3%A9&container=c&stdin=true&stdout=true&stderr=true")},
    {{.verb = VERB_DELETE,
      .version = SV("v1"),
      .plural = SV("pods"),
      .namespace_name = SV("ns"),
      .name = SV("p"),
      .dry_run = true},
     "DELETE",
     SV("/api/v1/namespaces/ns/pods/p?dryRun=All")},
};

TEST(requests_are_spelled_as_kubernetes_expects) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CHECK_SV(request_path(&cases[i].request, arena), cases[i].path);
        CHECK_SV(sv_from(request_method(&cases[i].request)), sv_from(cases[i].method));
    }
}
