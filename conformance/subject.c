/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/subject.h"

#include "conformance/sample.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/vec.h"
#include "core/data/json.h"

#define SAMPLE_NAME SV("sample")

struct sorting {
    struct arena *arena;
    struct subject *subject;
    VEC(const struct cJSON *) runtimes;
    VEC(const struct cJSON *) datasets;
    VEC(const struct cJSON *) extras;
    VEC(struct sample) samples;
};

static bool is_kind(const struct cJSON *object, struct sv kind) {
    return sv_eq(json_string_or(object, SV("kind"), SV("")), kind);
}

static bool take_class(struct sorting *sorting, const struct manifest *manifest,
                       const struct cJSON *object, struct error *err) {
    struct subject *subject = sorting->subject;
    if (subject->runtime_class) {
        struct location at = manifest_locate(manifest, object, false);
        return error_set(err, ERROR_INVALID,
                         "%.*s:%u:%u: a second CacheRuntimeClass \"%.*s\"; certify one at a time",
                         SV_ARG(at.path), at.line, at.column, SV_ARG(object_name(object)));
    }
    subject->runtime_class = object;
    subject->class_manifest = manifest;
    return true;
}

/* Any other object is applied for the samples; one of our own kinds cannot be. */
static bool take_extra(struct sorting *sorting, const struct manifest *manifest,
                       const struct cJSON *object, struct error *err) {
    if (!sv_eq(json_string_or(object, SV("apiVersion"), SV("")), SV("cacheruntime.io/v1"))) {
        vec_push(&sorting->extras, object);
        return true;
    }
    const struct cJSON *kind = json_get(object, SV("kind"));
    struct location at = manifest_locate(manifest, kind ? kind : object, false);
    return error_set(err, ERROR_INVALID,
                     "%.*s:%u:%u: kind \"%.*s\" does not belong to a class; of cacheruntime.io/v1 "
                     "only Simulation does",
                     SV_ARG(at.path), at.line, at.column, SV_ARG(json_text(kind)));
}

static bool take_document(struct sorting *sorting, const struct manifest *manifest,
                          const struct cJSON *object, struct error *err) {
    if (!json_is_map(object)) {
        struct location at = manifest_locate(manifest, object, false);
        return error_set(err, ERROR_INVALID, "%.*s:%u:%u: expected an object, found %s",
                         SV_ARG(at.path), at.line, at.column, json_type_name(object));
    }
    if (is_kind(object, SV("CacheRuntimeClass")))
        return take_class(sorting, manifest, object, err);
    if (is_kind(object, SV("Simulation"))) {
        sorting->subject->simulation = object;
        sorting->subject->simulation_manifest = manifest;
    } else if (is_kind(object, SV("CacheRuntime"))) {
        vec_push(&sorting->runtimes, object);
    } else if (is_kind(object, SV("Dataset"))) {
        vec_push(&sorting->datasets, object);
    } else {
        return take_extra(sorting, manifest, object, err);
    }
    return true;
}

static bool take_documents(struct sorting *sorting, const struct manifest *manifests, size_t count,
                           struct error *err) {
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < manifests[i].documents.count; j++) {
            const struct cJSON *root = manifests[i].documents.roots[j];
            if (root && !take_document(sorting, &manifests[i], root, err))
                return false;
        }
    }
    return true;
}

/* No class: name the kind that comes nearest, or the first one, so that a typo shows. */
static bool fail_without_class(const struct manifest *manifests, size_t count, struct error *err) {
    static const struct sv wanted[] = {SV("CacheRuntimeClass")};
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            for (size_t j = 0; j < manifests[i].documents.count; j++) {
                const struct cJSON *root = manifests[i].documents.roots[j];
                struct sv kind = json_string_or(root, SV("kind"), SV(""));
                if (kind.len == 0 || (pass == 0 && sv_nearest(kind, wanted, 1).len == 0))
                    continue;
                struct location at =
                    manifest_locate(&manifests[i], json_get(root, SV("kind")), false);
                return error_set(err, ERROR_INVALID,
                                 "%.*s:%u:%u: no CacheRuntimeClass; the nearest is kind \"%.*s\"",
                                 SV_ARG(at.path), at.line, at.column, SV_ARG(kind));
            }
        }
    }
    struct sv path = count > 0 ? manifests[0].path : SV("input");
    return error_set(err, ERROR_INVALID,
                     "%.*s: no CacheRuntimeClass: no document has a field \"kind\"", SV_ARG(path));
}

static const struct cJSON *take_dataset(struct sorting *sorting, struct sv name) {
    for (size_t i = 0; i < sorting->datasets.count; i++) {
        const struct cJSON *dataset = sorting->datasets.items[i];
        if (sv_eq(object_name(dataset), name)) {
            vec_remove(&sorting->datasets, i);
            return dataset;
        }
    }
    return NULL;
}

/* A runtime and the dataset of its name make a sample; whichever is missing is generated. */
static void pair_samples(struct sorting *sorting) {
    struct arena *arena = sorting->arena;
    const struct cJSON *runtime_class = sorting->subject->runtime_class;
    for (size_t i = 0; i < sorting->runtimes.count; i++) {
        struct sample sample = {.runtime = sorting->runtimes.items[i]};
        sample.name = object_name(sample.runtime);
        sample.dataset = take_dataset(sorting, sample.name);
        if (!sample.dataset)
            sample.dataset = sample_dataset(arena, sample.name);
        vec_push(&sorting->samples, sample);
    }
    for (size_t i = 0; i < sorting->datasets.count; i++) {
        struct sample sample = {.dataset = sorting->datasets.items[i]};
        sample.name = object_name(sample.dataset);
        sample.runtime = sample_runtime(arena, sample.name, runtime_class);
        vec_push(&sorting->samples, sample);
    }
    if (sorting->samples.count > 0)
        return;
    vec_push(&sorting->samples,
             (struct sample){.name = SAMPLE_NAME,
                             .dataset = sample_dataset(arena, SAMPLE_NAME),
                             .runtime = sample_runtime(arena, SAMPLE_NAME, runtime_class),
                             .is_generated = true});
}

static void release(struct sorting *sorting) {
    vec_release(&sorting->runtimes);
    vec_release(&sorting->datasets);
    vec_release(&sorting->extras);
    vec_release(&sorting->samples);
}

bool subject_build(struct arena *arena, const struct manifest *manifests, size_t manifest_count,
                   struct subject *ret_subject, struct error *err) {
    struct subject subject = {.manifests = manifests, .manifest_count = manifest_count};
    struct sorting sorting = {.arena = arena, .subject = &subject};
    bool is_sorted = take_documents(&sorting, manifests, manifest_count, err);
    if (is_sorted && !subject.runtime_class)
        is_sorted = fail_without_class(manifests, manifest_count, err);
    if (is_sorted) {
        pair_samples(&sorting);
        vec_move(&sorting.samples, arena, subject.samples, subject.sample_count);
        vec_move(&sorting.extras, arena, subject.extras, subject.extra_count);
        *ret_subject = subject;
    }
    release(&sorting);
    return is_sorted;
}

struct sv role_text(enum role role) {
    static const struct sv texts[] = {SV("master"), SV("worker"), SV("client")};
    assert(role < ROLE_COUNT);
    return texts[role];
}

const struct cJSON *subject_component(const struct subject *subject, enum role role) {
    const struct cJSON *topology = json_get(subject->runtime_class, SV("topology"));
    const struct cJSON *component =
        json_is_map(topology) ? json_get(topology, role_text(role)) : NULL;
    return json_is_map(component) ? component : NULL;
}

const struct cJSON *subject_entry(const struct subject *subject, enum role role, struct sv entry) {
    const struct cJSON *component = subject_component(subject, role);
    const struct cJSON *entries = component ? json_get(component, SV("executionEntries")) : NULL;
    const struct cJSON *found = json_is_map(entries) ? json_get(entries, entry) : NULL;
    return json_is_map(found) ? found : NULL;
}
