/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UPG-001: what a new version of a class does to the runtimes of the one before it: restarts,
 * identities, data. What the version says beforehand is announced.
 */
#include "conformance/lint/lint_context.h"
#include "core/base/arena.h"
#include "core/reconcile/covers.h"

struct comparison {
    struct lint *lint;
    enum role role;
    const struct cJSON *before, *after; /* the component; NULL: none */
    bool is_announced;                  /* the version differs, too */
};

static struct sv version_of(const struct cJSON *runtime_class) {
    static const char *const places[] = {"metadata.annotations", "metadata.labels"};
    for (size_t i = 0; i < COUNT_OF(places); i++)
        JSON_EACH (member, lint_map(runtime_class, places[i]))
            if (sv_eq(json_key(member), SV("version")) ||
                sv_ends_with(json_key(member), SV("/version")))
                return json_text(member);
    return SV("");
}

/* `what` ends the sentence about a component. */
static void tell(const struct comparison *comparison, const struct cJSON *item, struct sv what) {
    const struct cJSON *at = item ? item : lint_topology(comparison->lint);
    struct sv role = role_text(comparison->role);
    if (comparison->is_announced)
        lint_note(comparison->lint, at, "the %.*s %.*s", SV_ARG(role), SV_ARG(what));
    else
        lint_fail_key(comparison->lint, at, "the %.*s %.*s, and the version is the same",
                      SV_ARG(role), SV_ARG(what));
}

static bool are_same(const struct cJSON *a, const struct cJSON *b) {
    return json_equal(a, b) || (a == b);
}

/* The kind of workload, its service and with them the names of pods. */
static void compare_identity(const struct comparison *comparison) {
    static const struct {
        const char *path;
        struct sv what;
    } identities[] = {
        {"workloadType", SV("runs by another kind of workload: its pods are made anew")},
        {"service", SV("has another service: its pods are made anew, under other names")},
        {"services", SV("has other services: addresses that clients know may go")},
    };
    for (size_t i = 0; i < COUNT_OF(identities); i++) {
        const struct cJSON *before = json_find(comparison->before, identities[i].path);
        const struct cJSON *after = json_find(comparison->after, identities[i].path);
        if (!are_same(before, after))
            tell(comparison, after ? after : comparison->after, identities[i].what);
    }
}

static const struct cJSON *mount_at(const struct cJSON *component, struct sv path) {
    JSON_EACH (mount, lint_list(component, "template.spec.containers.0.volumeMounts"))
        if (sv_eq(json_string_or(mount, SV("mountPath"), SV("")), path))
            return mount;
    return NULL;
}

static const struct cJSON *volume_of(const struct cJSON *component, const struct cJSON *mount) {
    struct sv name = json_string_or(mount, SV("name"), SV(""));
    JSON_EACH (volume, lint_list(component, "template.spec.volumes"))
        if (sv_eq(json_string_or(volume, SV("name"), SV("")), name))
            return volume;
    return NULL;
}

/* A path that keeps data beyond its pod is on the same directory or claim as before. */
static void compare_data(const struct comparison *comparison) {
    const struct cJSON *tiers = json_find(comparison->after, "tieredStore");
    if (!are_same(json_find(comparison->before, "tieredStore"), tiers))
        tell(comparison, tiers ? tiers : comparison->after,
             SV("keeps its cache elsewhere: what is cached is lost"));
    JSON_EACH (mount, lint_list(comparison->before, "template.spec.containers.0.volumeMounts")) {
        const struct cJSON *volume = volume_of(comparison->before, mount);
        struct sv path = json_string_or(mount, SV("mountPath"), SV(""));
        const struct cJSON *now = mount_at(comparison->after, path);
        const struct cJSON *volume_now = volume_of(comparison->after, now);
        bool keeps =
            json_get(volume, SV("hostPath")) || json_get(volume, SV("persistentVolumeClaim"));
        if (keeps &&
            (!are_same(json_get(volume, SV("hostPath")), json_get(volume_now, SV("hostPath"))) ||
             !are_same(json_get(volume, SV("persistentVolumeClaim")),
                       json_get(volume_now, SV("persistentVolumeClaim")))))
            tell(comparison, now ? now : json_find(comparison->after, "template"),
                 arena_printf(comparison->lint->arena, "has other data at %.*s", SV_ARG(path)));
    }
}

static void compare_template(const struct comparison *comparison) {
    const struct cJSON *before = json_find(comparison->before, "template");
    const struct cJSON *after = json_find(comparison->after, "template");
    struct sv path = SV("");
    if (are_same(before, after))
        return;
    if (covers(before, after, comparison->lint->arena, &path))
        (void)covers(after, before, comparison->lint->arena, &path);
    tell(comparison, after,
         arena_printf(comparison->lint->arena, "restarts: its template differs in %.*s",
                      SV_ARG(path.len > 0 ? path : SV("its order"))));
}

static void check_001(struct lint *lint) {
    const struct subject *previous = lint->previous;
    if (!previous) {
        lint_skip(lint, "no class to compare with: name one with --previous");
        return;
    }
    struct sv before = version_of(previous->runtime_class);
    struct sv after = version_of(lint->subject->runtime_class);
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        struct comparison comparison = {
            .lint = lint,
            .role = role,
            .before = subject_component(previous, role),
            .after = subject_component(lint->subject, role),
            .is_announced = after.len > 0 && !sv_eq(before, after),
        };
        if (!comparison.before && !comparison.after)
            continue;
        if (!comparison.before || !comparison.after) {
            tell(&comparison, comparison.after,
                 comparison.after ? SV("is new") : SV("is gone, with what it holds"));
            continue;
        }
        compare_identity(&comparison);
        compare_data(&comparison);
        compare_template(&comparison);
    }
}

static const struct lint_rule rules[] = {{SV("UPG-001"), check_001, NULL}};
LINT_RULES(lint_upgrade_rules, rules);
