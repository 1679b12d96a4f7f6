/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uninstall: what has to be undone by hand once no controller runs any more, so that nothing stays
 * stuck: finalizers that nobody would take off, and labels that keep pods on nodes or away from
 * them. Caches, volumes and claims are not touched: they go with their owners. Pure.
 */
#ifndef CORE_RECONCILE_UNINSTALL_H
#define CORE_RECONCILE_UNINSTALL_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct resource;

struct uninstall_input {
    /* Lists' items, as the API server told them; of nodes the metadata suffices. */
    const struct cJSON *runtimes, *datasets, *nodes, *volumes;
    /* Another controller finishes Datasets: theirs stay as they are. */
    bool has_dataset_controller;
};

/* A merge patch, made for the object's resourceVersion. */
struct uninstall_step {
    const struct resource *resource;
    struct sv namespace_name, name;
    struct cJSON *body;
    struct sv message; /* "the finalizer … of CacheRuntime a/b" */
};

struct uninstall_plan {
    struct uninstall_step *steps;
    size_t count;
    /* PersistentVolumes of caches, which have no owner: for people to delete. */
    const struct sv *volumes;
    size_t volume_count;
};

/* Texts and steps live in `arena` and in the input. Applied and planned again it has no steps. */
void uninstall_make(const struct uninstall_input *input, struct arena *arena,
                    struct uninstall_plan *ret_plan);

#endif
