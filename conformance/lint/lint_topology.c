/* SPDX-License-Identifier: Apache-2.0 */
/* TOPO-001 to TOPO-007: which components there are, and what says so. */
#include "conformance/lint/lint_context.h"
#include "core/api/object.h"
#include "core/base/arena.h"

static unsigned shape_of(const struct lint *lint) {
    unsigned shape = 0;
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (subject_component(lint->subject, role))
            shape |= 1u << role;
    }
    return shape;
}

static void check_001(struct lint *lint) {
    if (shape_of(lint) != 0)
        return;
    const struct cJSON *topology = json_get(lint->subject->runtime_class, SV("topology"));
    lint_fail(lint, topology ? topology : lint->subject->runtime_class, "%s",
              topology ? "topology declares no component" : "the class has no topology")
        ->expected = SV("master, worker or client");
}

#define SHAPE(master, worker, client) ((master) | (worker) << 1 | (client) << 2)
static const unsigned upstream_shapes[] = {SHAPE(1, 1, 1), SHAPE(1, 1, 0), SHAPE(0, 1, 1),
                                           SHAPE(0, 1, 0)};

static struct sv shape_text(const struct lint *lint, unsigned shape) {
    struct sv text = SV("");
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (shape & (1u << role))
            text = arena_printf(lint->arena, "%.*s%s%.*s", SV_ARG(text), text.len ? " and " : "",
                                SV_ARG(role_text(role)));
    }
    return text;
}

static void check_002(struct lint *lint) {
    unsigned shape = shape_of(lint);
    bool is_upstreams = false;
    for (size_t i = 0; i < COUNT_OF(upstream_shapes); i++)
        is_upstreams |= shape == upstream_shapes[i];
    if (is_upstreams || shape == 0)
        return;
    if (lint->target == LINT_TARGET_FLUID)
        lint_fail(lint, lint_topology(lint), "upstream never binds a class with %.*s alone",
                  SV_ARG(shape_text(lint, shape)))
            ->expected = SV("a worker");
    else
        lint_note(lint, lint_topology(lint), "%.*s alone: not supported by upstream",
                  SV_ARG(shape_text(lint, shape)));
}

/* What a sample says of a component that the class does not have. */
static void check_undeclared(struct lint *lint, const struct sample *sample, enum role role) {
    const struct cJSON *spec = lint_map(sample->runtime, "spec");
    const struct cJSON *given = spec ? json_get(spec, role_text(role)) : NULL;
    bool is_disabled = given && json_bool_or(given, SV("disabled"), false);
    size_t settings = json_count(given) - (given && json_get(given, SV("disabled")) ? 1 : 0);
    if (given && settings > 0 && !is_disabled)
        lint_fail_key(lint, given, "sample %.*s configures %.*s, which the class does not declare",
                      SV_ARG(sample->name), SV_ARG(role_text(role)));
    else if (lint->target == LINT_TARGET_FLUID && !is_disabled)
        lint_fail(lint, sample->runtime,
                  "sample %.*s does not disable %.*s, which the class does not declare",
                  SV_ARG(sample->name), SV_ARG(role_text(role)));
}

static void check_003(struct lint *lint) {
    for (size_t i = 0; i < lint->subject->sample_count; i++) {
        const struct sample *sample = &lint->subject->samples[i];
        for (enum role role = 0; role < ROLE_COUNT && !sample->is_generated; role++) {
            if (!subject_component(lint->subject, role))
                check_undeclared(lint, sample, role);
        }
    }
}

static bool upstream_reads(const struct lint *lint, enum role role, struct sv entry) {
    bool has_master = subject_component(lint->subject, ROLE_MASTER) != NULL;
    if (sv_eq(entry, SV("mountUFS")))
        return role == ROLE_MASTER;
    return role == (has_master ? ROLE_MASTER : ROLE_WORKER);
}

static void check_005(struct lint *lint, enum role role) {
    const struct cJSON *entries =
        lint_map(subject_component(lint->subject, role), "executionEntries");
    JSON_EACH (entry, entries) {
        struct sv name = json_key(entry);
        if (lint->target == LINT_TARGET_FLUID && !upstream_reads(lint, role, name))
            lint_fail_key(lint, entry, "%.*s of %.*s is never run by upstream", SV_ARG(name),
                          SV_ARG(role_text(role)));
        for (enum role first = 0; lint->target == LINT_TARGET_CACHERUNTIME && first < role;
             first++) {
            if (subject_entry(lint->subject, first, name))
                lint_fail_key(lint, entry, "%.*s of %.*s is not run: that of %.*s comes first",
                              SV_ARG(name), SV_ARG(role_text(role)), SV_ARG(role_text(first)));
        }
    }
}

/* Whether a label or annotation of the class has that name, whatever its prefix. */
static bool declares(const struct lint *lint, struct sv name) {
    static const char *const places[] = {"metadata.annotations", "metadata.labels"};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        JSON_EACH (member, lint_map(lint->subject->runtime_class, places[i])) {
            struct sv key = json_key(member);
            size_t slash = sv_find_last(key, '/');
            struct sv base = slash == key.len ? key : sv_drop(key, slash + 1);
            if (sv_eq(base, name) && json_text(member).len > 0)
                return true;
        }
    }
    return false;
}

static void check_006(struct lint *lint) {
    if (subject_component(lint->subject, ROLE_CLIENT) || shape_of(lint) == 0) {
        lint_skip(lint, "the class has a client");
        return;
    }
    if (!declares(lint, SV("access")))
        lint_fail(lint, lint->subject->runtime_class,
                  "nothing says how applications reach a cache without a client");
}

static void check_007(struct lint *lint) {
    static const struct sv wanted[] = {SV("vendor"), SV("version")};
    struct sv missing = SV("");
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        if (!declares(lint, wanted[i]))
            missing = arena_printf(lint->arena, "%.*s%s%.*s", SV_ARG(missing),
                                   missing.len ? " and " : "", SV_ARG(wanted[i]));
    }
    const struct cJSON *metadata = lint_map(lint->subject->runtime_class, "metadata");
    if (missing.len > 0)
        lint_fail_key(lint, metadata ? metadata : lint->subject->runtime_class,
                      "no label or annotation declares %.*s", SV_ARG(missing));
}

static const struct lint_rule rules[] = {
    {SV("TOPO-001"), check_001, NULL}, {SV("TOPO-002"), check_002, NULL},
    {SV("TOPO-003"), check_003, NULL}, {SV("TOPO-005"), NULL, check_005},
    {SV("TOPO-006"), check_006, NULL}, {SV("TOPO-007"), check_007, NULL},
};
LINT_RULES(lint_topology_rules, rules);
