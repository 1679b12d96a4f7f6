/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render: the objects that class, runtime and dataset ask for (fluid-contract.md §3), each as a
 * whole, ready for server-side apply. One file for each part of a pod. Pure: input was checked by
 * validate.h; what is not checked there is passed on for the API server to judge.
 */
#ifndef CORE_RECONCILE_RENDER_H
#define CORE_RECONCILE_RENDER_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/reconcile/component.h"

struct cJSON;
struct json_index;
struct pass;

/* StatefulSet, DaemonSet or Deployment; `replicas` may differ from what is wanted while workers
 * leave one by one. */
struct cJSON *render_workload(struct pass *pass, const struct component *component,
                              int64_t replicas);
/* Hash of the pod template, and of the kind of workload, that the class alone asks for, whatever
 * runtime and dataset say: it changes with the class, and with how the controller renders. */
struct sv render_base_hash(struct pass *pass, enum component_type type);
/* {metadata, spec} of the component's pods. */
struct cJSON *render_pod_template(struct pass *pass, const struct component *component);
/* As a sentence, a label that class or runtime ask for and that the component's pods do not get,
 * since the controller has a value of its own for it; SV(""): there is none. */
struct sv render_overruled_label(struct pass *pass, const struct component *component);
/* A list of Service objects, empty when the class asks for none. */
struct cJSON *render_services(struct pass *pass, const struct component *component);
/* The ConfigMap that holds runtime.json. */
struct cJSON *render_config_map(struct pass *pass);
/* One of the class's extra ConfigMaps, without owners: several runtimes share it. */
struct cJSON *render_extra_config_map(struct pass *pass, const struct cJSON *declared);
struct cJSON *render_volume(struct pass *pass);
struct cJSON *render_claim(struct pass *pass);

/* Parts of a pod template, each changing `pod` (a PodSpec) or `metadata` in place. */
void render_environment(struct pass *pass, const struct component *component, struct cJSON *pod);
void render_tiered_store(struct pass *pass, const struct component *component, struct cJSON *pod);
void render_volumes(struct pass *pass, const struct component *component, struct cJSON *pod);
void render_secrets(struct pass *pass, const struct component *component, struct cJSON *pod);
void render_affinity(struct pass *pass, const struct component *component, struct cJSON *pod);
void render_client(struct pass *pass, const struct component *component, struct cJSON *pod);

/* --- used by the parts --- */

/* Adds `item` to the list `key` of `map`, in place of the one whose `merge_key` is equal. */
void render_put(struct pass *pass, struct cJSON *map, struct sv key, struct sv merge_key,
                struct cJSON *item);
/* A volume and its mount in the container; `is_shared` mounts it in the first init container
 * too. Both trees are taken over. */
void render_mount(struct pass *pass, struct cJSON *pod, struct cJSON *volume, struct cJSON *mount,
                  bool is_shared);
/* {"name": name, "mountPath": path}, read-only or not. */
struct cJSON *render_mount_of(struct pass *pass, struct sv volume, struct sv path,
                              bool is_read_only);
/* Members of `from` (a map) over those of `to`. */
void render_overlay(struct pass *pass, struct cJSON *to, const struct cJSON *from);
/* The same for a map that gets the members of many. */
void render_overlay_index(struct pass *pass, struct json_index *to, const struct cJSON *from);
/* The labels that select the component's pods. */
void render_selector_labels(struct pass *pass, const struct component *component,
                            struct cJSON *labels);
/* "Exclusive" or "Shared". */
struct sv render_placement(const struct pass *pass);

#endif
