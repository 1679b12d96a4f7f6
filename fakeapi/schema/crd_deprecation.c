/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of custom types: which is newer, and what is said of one that is deprecated. */
#include "fakeapi/schema/crd_schema.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/schema/registry.h"

int64_t version_rank(struct sv version) {
    static const struct {
        struct sv infix;
        int64_t stage;
    } stages[] = {{SV("alpha"), 1}, {SV("beta"), 2}};
    int64_t major, minor = 0;
    if (!sv_starts_with(version, SV("v")))
        return 0;
    struct sv rest = sv_drop(version, 1);
    size_t digits = 0;
    while (digits < rest.len && rest.ptr[digits] >= '0' && rest.ptr[digits] <= '9')
        digits++;
    if (digits > 6 || !sv_to_int64(sv_prefix(rest, digits), &major))
        return 0;
    rest = sv_drop(rest, digits);
    if (rest.len == 0)
        return INT64_C(3) << 56 | major;
    for (size_t i = 0; i < COUNT_OF(stages); i++)
        if (sv_starts_with(rest, stages[i].infix) && rest.len <= stages[i].infix.len + 6 &&
            sv_to_int64(sv_drop(rest, stages[i].infix.len), &minor))
            return stages[i].stage << 56 | major << 24 | minor;
    return 0;
}

static bool is_newer(struct sv a, struct sv b) {
    int64_t x = version_rank(a), y = version_rank(b);
    return x != y ? x > y : x == 0 && sv_compare(a, b) < 0;
}

static struct sv newest_version(const struct cJSON *crd, struct sv than) {
    struct sv newest = SV("");
    JSON_EACH (version, json_find(crd, "spec.versions")) {
        struct sv name = json_find_string(version, "name");
        bool is_offered = json_bool_or(version, SV("served"), false) &&
                          !json_bool_or(version, SV("deprecated"), false);
        if (is_offered && is_newer(name, newest.len > 0 ? newest : than))
            newest = name;
    }
    return newest;
}

struct sv crd_deprecation(struct arena *arena, const struct cJSON *crd,
                          const struct cJSON *version) {
    const struct cJSON *said = json_get(version, SV("deprecationWarning"));
    struct sv group = json_find_string(crd, "spec.group");
    struct sv kind = json_find_string(crd, "spec.names.kind");
    struct sv name = json_find_string(version, "name");
    if (!json_bool_or(version, SV("deprecated"), false))
        return SV("");
    if (said)
        return json_text(said);
    struct sv newest = newest_version(crd, name);
    struct sv text = arena_printf(arena, "%.*s/%.*s %.*s is deprecated", SV_ARG(group),
                                  SV_ARG(name), SV_ARG(kind));
    return newest.len == 0 ? text
                           : arena_printf(arena, "%.*s; use %.*s/%.*s %.*s", SV_ARG(text),
                                          SV_ARG(group), SV_ARG(newest), SV_ARG(kind));
}
