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

struct certificate_controller {
    struct agent_part *part; /* keys are names */
    const struct authority *authority;
    struct agent_cache *requests;
};

/* --- which usages a signer allows --- */

static const struct {
    struct sv signer;
    struct sv required[2];
    struct sv allowed[2];
    struct sv mistake; /* in these words; SV(""): naming the usage */
} signers[] = {
    {SV("kubernetes.io/kube-apiserver-client"),
     {SV("client auth"), SV("")},
     {SV("digital signature"), SV("key encipherment")},
     SV("")},
    {SV("kubernetes.io/kube-apiserver-client-kubelet"),
     {SV("client auth"), SV("digital signature")},
     {SV("key encipherment"), SV("")},
     SV("usages did not match [client auth digital signature key encipherment]")},
    {SV("kubernetes.io/kubelet-serving"),
     {SV("server auth"), SV("digital signature")},
     {SV("key encipherment"), SV("")},
     SV("usages did not match [digital signature key encipherment server auth]")},
    /* Anything goes, as of old. */
    {SV("kubernetes.io/legacy-unknown"), {SV(""), SV("")}, {SV(""), SV("")}, SV("")},
};

/* SV("") when the signer allows the usages, else why not. */
static struct sv usage_mistake(struct arena *arena, size_t signer, const struct cJSON *usages) {
    const struct sv *required = signers[signer].required, *allowed = signers[signer].allowed;
    if (required[0].len == 0)
        return SV("");
    JSON_EACH (usage, usages) {
        struct sv name = json_text(usage);
        if (sv_index_of(name, required, 2) < 2 || sv_index_of(name, allowed, 2) < 2)
            continue;
        return signers[signer].mistake.len > 0
                   ? signers[signer].mistake
                   : ARENA_JOIN(arena, SV("invalid usage for client certificate: "), name);
    }
    for (size_t i = 0; i < 2; i++)
        if (required[i].len > 0 && !json_has_text(usages, required[i]))
            return signers[signer].mistake.len > 0
                       ? signers[signer].mistake
                       : ARENA_JOIN(arena, SV("missing required usage for client certificate: "),
                                    required[i]);
    return SV("");
}

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
                 struct arena *arena) {
    const struct authority *authority = controller->authority;
    struct error err = {0};
    struct certificate_order order = {
        .usages = json_find(tree, "spec.usages"),
        .lifetime_s = lifetime_of(tree),
        .now_ms = agent_now_ms(agent_of(controller->part)),
    };
    struct sv certificate;
    if (!base64_decode(arena, json_find_string(tree, "spec.request"), &order.request)) {
        fail(controller, tree, SV("the request is not base64"), arena);
        return;
    }
    if (!authority->sign_certificate(authority->context, &order, arena, &certificate, &err)) {
        fail(controller, tree, sv_from(err.message), arena);
        return;
    }
    struct cJSON *status = json_map(arena);
    json_set_string(arena, status, SV("certificate"), base64_encode(arena, certificate));
    send_status(controller, object_name(tree), status, arena);
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
    size_t signer = 0;
    struct sv name = json_find_string(tree, "spec.signerName");
    while (signer < COUNT_OF(signers) && !sv_eq(signers[signer].signer, name))
        signer++;
    if (signer == COUNT_OF(signers))
        return;
    struct sv mistake = usage_mistake(arena, signer, json_find(tree, "spec.usages"));
    if (mistake.len > 0)
        fail(controller, tree, mistake, arena);
    else
        sign(controller, tree, arena);
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
