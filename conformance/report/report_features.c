/* SPDX-License-Identifier: Apache-2.0 */
/* What a class and its samples claim: features are inferred, never declared. */
#include "conformance/report/report_parts.h"

#include "conformance/features.h"
#include "conformance/subject.h"
#include "core/base/arena.h"
#include "core/data/json.h"

/* Samples that were made up say nothing about the class. */
static struct feature_source source_of(const struct subject *subject, struct arena *arena) {
    const struct cJSON **datasets = ARENA_ARRAY(arena, const struct cJSON *, subject->sample_count);
    const struct cJSON **runtimes = ARENA_ARRAY(arena, const struct cJSON *, subject->sample_count);
    size_t count = 0;
    for (size_t i = 0; i < subject->sample_count; i++) {
        if (subject->samples[i].is_generated)
            continue;
        datasets[count] = subject->samples[i].dataset;
        runtimes[count++] = subject->samples[i].runtime;
    }
    return (struct feature_source){.runtime_class = subject->runtime_class,
                                   .datasets = datasets,
                                   .runtimes = runtimes,
                                   .dataset_count = count,
                                   .runtime_count = count};
}

static bool has_feature(const struct cJSON *list, struct sv name) {
    JSON_EACH (feature, list) {
        if (sv_eq(json_string_or(feature, SV("name"), SV("")), name))
            return true;
    }
    return false;
}

static struct location locate(const struct subject *subject, const struct cJSON *item) {
    for (size_t i = 0; i < subject->manifest_count; i++) {
        struct location location = manifest_locate(&subject->manifests[i], item, true);
        if (location.line > 0)
            return location;
    }
    return manifest_locate(subject->class_manifest, subject->runtime_class, false);
}

void report_add_features(const struct subject *subject, struct arena *arena, struct cJSON *report) {
    struct cJSON *list = json_ensure_list(arena, report, SV("features"));
    struct feature_source source = source_of(subject, arena);
    for (size_t i = 0; i < feature_count(); i++) {
        const struct cJSON *item = feature_claim(i, &source);
        if (!item || has_feature(list, feature_name(i)))
            continue;
        struct cJSON *feature = json_append(list, json_map(arena));
        json_set_string(arena, feature, SV("name"), feature_name(i));
        json_set_string(arena, feature, SV("state"), SV("claimed"));
        struct location at = locate(subject, item);
        report_add_location(arena, json_ensure_map(arena, feature, SV("because")), &at);
    }
}
