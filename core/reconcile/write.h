/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write: turns desired objects into actions by the rules of contract.md §6, "How we write": read
 * a name before its first write, create what is absent, touch only what is proven to be ours,
 * write nothing that is already there.
 */
#ifndef CORE_RECONCILE_WRITE_H
#define CORE_RECONCILE_WRITE_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/reconcile/pass.h"

struct cJSON;
struct resource;

enum write_result {
    WRITE_DONE,        /* nothing to do: the object is as it should be */
    WRITE_PENDING,     /* an action was added */
    WRITE_TERMINATING, /* an object of ours is going away: wait */
    WRITE_FOREIGN,     /* somebody else's object has the name */
};

/* For objects that this runtime alone owns. Sets the owner reference (namespaced kinds other
 * than a claim) and the annotation that tells a later pass what was asked for. */
enum write_result write_object(struct pass *pass, const struct resource *resource,
                               struct cJSON *desired, enum plan_step step);
/* For the persistent volume and its claim, whose spec cannot change. */
enum write_result write_volume(struct pass *pass, const struct resource *resource,
                               struct cJSON *desired);
/* An object of ours exists, and its spec is another than the desired one. */
bool write_is_outdated(const struct pass *pass, const struct resource *resource,
                       const struct cJSON *desired);
/* An apply that must create, of an object that carries no mark of ours beyond `desired`. */
void write_create(struct pass *pass, const struct resource *resource, struct cJSON *desired,
                  enum plan_step step);
/* For a class's extra ConfigMap, which several runtimes share. */
enum write_result write_shared(struct pass *pass, struct cJSON *desired);

/* A live read, unless it is in the plan already. */
void write_read(struct pass *pass, const struct resource *resource, struct sv namespace_name,
                struct sv name);
/* An apply as a dry run, ahead of all that changes objects: where the API server refuses it,
 * nothing is written. Borrows `desired`. */
struct action *write_trial(struct pass *pass, const struct resource *resource,
                           struct cJSON *desired);
/* Deletes the object with a precondition on its uid. `propagation` is "Background", "Foreground"
 * or "Orphan". */
void write_delete(struct pass *pass, const struct resource *resource, const struct cJSON *object,
                  struct sv propagation, enum plan_step step, struct sv reason);
/* A merge patch with the resourceVersion that was read. */
struct action *write_merge_patch(struct pass *pass, const struct resource *resource,
                                 const struct cJSON *object, struct cJSON *body,
                                 struct sv subresource, enum plan_step step, struct sv reason,
                                 struct sv message);
/* A JSON patch without operations; write_operation() adds one (a NULL `value`: none). */
struct action *write_json_patch(struct pass *pass, const struct resource *resource,
                                const struct cJSON *object, enum plan_step step, struct sv reason,
                                struct sv message);
void write_operation(struct pass *pass, struct action *action, struct sv op, struct sv path,
                     struct cJSON *value);
/* The runtime is the object's controller (one of its owners, for a config map), or the volume's
 * marks are ours. */
bool write_is_ours(const struct pass *pass, const struct resource *resource,
                   const struct cJSON *object);
/* What is said of one that is not. */
struct finding write_foreign_finding(struct pass *pass, struct sv kind, struct sv name);

#endif
