/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate: the rules behind admit_validate(), one file for each kind of rule. Private to
 * schema/. Every function appends to `findings`.
 */
#ifndef FAKEAPI_SCHEMA_VALIDATE_H
#define FAKEAPI_SCHEMA_VALIDATE_H

#include "core/data/json_index.h"
#include "fakeapi/schema/admit.h"

/* What a check needs besides the value: where findings go. */
struct checker {
    struct arena *arena;
    struct findings *findings;
};

/* "field.name" and "field[index]". */
struct sv path_member(const struct checker *checker, struct sv field, struct sv name);
struct sv path_index(const struct checker *checker, struct sv field, size_t index);
/* "field.properties[name]": a property of a definition's schema. */
struct sv path_property(struct arena *arena, struct sv field, struct sv name);

void report_required(const struct checker *checker, struct sv field, const struct cJSON *item,
                     const char *detail);
void report_invalid(const struct checker *checker, struct sv field, const struct cJSON *item,
                    const char *detail);
void report_forbidden(const struct checker *checker, struct sv field, const struct cJSON *item,
                      const char *detail);
void report_duplicate(const struct checker *checker, struct sv field, const struct cJSON *item);
void report_not_found(const struct checker *checker, struct sv field, const struct cJSON *item);
/* `allowed` in the order in which the message lists them. */
void report_not_supported(const struct checker *checker, struct sv field, const struct cJSON *item,
                          const struct sv *allowed, size_t count);

/* A struct as Go prints it in a refusal: each field under its name in Go, absent ones as the zero
 * value of their type. */
enum go_zero { GO_NIL, GO_TEXT, GO_NUMBER, GO_FALSE };
struct go_field {
    struct sv key, shown;
    enum go_zero zero;
};
/* The value, or null for none. */
const struct cJSON *or_null(const struct checker *checker, const struct cJSON *item);
struct cJSON *go_shown(const struct checker *checker, const struct cJSON *item,
                       const struct go_field *fields, size_t count);

/* Formats of names; NULL when it holds, else the server's sentence. */
const char *check_dns_label(struct sv text);     /* RFC 1123, up to 63 */
const char *check_dns_subdomain(struct sv text); /* RFC 1123, up to 253 */
const char *check_dns_label_1035(struct sv text);
const char *check_port_name(struct sv text);
const char *check_qualified_name(struct sv text); /* label and annotation keys */
const char *check_label_value(struct sv text);
const char *check_config_key(struct sv text);
const char *check_path_segment(struct sv text); /* any name that a path can hold */
const char *check_ip_address(const struct checker *checker, struct sv text);
const char *check_cidr(const struct checker *checker, struct sv text);

/* What was found in a part, with `field` in front of its fields. */
void findings_add_below(const struct checker *checker, struct sv field,
                        const struct findings *findings);

void validate_metadata(const struct checker *checker, const struct resource_type *type,
                       const struct cJSON *object, const struct cJSON *old);
void validate_labels(const struct checker *checker, const struct cJSON *labels, struct sv field);
/* Value rules of a CRD's schema. What did not change since `old`, which may be NULL, is not held
 * against the writer. */
void validate_schema(const struct checker *checker, const struct schema *schema,
                     const struct cJSON *item, const struct cJSON *old, struct sv field);
/* All that a custom object has to keep. */
void validate_custom(const struct checker *checker, const struct resource_type *type,
                     const struct cJSON *object, const struct cJSON *old, struct sv subresource);
/* What an object within the object has to say of itself. */
void validate_embedded(const struct checker *checker, const struct schema *schema,
                       const struct cJSON *item, struct sv field);
/* Its rules in CEL, for a value that keeps all others. */
void validate_rules(const struct checker *checker, const struct schema *schema,
                    const struct cJSON *item, const struct cJSON *old, struct sv field);
/* What stood for the items of a list before: by their keys in a list that is a map. */
struct correlation {
    const struct checker *checker;
    const struct schema *list;
    const struct cJSON *old;   /* NULL: nothing stood for any */
    struct json_index by_keys; /* of a long list */
};
struct correlation correlation_of(const struct checker *checker, const struct schema *list,
                                  const struct cJSON *old);
/* NULL without one. */
const struct cJSON *correlated_item(const struct correlation *correlation,
                                    const struct cJSON *item);
/* Rules about one field each, with the kinds that have them. */
void validate_table(const struct checker *checker, struct sv kind, const struct cJSON *object,
                    const struct cJSON *old);
/* A text that must be one of a few words; a wrong type is reported elsewhere. */
void check_one_of(const struct checker *checker, const struct cJSON *map, struct sv key,
                  struct sv field, const struct sv *allowed, size_t count);
/* A number that must not be negative; a wrong type is reported elsewhere. */
void check_not_negative(const struct checker *checker, const struct cJSON *map, struct sv key,
                        struct sv field);
/* Texts that have to differ, none yet, for json_index_is_seen_again(). */
struct json_index texts_seen(const struct checker *checker);
/* Where a pod may run. */
void validate_scheduling(const struct checker *checker, const struct cJSON *spec, struct sv field);
void validate_label_selector(const struct checker *checker, const struct cJSON *selector,
                             struct sv field);
void validate_node_selector(const struct checker *checker, const struct cJSON *selector,
                            struct sv field);
/* Security contexts of a pod and of a container. */
void validate_pod_security(const struct checker *checker, const struct cJSON *spec,
                           struct sv field);
void validate_pod(const struct checker *checker, const struct cJSON *pod, const struct cJSON *old);
void validate_template(const struct checker *checker, const struct cJSON *pod_template,
                       struct sv field);
/* A template that says itself how its pods restart. */
void validate_free_template(const struct checker *checker, const struct cJSON *pod_template,
                            struct sv field);
/* A job's pods end: they do not restart for ever. */
void validate_job_template(const struct checker *checker, const struct cJSON *pod_template,
                           struct sv field);
void check_job(const struct checker *checker, const struct cJSON *object, const struct cJSON *old);
void check_cron_job(const struct checker *checker, const struct cJSON *object,
                    const struct cJSON *old);
void check_crd(const struct checker *checker, const struct cJSON *object, const struct cJSON *old);
/* x-kubernetes-validations of one schema but for what they say in CEL. */
void check_crd_rules(const struct checker *checker, const struct cJSON *schema, struct sv field);
/* The types of its lists and maps, and the keys of lists. */
void check_crd_lists(const struct checker *checker, const struct cJSON *schema, struct sv field);
/* A schema that says what only this type can be. */
void check_container_type(const struct checker *checker, const struct cJSON *schema, struct sv type,
                          const char *detail, struct sv field);
/* Where a webhook is called. */
void validate_webhook_client(const struct checker *checker, const struct cJSON *client,
                             struct sv field);
/* spec.versions of a definition as refusals print them. */
struct cJSON *crd_versions_shown(const struct checker *checker, const struct cJSON *versions);
void check_role(const struct checker *checker, const struct cJSON *object, const struct cJSON *old);
void check_api_service(const struct checker *checker, const struct cJSON *object,
                       const struct cJSON *old);
void check_cluster_role(const struct checker *checker, const struct cJSON *object,
                        const struct cJSON *old);
void check_role_binding(const struct checker *checker, const struct cJSON *object,
                        const struct cJSON *old);
void check_cluster_role_binding(const struct checker *checker, const struct cJSON *object,
                                const struct cJSON *old);
void check_node(const struct checker *checker, const struct cJSON *object, const struct cJSON *old);
void check_event(const struct checker *checker, const struct cJSON *object,
                 const struct cJSON *old);
void check_webhook_configuration(const struct checker *checker, const struct cJSON *object,
                                 const struct cJSON *old);
void check_deployment(const struct checker *checker, const struct cJSON *object,
                      const struct cJSON *old);
void check_daemon_set(const struct checker *checker, const struct cJSON *object,
                      const struct cJSON *old);
void check_stateful_set(const struct checker *checker, const struct cJSON *object,
                        const struct cJSON *old);
void check_replica_set(const struct checker *checker, const struct cJSON *object,
                       const struct cJSON *old);
void check_replication_controller(const struct checker *checker, const struct cJSON *object,
                                  const struct cJSON *old);
void check_service(const struct checker *checker, const struct cJSON *object,
                   const struct cJSON *old);
void check_config_map(const struct checker *checker, const struct cJSON *object,
                      const struct cJSON *old);
void check_secret(const struct checker *checker, const struct cJSON *object,
                  const struct cJSON *old);
void check_volume(const struct checker *checker, const struct cJSON *object,
                  const struct cJSON *old);
void check_claim(const struct checker *checker, const struct cJSON *object,
                 const struct cJSON *old);
void check_attachment(const struct checker *checker, const struct cJSON *object,
                      const struct cJSON *old);
void check_driver(const struct checker *checker, const struct cJSON *object,
                  const struct cJSON *old);
/* `field` is the path of the claim's spec. */
void check_claim_spec(const struct checker *checker, const struct cJSON *spec, struct sv field);
void check_endpoints(const struct checker *checker, const struct cJSON *object,
                     const struct cJSON *old);
void check_endpoint_slice(const struct checker *checker, const struct cJSON *object,
                          const struct cJSON *old);
void check_ingress(const struct checker *checker, const struct cJSON *object,
                   const struct cJSON *old);
void check_network_policy(const struct checker *checker, const struct cJSON *object,
                          const struct cJSON *old);
/* Reports what a container cannot be given, by the resource's name; false when it was told. */
bool check_container_resource(const struct checker *checker, struct sv name, struct sv field);
void check_resource_quota(const struct checker *checker, const struct cJSON *object,
                          const struct cJSON *old);
void check_limit_range(const struct checker *checker, const struct cJSON *object,
                       const struct cJSON *old);
/* NULL when it is a schedule of cron, else why not. */
const char *check_schedule(struct arena *arena, struct sv text);
/* StatefulSet, DaemonSet, Deployment, ReplicaSet, Service, ConfigMap, volumes, CRD, …; does
 * nothing for a kind without rules. */
void validate_kind(const struct checker *checker, struct sv kind, const struct cJSON *object,
                   const struct cJSON *old);
/* What is written to the status subresource. */
void validate_status(const struct checker *checker, struct sv kind, const struct cJSON *object,
                     const struct cJSON *old);

#endif
