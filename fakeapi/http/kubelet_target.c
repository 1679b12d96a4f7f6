/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/kubelet_target.h"

#include "core/base/arena.h"

enum { TARGET_BYTES_MAX = 64 * 1024 };

static const struct {
    struct sv kubelet, api;
    bool has_container;
} doors[] = {
    {SV("exec"), SV("exec"), true},
    {SV("attach"), SV("attach"), true},
    {SV("containerLogs"), SV("log"), true},
    {SV("portForward"), SV("portforward"), false},
};

static const struct {
    struct sv kubelet, api;
} parameters[] = {
    {SV("input"), SV("stdin")},
    {SV("output"), SV("stdout")},
    {SV("error"), SV("stderr")},
};

static const struct sv nowhere = {"/none-of-a-kubelet's", 20};

static struct sv rename_parameters(struct sv query, struct sv so_far, struct arena *arena) {
    while (query.len > 0) {
        struct sv value = sv_cut(&query, '&'), key = sv_cut(&value, '=');
        for (size_t i = 0; i < COUNT_OF(parameters); i++)
            if (sv_eq(key, parameters[i].kubelet))
                key = parameters[i].api;
        so_far = arena_printf(arena, "%.*s%s%.*s=%.*s", SV_ARG(so_far), so_far.len > 0 ? "&" : "",
                              SV_ARG(key), SV_ARG(value));
    }
    return so_far;
}

struct sv kubelet_target(struct sv target, struct arena *arena) {
    if (target.len > TARGET_BYTES_MAX)
        return nowhere;
    struct sv query = target, path = sv_cut(&query, '?');
    if (sv_eq(path, SV("/healthz")))
        return path;
    struct sv root = sv_cut(&path, '/'), name = sv_cut(&path, '/');
    struct sv namespace_name = sv_cut(&path, '/'), pod = sv_cut(&path, '/');
    struct sv container = path;
    for (size_t i = 0; i < COUNT_OF(doors); i++) {
        bool has_container = container.len > 0 && sv_find(container, '/') == container.len;
        if (root.len > 0 || !sv_eq(name, doors[i].kubelet) || pod.len == 0 ||
            has_container != doors[i].has_container)
            continue;
        struct sv first = doors[i].has_container
                              ? arena_printf(arena, "container=%.*s", SV_ARG(container))
                              : SV("");
        struct sv renamed = rename_parameters(query, first, arena);
        return arena_printf(arena, "/api/v1/namespaces/%.*s/pods/%.*s/%.*s?%.*s",
                            SV_ARG(namespace_name), SV_ARG(pod), SV_ARG(doors[i].api),
                            SV_ARG(renamed));
    }
    return nowhere;
}

/* --- the other way round --- */

/* Kubelets take "1" only for what clients and their libraries call "true". */
static struct sv flag_of(struct sv value) {
    return sv_eq(value, SV("true")) ? SV("1") : sv_eq(value, SV("false")) ? SV("0") : value;
}

static struct sv kubelet_query(struct sv query, bool is_log, struct arena *arena) {
    struct sv so_far = SV("");
    while (query.len > 0) {
        struct sv value = sv_cut(&query, '&'), key = sv_cut(&value, '=');
        if (sv_eq(key, SV("container")))
            continue;
        for (size_t i = 0; i < COUNT_OF(parameters); i++)
            if (sv_eq(key, parameters[i].api))
                key = parameters[i].kubelet;
        bool is_word = is_log || sv_eq(key, SV("command"));
        if (!is_word)
            value = flag_of(value);
        so_far = arena_printf(arena, "%.*s%s%.*s=%.*s", SV_ARG(so_far), so_far.len > 0 ? "&" : "?",
                              SV_ARG(key), SV_ARG(value));
    }
    return so_far;
}

struct sv kubelet_request(const struct kubelet_request *request, struct arena *arena) {
    struct sv door = SV("");
    for (size_t i = 0; i < COUNT_OF(doors); i++)
        if (sv_eq(doors[i].api, request->subresource))
            door = doors[i].kubelet;
    struct sv query = kubelet_query(request->query, sv_eq(request->subresource, SV("log")), arena);
    return arena_printf(arena, "/%.*s/%.*s/%.*s%s%.*s%.*s", SV_ARG(door),
                        SV_ARG(request->namespace_name), SV_ARG(request->pod),
                        request->container.len > 0 ? "/" : "", SV_ARG(request->container),
                        SV_ARG(query));
}
