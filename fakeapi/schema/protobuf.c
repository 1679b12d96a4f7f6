/* SPDX-License-Identifier: Apache-2.0 */
/* Which message an object is. */
#include "fakeapi/schema/protobuf.h"

#include "core/api/resource.h"
#include "fakeapi/schema/protobuf_table.h"

enum { NAME_BYTES_MAX = 256 };

const struct protobuf_message *protobuf_message_find(struct sv name) {
    size_t low = 0, high = protobuf_message_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = sv_compare(protobuf_messages[middle].name, name);
        if (order == 0)
            return &protobuf_messages[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

#define META_PACKAGE "k8s.io.apimachinery.pkg.apis.meta.v1"

/* Kinds that stand in every group and have one message. */
static bool is_common_kind(struct sv kind) {
    static const struct sv kinds[] = {
        SV("DeleteOptions"), SV("CreateOptions"), SV("UpdateOptions"), SV("PatchOptions"),
        SV("ListOptions"),   SV("GetOptions"),    SV("Status"),
    };
    return sv_index_of(kind, kinds, COUNT_OF(kinds)) < COUNT_OF(kinds);
}

const struct protobuf_message *protobuf_message_of(struct sv api_version, struct sv kind) {
    char name[NAME_BYTES_MAX];
    struct sv group, version;
    resource_split_api_version(api_version, &group, &version);
    struct sv first = group;
    first = sv_cut(&first, '.');
    bool is_builtin = group.len == first.len || sv_ends_with(group, SV(".k8s.io"));
    int len;
    if (is_common_kind(kind) || sv_eq(group, SV("meta.k8s.io")))
        len = snprintf(name, sizeof(name), META_PACKAGE ".%.*s", SV_ARG(kind));
    else if (!is_builtin)
        return NULL;
    else if (sv_eq(group, SV("apiextensions.k8s.io")))
        len = snprintf(name, sizeof(name),
                       "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.%.*s.%.*s",
                       SV_ARG(version), SV_ARG(kind));
    else if (sv_eq(group, SV("apiregistration.k8s.io")))
        len = snprintf(name, sizeof(name),
                       "k8s.io.kube_aggregator.pkg.apis.apiregistration.%.*s.%.*s", SV_ARG(version),
                       SV_ARG(kind));
    else
        len = snprintf(name, sizeof(name), "k8s.io.api.%.*s.%.*s.%.*s",
                       SV_ARG(first.len > 0 ? first : SV("core")), SV_ARG(version), SV_ARG(kind));
    if (len < 0 || (size_t)len >= sizeof(name))
        return NULL;
    return protobuf_message_find((struct sv){name, (size_t)len});
}

bool protobuf_knows(struct sv api_version, struct sv kind) {
    return protobuf_message_of(api_version, kind) != NULL;
}
