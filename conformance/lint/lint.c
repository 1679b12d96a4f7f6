/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/lint/lint.h"

#include "conformance/lint/lint_context.h"
#include "core/api/crds.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "fakeapi/schema/registry.h"

/* In the order of the catalogue. */
static const struct lint_rules *const groups[] = {
    &lint_schema_rules, &lint_topology_rules,    &lint_workload_rules, &lint_service_rules,
    &lint_volume_rules, &lint_hardening_rules,   &lint_secret_rules,   &lint_probe_rules,
    &lint_entry_rules,  &lint_portability_rules, &lint_upgrade_rules,  &lint_deletion_rules,
};

struct sv lint_target_text(enum lint_target target) {
#define X(name, text) SV(text),
    static const struct sv texts[] = {LINT_TARGETS(X)};
#undef X
    assert(target < COUNT_OF(texts));
    return texts[target];
}

static void run_rule(struct lint *lint, const struct lint_rule *rule) {
    lint->id = rule->id;
    lint->role_name = SV("");
    lint->findings_begin = lint->results->count;
    if (rule->check_subject)
        rule->check_subject(lint);
    for (enum role role = 0; rule->check_component && role < ROLE_COUNT; role++) {
        if (!subject_component(lint->subject, role))
            continue;
        lint->role_name = role_text(role);
        rule->check_component(lint, role);
    }
    results_pass_if_none(lint->results, rule->id, lint->findings_begin);
    for (size_t i = lint->findings_begin; i < lint->results->count; i++)
        lint->results->items[i].observed_by = OBSERVED_BY_LINT;
}

/* The CRDs are part of the program: that they are accepted is a test of core/api. */
static struct registry *registry_with_crds(struct arena *arena) {
    struct registry *registry = registry_new();
    for (size_t i = 0; i < crd_count(); i++) {
        struct error err = {0};
        const struct cJSON *crd = json_read(arena, crd_text(i), &err);
        bool is_known = crd && registry_put_crd(registry, crd, &err);
        assert(is_known);
    }
    return registry;
}

void lint_objects(const struct manifest *manifests, size_t manifest_count,
                  struct check_results *results) {
    AUTO(arena) scratch = arena_new();
    AUTO(registry) registry = registry_with_crds(scratch);
    const struct subject subject = {
        .manifests = manifests, .manifest_count = manifest_count, .class_manifest = manifests};
    struct lint lint = {.subject = &subject,
                        .results = results,
                        .arena = results->arena,
                        .registry = registry,
                        .role_name = SV("")};
    for (size_t i = 0; i < manifest_count; i++)
        for (size_t j = 0; j < manifests[i].documents.count; j++)
            lint_object(&lint, manifests[i].documents.roots[j]);
}

void lint_checks(const struct subject *subject, const struct lint_options *options,
                 struct check_results *results) {
    AUTO(arena) scratch = arena_new();
    AUTO(registry) registry = registry_with_crds(scratch);
    struct lint lint = {
        .subject = subject,
        .previous = options->previous,
        .target = options->target,
        .results = results,
        .arena = results->arena,
        .registry = registry,
    };
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        for (size_t j = 0; j < groups[i]->count; j++)
            run_rule(&lint, &groups[i]->items[j]);
    }
}
