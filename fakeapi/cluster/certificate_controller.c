/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/certificate_controller.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/authority.h"
#include "fakeapi/cluster/certificate_rules.h"

struct certificate_controller {
    struct agent_part *part; /* keys are names */
    const struct authority *authority;
    struct agent_cache *requests;
};

/* --- signing --- */

static void send_status(struct certificate_controller *controller, struct sv key,
                        struct cJSON *status, struct arena *arena) {
    struct cJSON *patch = json_map(arena);
    json_set(arena, patch, SV("status"), status);
    struct request request =
        agent_merge_patch(&RESOURCE_CERTIFICATE_SIGNING_REQUESTS, SV(""), key, SV("status"), patch);
    agent_send(controller->part, key, &request);
}

static void fail(struct certificate_controller *controller, const struct cJSON *tree,
                 struct sv mistake, struct arena *arena) {
    struct cJSON *status = json_map(arena);
    struct cJSON *list = json_set(arena, status, SV("conditions"),
                                  json_copy(arena, json_find(tree, "status.conditions")));
    struct cJSON *condition = json_append(list, json_map(arena));
    json_set_string(arena, condition, SV("type"), SV("Failed"));
    json_set_string(arena, condition, SV("status"), SV("True"));
    json_set_string(arena, condition, SV("reason"), SV("SignerValidationFailure"));
    json_set_string(arena, condition, SV("message"), mistake);
    json_set_string(arena, condition, SV("lastUpdateTime"),
                    api_time_format(agent_now_ms(agent_of(controller->part)), arena));
    send_status(controller, object_name(tree), status, arena);
}

static int64_t lifetime_of(const struct cJSON *tree) {
    int64_t asked = json_find_int(tree, "spec.expirationSeconds", CERTIFICATE_SECONDS_MAX);
    return asked > CERTIFICATE_SECONDS_MAX   ? CERTIFICATE_SECONDS_MAX
           : asked < CERTIFICATE_SECONDS_MIN ? CERTIFICATE_SECONDS_MIN
                                             : asked;
}

static void sign(struct certificate_controller *controller, const struct cJSON *tree,
                 struct sv request, struct arena *arena) {
    const struct authority *authority = controller->authority;
    struct error err = {0};
    struct certificate_order order = {
        .request = request,
        .usages = json_find(tree, "spec.usages"),
        .lifetime_s = lifetime_of(tree),
        .now_ms = agent_now_ms(agent_of(controller->part)),
    };
    struct sv certificate;
    if (!authority->sign_certificate(authority->context, &order, arena, &certificate, &err)) {
        fail(controller, tree, sv_from(err.message), arena);
        return;
    }
    struct cJSON *status = json_map(arena);
    json_set_string(arena, status, SV("certificate"), base64_encode(arena, certificate));
    send_status(controller, object_name(tree), status, arena);
}

/* Why the signer does not sign; SV(""): it does. */
static struct sv find_mistake(struct certificate_controller *controller, const struct cJSON *tree,
                              struct sv request, struct arena *arena) {
    struct certificate_request asked;
    struct error err = {0};
    bool is_read = controller->authority->read_request != NULL;
    if (is_read && !controller->authority->read_request(request, arena, &asked, &err))
        return arena_copy(arena, sv_from(err.message));
    return certificate_mistake(arena, json_find_string(tree, "spec.signerName"),
                               json_find(tree, "spec.usages"), is_read ? &asked : NULL);
}

static bool is_waiting(const struct cJSON *tree) {
    return object_condition_is_true(tree, SV("Approved")) &&
           !object_condition(tree, SV("Denied")) && !object_condition_is_true(tree, SV("Failed")) &&
           json_find_string(tree, "status.certificate").len == 0 && !object_is_deleting(tree);
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct certificate_controller *controller = context;
    const struct cJSON *tree = cache_get(controller->requests, SV(""), key);
    (void)part;
    if (!tree || !is_waiting(tree))
        return;
    struct sv request = SV("");
    if (!certificate_has_own_signer(json_find_string(tree, "spec.signerName")))
        return;
    struct sv mistake = base64_decode(arena, json_find_string(tree, "spec.request"), &request)
                            ? find_mistake(controller, tree, request, arena)
                            : SV("the request is not base64");
    if (mistake.len > 0)
        fail(controller, tree, mistake, arena);
    else
        sign(controller, tree, request, arena);
}

static void handle_request(void *context, const struct cJSON *object, const struct cJSON *before,
                           bool is_gone) {
    struct certificate_controller *controller = context;
    (void)before;
    if (!is_gone)
        agent_mark(controller->part, object_name(object), 0);
}

/* --- life --- */

struct certificate_controller *certificate_controller_new(struct agent *agent,
                                                          const struct authority *authority) {
    struct certificate_controller *controller = mem_alloc(sizeof(*controller));
    controller->authority = authority;
    controller->part = agent_add_part(agent, SV("certificates"), reconcile, controller);
    controller->requests =
        agent_watch(agent, &RESOURCE_CERTIFICATE_SIGNING_REQUESTS, handle_request, controller);
    return controller;
}

void certificate_controller_free(struct certificate_controller *controller) {
    mem_free(controller);
}
