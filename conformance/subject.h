/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subject: what is certified: one CacheRuntimeClass, the samples that show how it is used, and
 * what the vendor says of the engine's behaviour (kind Simulation). Samples that the vendor does
 * not give are generated from the class.
 */
#ifndef CONFORMANCE_SUBJECT_H
#define CONFORMANCE_SUBJECT_H

#include "conformance/manifest.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;

struct sample {
    struct sv name;              /* of dataset and runtime */
    const struct cJSON *dataset; /* never NULL */
    const struct cJSON *runtime; /* never NULL */
    bool is_generated;
};

struct subject {
    const struct manifest *manifests;
    size_t manifest_count;
    const struct manifest *class_manifest; /* which file the class stands in */
    const struct cJSON *runtime_class;
    const struct sample *samples; /* at least one */
    size_t sample_count;
    const struct cJSON *const *extras; /* other objects given: Secrets, ConfigMaps */
    size_t extra_count;
    const struct cJSON *simulation; /* kind Simulation, or NULL */
    const struct manifest *simulation_manifest;
};

/* Sorts the documents of the manifests by kind. ERROR_INVALID when there is no class or more than
 * one ("path: no CacheRuntimeClass; the nearest is kind \"CacheRuntimeClas\" at line 3"). */
MUST_CHECK bool subject_build(struct arena *arena, const struct manifest *manifests,
                              size_t manifest_count, struct subject *ret_subject,
                              struct error *err);

/* "master", "worker", "client": the order used everywhere. */
enum role { ROLE_MASTER, ROLE_WORKER, ROLE_CLIENT, ROLE_COUNT };
struct sv role_text(enum role role);
/* topology.<role> of the class, or NULL. */
const struct cJSON *subject_component(const struct subject *subject, enum role role);
/* executionEntries.<entry> of a role, or NULL. */
const struct cJSON *subject_entry(const struct subject *subject, enum role role, struct sv entry);

#endif
