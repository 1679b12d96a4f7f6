/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/certificate_approver.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/authority.h"
#include "fakeapi/cluster/certificate_rules.h"

static const struct resource reviews = {
    .group = SV("authorization.k8s.io"),
    .version = SV("v1"),
    .plural = SV("subjectaccessreviews"),
    .kind = SV("SubjectAccessReview"),
    .is_namespaced = false,
};

/* What allows it to be approved, in the order in which it is asked for. */
static const struct {
    struct sv subresource;
    bool is_own; /* only for a certificate of the name of whoever asks */
    struct sv message;
} permissions[] = {
    {SV("selfnodeclient"), true,
     SV("Auto approving self kubelet client certificate after SubjectAccessReview.")},
    {SV("nodeclient"), false,
     SV("Auto approving kubelet client certificate after SubjectAccessReview.")},
};

/* One request for a certificate while it is looked at. */
struct approval {
    size_t next;      /* of the permissions: the one to ask for */
    bool is_asking;   /* for it, right now */
    bool is_allowed;  /* by the one before */
    int64_t retry_ms; /* how long to wait when all were refused */
    int64_t due_ms;   /* until then nothing is asked */
};

struct certificate_approver {
    struct agent_part *part; /* keys are names */
    const struct authority *authority;
    struct agent_cache *requests;
    struct map *approvals; /* name -> struct approval */
};

static struct approval *approval_of(struct certificate_approver *approver, struct sv key) {
    struct approval *approval = map_get(approver->approvals, key);
    if (approval)
        return approval;
    approval = mem_alloc(sizeof(*approval));
    approval->retry_ms = APPROVAL_RETRY_MS_MIN;
    map_put(approver->approvals, key, approval);
    return approval;
}

static void forget(struct certificate_approver *approver, struct sv key) {
    mem_free(map_remove(approver->approvals, key));
}

/* --- what may be approved --- */

static bool is_pending(const struct cJSON *tree) {
    return json_find_string(tree, "status.certificate").len == 0 &&
           !object_condition(tree, SV("Approved")) && !object_condition(tree, SV("Denied")) &&
           !object_is_deleting(tree);
}

/* Whether it is a kubelet's; `ret_name` is whose certificate it is going to be. */
static bool is_of_kubelet(struct certificate_approver *approver, const struct cJSON *tree,
                          struct arena *arena, struct sv *ret_name) {
    struct certificate_request request;
    struct error err = {0};
    struct sv pem, signer = json_find_string(tree, "spec.signerName");
    if (!approver->authority->read_request || !sv_eq(signer, SIGNER_KUBELET_CLIENT) ||
        !base64_decode(arena, json_find_string(tree, "spec.request"), &pem) ||
        !approver->authority->read_request(pem, arena, &request, &err))
        return false;
    *ret_name = request.common_name;
    return certificate_mistake(arena, signer, json_find(tree, "spec.usages"), &request).len == 0;
}

/* --- asking and approving --- */

static void ask(struct certificate_approver *approver, struct sv key, const struct cJSON *tree,
                struct sv subresource, struct arena *arena) {
    static const struct {
        struct sv from, to;
    } members[] = {
        {SV("username"), SV("user")},
        {SV("uid"), SV("uid")},
        {SV("groups"), SV("groups")},
        {SV("extra"), SV("extra")},
    };
    struct cJSON *review = json_map(arena);
    json_set_string(arena, review, SV("apiVersion"), SV("authorization.k8s.io/v1"));
    json_set_string(arena, review, SV("kind"), SV("SubjectAccessReview"));
    struct cJSON *spec = json_ensure_map(arena, review, SV("spec"));
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        const struct cJSON *member = json_get(json_get(tree, SV("spec")), members[i].from);
        if (member)
            json_set(arena, spec, members[i].to, json_copy(arena, member));
    }
    struct cJSON *wanted = json_ensure_map(arena, spec, SV("resourceAttributes"));
    json_set_string(arena, wanted, SV("group"), SV("certificates.k8s.io"));
    json_set_string(arena, wanted, SV("version"), SV("*"));
    json_set_string(arena, wanted, SV("resource"), SV("certificatesigningrequests"));
    json_set_string(arena, wanted, SV("subresource"), subresource);
    json_set_string(arena, wanted, SV("verb"), SV("create"));
    struct request request = request_to(VERB_CREATE, &reviews, SV(""), SV(""));
    request.body = review;
    agent_send(approver->part, key, &request);
}

static void handle_answer(void *context, struct sv key, const struct completion *completion) {
    struct certificate_approver *approver = context;
    struct approval *approval = map_get(approver->approvals, key);
    if (!approval || !approval->is_asking)
        return;
    approval->is_asking = false;
    if (completion->err.code != ERROR_NONE)
        return; /* the agent brings the key back, and it is asked again */
    approval->is_allowed =
        json_bool_or(json_get(completion->body, SV("status")), SV("allowed"), false);
    approval->next++;
}

static void approve(struct certificate_approver *approver, struct sv key, const struct cJSON *tree,
                    struct sv message, struct arena *arena) {
    struct cJSON *patch = json_map(arena);
    struct cJSON *status = json_ensure_map(arena, patch, SV("status"));
    const struct cJSON *known = json_find(tree, "status.conditions");
    struct cJSON *list = json_ensure_list(arena, status, SV("conditions"));
    JSON_EACH (condition, known)
        json_append(list, json_copy(arena, condition));
    struct cJSON *condition = json_append(list, json_map(arena));
    json_set_string(arena, condition, SV("type"), SV("Approved"));
    json_set_string(arena, condition, SV("status"), SV("True"));
    json_set_string(arena, condition, SV("reason"), SV("AutoApproved"));
    json_set_string(arena, condition, SV("message"), message);
    struct request request = agent_merge_patch(&RESOURCE_CERTIFICATE_SIGNING_REQUESTS, SV(""), key,
                                               SV("approval"), patch);
    agent_send(approver->part, key, &request);
}

/* Nobody allowed it: later, again from the first on. */
static void wait_longer(struct certificate_approver *approver, struct approval *approval,
                        struct sv key, int64_t now_ms) {
    approval->next = 0;
    approval->due_ms = now_ms + approval->retry_ms;
    if (approval->retry_ms < APPROVAL_RETRY_MS_MAX / 2)
        approval->retry_ms *= 2;
    else
        approval->retry_ms = APPROVAL_RETRY_MS_MAX;
    agent_mark(approver->part, key, approval->due_ms);
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct certificate_approver *approver = context;
    const struct cJSON *tree = cache_get(approver->requests, SV(""), key);
    int64_t now_ms = agent_now_ms(agent_of(part));
    struct sv name;
    if (!tree || !is_pending(tree) || !is_of_kubelet(approver, tree, arena, &name)) {
        forget(approver, key);
        return;
    }
    struct approval *approval = approval_of(approver, key);
    if (now_ms < approval->due_ms) {
        agent_mark(part, key, approval->due_ms);
        return;
    }
    if (approval->is_allowed) {
        approval->is_allowed = false; /* asked again, should the server refuse */
        struct sv message = permissions[approval->next - 1].message;
        approval->next = 0;
        approve(approver, key, tree, message, arena);
        return;
    }
    bool is_own = sv_eq(json_find_string(tree, "spec.username"), name);
    while (approval->next < COUNT_OF(permissions) && permissions[approval->next].is_own && !is_own)
        approval->next++;
    if (approval->next == COUNT_OF(permissions)) {
        wait_longer(approver, approval, key, now_ms);
        return;
    }
    approval->is_asking = true;
    ask(approver, key, tree, permissions[approval->next].subresource, arena);
}

static void handle_request(void *context, const struct cJSON *object, const struct cJSON *before,
                           bool is_gone) {
    struct certificate_approver *approver = context;
    (void)before;
    (void)is_gone;
    agent_mark(approver->part, object_name(object), 0);
}

/* --- life --- */

struct certificate_approver *certificate_approver_new(struct agent *agent,
                                                      const struct authority *authority) {
    struct certificate_approver *approver = mem_alloc(sizeof(*approver));
    approver->authority = authority;
    approver->approvals = map_new();
    approver->part = agent_add_part(agent, SV("csrapproving"), reconcile, approver);
    approver->requests =
        agent_watch(agent, &RESOURCE_CERTIFICATE_SIGNING_REQUESTS, handle_request, approver);
    agent_on_answer(approver->part, handle_answer, approver);
    return approver;
}

void certificate_approver_free(struct certificate_approver *approver) {
    if (!approver)
        return;
    map_free_with_values(approver->approvals);
    mem_free(approver);
}
