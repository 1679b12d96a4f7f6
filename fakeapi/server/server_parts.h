/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_parts: the server's state and one request on its way, shared by the files that each
 * answer one kind of request. Private to fakeapi/server.
 */
#ifndef FAKEAPI_SERVER_SERVER_PARTS_H
#define FAKEAPI_SERVER_SERVER_PARTS_H

#include "core/base/rng.h"
#include "core/client/transport.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/certificate_request.h"
#include "fakeapi/server/fakeapi.h"
#include "fakeapi/server/rbac.h"
#include "fakeapi/store/store.h"

struct aggregation;
struct dialogue;
struct findings;
struct map;
struct service_addresses;
struct table_options;
struct webhook_client;

struct fakeapi {
    struct fakeapi_options options;
    struct registry *registry;
    struct store *store;
    struct rng uid_rng, name_rng;
    struct rng own_uid_rng; /* api_service.c: of what depends on how the server is served */
    struct service_addresses *service_addresses;
    struct map *service_routes; /* "namespace/name" to "HOST:PORT", which the owner keeps */
    struct aggregation *aggregation;
    bool serves_usage;        /* usage_metrics.c */
    bool has_own_services;    /* api_service.c: those of built-in groups were written */
    uint64_t schema_revision; /* the store's when a type or all objects last came from outside */
    uint64_t request_count, watch_event_count;
    uint64_t ended_types;                  /* definitions that were deleted */
    struct webhook_client *webhook_client; /* borrowed; NULL: none */
    struct rbac *rbac;                     /* borrowed; NULL: everybody may do everything */
    certificate_reader *read_certificate;  /* NULL: nobody reads requests for certificates */
    fakeapi_find_pod *find_exec_pod;       /* NULL: they are in the store */
    void *find_exec_pod_context;
};

enum { WARNINGS_MAX = 64 };

struct call {
    struct fakeapi *api;
    const struct request *request;
    const struct resource_type *type;
    struct collection *collection;
    struct sv user_agent;
    struct arena *arena;
    int64_t now_ms;
    struct rng *uid_rng, *name_rng;
    struct user_info user;
    struct dialogue *dialogue; /* NULL: admission webhooks are not asked */
    bool has_empty_lists;      /* check_fields() left some, until owners of fields are settled */
    bool is_waiting;           /* for one of them: there is no answer yet, and nothing was done */
    const struct table_options *table; /* of a list; NULL: it is no Table */
    struct cJSON *audit_annotations;   /* what policies want to be told; NULL: nobody tells it */
    const struct cJSON *converted;     /* convert_webhook.c: the object in the request's version */
    struct api_response *response;
    struct sv warnings[WARNINGS_MAX];
};

/* Fills `call` and `ret_request` (the request with empty views for zeroed ones) and finds the
 * type; false: refused. */
bool begin_call(struct call *call, struct fakeapi *api, const struct request *request,
                struct request *ret_request, struct sv user_agent, struct arena *arena,
                struct api_response *ret_response);

/* The call's time and chance are those of the dialogue, which may be NULL. */
void join_dialogue(struct call *call, struct dialogue *dialogue);

/* In the form of a uid. */
struct sv uid_text(struct arena *arena, uint64_t high, uint64_t low);

/* --- respond.c: answers. The refusals return false, so that refusing is one statement. --- */

void answer(struct call *call, int http_status, const struct cJSON *body);
/* With an object of the store, as the request wants to see it. */
void answer_stored(struct call *call, int http_status, struct stored *stored);
void answer_warning(struct call *call, struct sv text);
bool refuse(struct call *call, int http_status, const char *reason, struct sv message,
            struct cJSON *details);
/* Without details: what handlers say of a request that they cannot read. */
bool refuse_bad_request(struct call *call, struct sv message);
bool refuse_not_found(struct call *call, const struct resource_type *type, struct sv name);
bool refuse_already_exists(struct call *call, struct sv name, bool is_deleting);
/* "Operation cannot be fulfilled on configmaps "a": <why>". */
bool refuse_conflict(struct call *call, struct sv name, struct sv why);
bool refuse_modified(struct call *call, struct sv name);
/* "configmaps "a" is forbidden: <why>"; returns its details for causes. */
struct cJSON *refuse_forbidden(struct call *call, struct sv name, struct sv why);
bool refuse_invalid(struct call *call, struct sv kind, struct sv group, struct sv name,
                    const struct findings *findings);
/* What is not built: 501 with its name, and a log line. */
bool refuse_unsupported(struct call *call, struct sv what);
struct cJSON *add_cause(struct call *call, struct cJSON *details, struct sv reason,
                        struct sv message, struct sv field);
/* {name, group, kind: plural}. */
struct cJSON *resource_details(struct call *call, const struct resource_type *type, struct sv name);

/* --- read.c --- */

void handle_get(struct call *call);
void handle_list(struct call *call);
/* The object as the request's version and form show it; the arena holds what is shared. */
const struct cJSON *present(struct arena *arena, const struct resource_type *type,
                            const struct request *request, const struct cJSON *tree);
/* NULL and a refusal when it does not exist. */
struct stored *find_or_refuse(struct call *call);
/* As the request's version has it; NULL: refused, or the call waits. */
const struct cJSON *find_in_version(struct call *call, struct stored *stored);

/* --- write_check.c: what an object goes through on its way into the store --- */

/* The body as a tree of its own; NULL and a refusal when it is no object of this type. */
struct cJSON *decode_body(struct call *call);
/* Refuses a patch for what it made of an object, which cannot be decoded. */
bool refuse_patched(struct call *call, const struct cJSON *tree, struct sv why);
/* Its kind and version, which are filled in when they are absent, are those of the type. */
bool check_kind(struct call *call, struct cJSON *tree);
bool check_name_and_namespace(struct call *call, struct cJSON *tree);
/* Options of a write that are the same for every kind. */
bool check_write_options(struct call *call);
/* Unknown and mistyped fields, pruning, canonical quantities, defaults. */
bool check_fields(struct call *call, struct cJSON *tree);
/* For after owners of fields were settled: what check_fields() left for them is as it is stored. */
void forget_empty_lists(struct call *call, struct cJSON *tree);
/* The same as check_fields() after a webhook changed the object: what is unknown goes without a
 * word. */
bool settle_fields(struct call *call, struct cJSON *tree);
bool check_rules(struct call *call, const struct cJSON *tree, const struct cJSON *old);
struct apply_writer;
/* Who writes, for managedFields; texts live in the call's arena. */
void fill_writer(struct call *call, const struct cJSON *tree, struct apply_writer *ret_writer);
bool is_dry_run(const struct call *call);

/* --- warnings.c --- */

void warn_of_type(struct call *call);
void warn_of_object(struct call *call, const struct cJSON *tree);

/* --- create.c, update.c, patch_request.c, delete.c --- */

void handle_create(struct call *call);
/* With `is_applied` its managedFields are there already. */
bool create_object(struct call *call, struct cJSON *tree, bool is_applied);

void handle_update(struct call *call);
void handle_patch(struct call *call);
/* Answers why a patch could not be applied. */
void refuse_patch(struct call *call, const struct error *err);
/* Whether the body of an apply may be one. */
bool check_configuration(struct call *call);
/* `live`, which may be NULL, with what its body `config` says; NULL and a refusal. */
struct cJSON *merge_configuration(struct call *call, const struct cJSON *live,
                                  struct cJSON *config);
struct replacement {
    struct cJSON *tree; /* in the call's arena; changed on the way */
    bool is_applied;    /* its managedFields are there already */
    bool is_put;
    struct sv subresource; /* which of its parts count */
    bool is_admitted;      /* webhooks were asked about it in another form */
};
bool replace_object(struct call *call, struct stored *old, const struct replacement *replacement);
/* A copy of an object of the store for a write that cannot reach what is below its members other
 * than metadata: that, and the sets in managedFields, are borrowed. */
struct cJSON *borrow_object(struct call *call, const struct cJSON *object);
/* Stores `tree` in place of `old`, or removes it when it was only waiting for that, unless this is
 * a dry run, and answers with it. */
void store_replacement(struct call *call, const struct cJSON *old, struct cJSON *tree);

void handle_delete(struct call *call);
void handle_delete_collection(struct call *call);
/* No finalizer holds it, nor its contents (namespaces). */
bool is_free_to_go(const struct cJSON *tree);
void remove_object(struct call *call, struct cJSON *tree);
void add_finalizer(struct call *call, struct cJSON *tree, struct sv finalizer);
void drop_finalizer(struct cJSON *tree, struct sv finalizer);

/* --- object_size.c --- */

/* Whether `tree`, which may lose its managedFields for it, is small enough to be stored; refuses
 * otherwise. Nothing is too large for a dry run. */
bool fit_into_store(struct call *call, struct cJSON *tree, bool is_new, bool is_applied);

/* --- remote_request.c --- */

struct remote_api;
/* Answers with what an aggregated API server says. */
void handle_remote(struct call *call, const struct remote_api *remote);

/* --- usage_metrics.c: metrics.k8s.io --- */

/* Whether a type is one of its types; discovery says what can be done with them. */
bool is_usage(const struct fakeapi *api, const struct resource_type *type);
void handle_usage(struct call *call);

/* --- subresource.c --- */

/* Answers a request that names one. */
void handle_subresource(struct call *call);
/* 201 with a Status of success. */
void answer_created(struct call *call);
/* A condition of that type that is True, in place of an older one. */
void set_pod_condition(struct call *call, struct cJSON *pod, struct sv type, struct sv reason,
                       struct sv message);
/* Asks webhooks about what was posted to a subresource. */
bool admit_posted(struct call *call);

/* --- subresource_part.c --- */

/* Whether it is a part of an object: what is written there replaces that part only. */
bool is_part(const struct call *call);
/* The old object with the part as it was sent; NULL and a refusal when it may not be so. */
struct cJSON *with_new_part(struct call *call, const struct cJSON *old, const struct cJSON *sent);

/* --- eviction.c --- */

void handle_eviction(struct call *call);

/* --- admission.c: what the built-in admission plugins and strategies do --- */

/* The namespace of a new object exists and takes new content. */
bool admit_namespace(struct call *call);
bool admit_create(struct call *call, struct cJSON *tree);
/* A secret's stringData becomes data; always true. */
bool admit_secret(struct call *call, struct cJSON *tree);
/* admission_job.c: once a job has its uid: selector and labels. */
void identify_job(struct call *call, struct cJSON *tree);
/* And once it is accepted: a job without labels shares those of its pods. */
void share_job_labels(struct call *call, struct cJSON *tree);
bool admit_update(struct call *call, const struct cJSON *old, struct cJSON *tree);
/* "Guaranteed", "Burstable" or "BestEffort": of a pod's spec. */
struct sv quality_class(const struct cJSON *spec);
/* Once the object is known to be valid: whether a claim may ask for more. */
bool admit_resize(struct call *call, const struct cJSON *old, const struct cJSON *tree);

/* --- admission_certificate.c: CertificateSigningRequests --- */

bool admit_signing_request(struct call *call, struct cJSON *tree);
bool admit_signing_update(struct call *call, const struct cJSON *old, struct cJSON *tree);
bool admit_signing_status(struct call *call, const struct cJSON *old, struct cJSON *tree);
/* A part, for subresource_part.c. */
bool take_approval(struct call *call, const struct cJSON *old, const struct cJSON *sent,
                   struct cJSON *tree);

/* --- admission_service.c: addresses and ports, each given to one service --- */

struct service_addresses *service_addresses_new(void);
void service_addresses_free(struct service_addresses *addresses);
/* Services came into the store without being written. */
void service_addresses_forget(struct service_addresses *addresses);
bool admit_service(struct call *call, struct cJSON *tree);
bool admit_service_update(struct call *call, const struct cJSON *old, struct cJSON *tree);

/* --- fakeapi.c --- */

/* Who makes the request: the caller, or a part of the cluster named after its user agent. */
const struct user_info *call_user(struct call *call);

/* --- custom_resource.c --- */

/* Before a CRD is stored: its types are served from here on. A dry run only checks them. */
bool serve_custom_resource(struct call *call, const struct cJSON *crd);
/* Deletes its objects; true when none is left. */
bool empty_custom_resource(struct call *call, const struct cJSON *crd);
/* --- definition.c: the controllers that follow CustomResourceDefinitions --- */

bool is_definition(const struct resource_type *type);
/* The status of a new one, and what a change of the spec adds to it. */
bool admit_definition(struct call *call, struct cJSON *tree);
bool admit_definition_update(struct call *call, const struct cJSON *old, struct cJSON *tree);
/* Its names are its own, or nobody else's: its types can be served. */
bool definition_may_serve(struct call *call, const struct cJSON *crd);
/* The first deletion of one, answered. */
void terminate_definition(struct call *call, const struct cJSON *old);
/* After a request was answered: what follows from it for definitions. */
void settle_definitions(struct call *call);

/* The objects of a built-in type, of version v1. */
struct collection *builtin_collection(struct fakeapi *api, struct sv group, struct sv plural);

/* A call on another type in the name of this one (its refusals go to `ret_response`). */
struct call inner_call(struct call *call, const struct resource_type *type,
                       const struct request *request, struct api_response *ret_response);

#endif
