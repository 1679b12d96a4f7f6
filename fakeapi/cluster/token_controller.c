/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/token_controller.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/authority.h"

#define ANNOTATION_NAME SV("kubernetes.io/service-account.name")
#define ANNOTATION_UID SV("kubernetes.io/service-account.uid")

struct token_controller {
    struct agent_part *part; /* keys are Secrets, "ns/name" */
    const struct authority *authority;
    struct agent_cache *secrets, *accounts;
    size_t secrets_by_account;
    /* Uids of Secrets that have a token of this authority. One of before has other keys, and what
     * it signed is worth nothing. */
    struct map *signed_secrets;
};

/* "ns/account" of a Secret. */
static struct sv key_of_account(const struct cJSON *secret, struct arena *arena) {
    return object_key(arena, object_namespace(secret), object_annotation(secret, ANNOTATION_NAME));
}

static const struct cJSON *account_of(const struct token_controller *controller,
                                      const struct cJSON *secret) {
    const struct cJSON *account = cache_get(controller->accounts, object_namespace(secret),
                                            object_annotation(secret, ANNOTATION_NAME));
    struct sv uid = object_annotation(secret, ANNOTATION_UID);
    return account && (uid.len == 0 || sv_eq(uid, object_uid(account))) ? account : NULL;
}

static void set_data(struct arena *arena, struct cJSON *data, struct sv key, struct sv bytes) {
    json_set_string(arena, data, key, base64_encode(arena, bytes));
}

static void fill(struct token_controller *controller, struct sv key, const struct cJSON *secret,
                 const struct cJSON *account, struct arena *arena) {
    const struct authority *authority = controller->authority;
    struct sv token = authority->sign_token(authority->context,
                                            &(struct token_order){
                                                .namespace_name = object_namespace(secret),
                                                .account_name = object_name(account),
                                                .account_uid = object_uid(account),
                                                .secret_name = object_name(secret),
                                                .secret_uid = object_uid(secret),
                                                .now_ms = agent_now_ms(agent_of(controller->part)),
                                            },
                                            arena);
    struct cJSON *patch = json_map(arena);
    object_set_annotation(arena, patch, ANNOTATION_UID, object_uid(account));
    struct cJSON *data = json_ensure_map(arena, patch, SV("data"));
    if (authority->root_certificate.len > 0)
        set_data(arena, data, SV("ca.crt"), authority->root_certificate);
    set_data(arena, data, SV("namespace"), object_namespace(secret));
    set_data(arena, data, SV("token"), token);
    struct request request = agent_merge_patch(&RESOURCE_SECRETS, object_namespace(secret),
                                               object_name(secret), SV(""), patch);
    agent_send(controller->part, key, &request);
    map_put(controller->signed_secrets, object_uid(secret), NULL);
}

static bool is_filled(const struct token_controller *controller, const struct cJSON *secret) {
    const struct cJSON *data = json_get(secret, SV("data"));
    return map_has(controller->signed_secrets, object_uid(secret)) && json_get(data, SV("token")) &&
           json_get(data, SV("namespace")) && object_annotation(secret, ANNOTATION_UID).len > 0 &&
           (controller->authority->root_certificate.len == 0 || json_get(data, SV("ca.crt")));
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct token_controller *controller = context;
    struct sv name = key, namespace_name = sv_cut(&name, '/');
    const struct cJSON *secret = cache_get(controller->secrets, namespace_name, name);
    if (!secret || object_is_deleting(secret))
        return;
    const struct cJSON *account = account_of(controller, secret);
    if (!account) {
        struct request request = agent_delete(arena, &RESOURCE_SECRETS, secret, -1);
        agent_send(part, key, &request);
    } else if (!is_filled(controller, secret)) {
        fill(controller, key, secret, account, arena);
    }
}

/* --- news --- */

static void mark(struct token_controller *controller, const struct cJSON *secret) {
    agent_mark_object(controller->part, secret);
}

static void handle_secret(void *context, const struct cJSON *object, const struct cJSON *before,
                          bool is_gone) {
    struct token_controller *controller = context;
    (void)before;
    if (is_gone)
        map_remove(controller->signed_secrets, object_uid(object));
    else
        mark(controller, object);
}

static void handle_account(void *context, const struct cJSON *object, const struct cJSON *before,
                           bool is_gone) {
    struct token_controller *controller = context;
    AUTO(arena) arena = arena_new();
    size_t cursor = 0;
    const struct cJSON *secret;
    struct sv key = object_key(arena, object_namespace(object), object_name(object));
    if (before && !is_gone && sv_eq(object_uid(object), object_uid(before)))
        return;
    while ((secret = cache_index_next(controller->secrets, controller->secrets_by_account, key,
                                      &cursor)))
        mark(controller, secret);
}

/* --- life --- */

struct token_controller *token_controller_new(struct agent *agent,
                                              const struct authority *authority) {
    struct token_controller *controller = mem_alloc(sizeof(*controller));
    controller->authority = authority;
    controller->signed_secrets = map_new();
    controller->part = agent_add_part(agent, SV("tokens"), reconcile, controller);
    controller->secrets = agent_watch_selected(agent, &RESOURCE_SECRETS, SV(""),
                                               SV("type=kubernetes.io/service-account-token"),
                                               handle_secret, controller);
    controller->secrets_by_account = cache_add_index(controller->secrets, key_of_account);
    controller->accounts =
        agent_watch(agent, &RESOURCE_SERVICE_ACCOUNTS, handle_account, controller);
    return controller;
}

void token_controller_free(struct token_controller *controller) {
    if (!controller)
        return;
    map_free(controller->signed_secrets);
    mem_free(controller);
}
