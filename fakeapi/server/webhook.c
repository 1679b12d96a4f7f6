/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/webhook.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/server/conversion.h"
#include "fakeapi/server/convert_webhook.h"
#include "fakeapi/server/patch.h"
#include "fakeapi/server/webhook_parts.h"
#include "fakeapi/server/webhook_target.h"

enum { TIMEOUT_SECONDS_DEFAULT = 10 };

/* --- refusing --- */

static bool refuse_internal(struct call *call, struct sv why) {
    struct cJSON *details = json_map(call->arena), *cause = json_map(call->arena);
    json_set_string(call->arena, cause, SV("message"), why);
    json_append(json_ensure_list(call->arena, details, SV("causes")), cause);
    return refuse(call, 500, "InternalError",
                  arena_printf(call->arena, "Internal error occurred: %.*s", SV_ARG(why)), details);
}

/* The webhook's own Status, with who said it put in front. */
static bool refuse_denied(struct call *call, const struct webhook *webhook,
                          const struct cJSON *response) {
    struct arena *arena = call->arena;
    const struct cJSON *said = json_get(response, SV("status"));
    struct sv message = json_string_or(said, SV("message"), SV(""));
    struct sv reason = json_string_or(said, SV("reason"), SV(""));
    struct sv why = message.len > 0 ? message : reason;
    int64_t code = json_int_or(said, SV("code"), 0);
    if (code < 400 || code > 599)
        code = 400;
    struct sv text = arena_printf(arena, "admission webhook \"%.*s\" denied the request%s%.*s",
                                  SV_ARG(webhook->name),
                                  why.len > 0 ? ": " : " without explanation", SV_ARG(why));
    const struct cJSON *details = json_get(said, SV("details"));
    return refuse(call, (int)code, arena_copy(arena, reason).ptr, text,
                  json_is_map(details) ? json_copy(arena, details) : NULL);
}

/* No proper answer: the webhook's policy says what that means. */
static bool pass_failure(struct call *call, const struct webhook *webhook, struct sv failure) {
    struct sv why = arena_printf(call->arena, "failed calling webhook \"%.*s\": %.*s",
                                 SV_ARG(webhook->name), SV_ARG(failure));
    return fails_open(webhook) || refuse_internal(call, why);
}

/* --- versions --- */

static bool is_in_other_version(const struct call *call, const struct webhook *webhook) {
    return webhook->type != call->type && call->request->subresource.len == 0;
}

/* The objects in the version that the webhook's rules name, as far as another webhook has to make
 * them. False: refused, or the call waits. */
static bool convert_admission(struct call *call, const struct admission *admission,
                              const struct webhook *webhook, struct admission *ret_converted) {
    const struct cJSON *object = admission->object, *old = admission->old;
    *ret_converted = *admission;
    if (!is_in_other_version(call, webhook))
        return true;
    if ((object && !convert_by_webhook(call, webhook->type, &object, 1)) ||
        (old && !convert_by_webhook(call, webhook->type, &old, 1)))
        return false;
    ret_converted->object = object ? json_copy(call->arena, object) : NULL;
    ret_converted->old = old;
    return true;
}

/* What a webhook made in its version, in the request's. NULL: refused, or the call waits. */
static struct cJSON *convert_back(struct call *call, const struct webhook *webhook,
                                  struct cJSON *tree) {
    const struct cJSON *back = convert_to_storage(call->arena, webhook->type, tree);
    if (!convert_by_webhook(call, call->type, &back, 1))
        return NULL;
    return json_copy(call->arena, convert_to_type(call->arena, call->type, back));
}

/* --- asking --- */

/* True with a verdict; false: refused, or the call waits. */
static bool ask(struct call *call, const struct admission *admission, const struct webhook *webhook,
                struct verdict *ret_verdict) {
    struct webhook_question question = {
        .webhook = arena_printf(call->arena, "%.*s/%.*s", SV_ARG(webhook->configuration),
                                SV_ARG(webhook->name)),
        .timeout_ms =
            1000 * json_int_or(webhook->source, SV("timeoutSeconds"), TIMEOUT_SECONDS_DEFAULT),
    };
    struct webhook_reply reply;
    const struct cJSON *config = json_get(webhook->source, SV("clientConfig"));
    struct sv unreachable = webhook_target_read(call, config, &question.target);
    *ret_verdict = (struct verdict){.failure = unreachable};
    if (unreachable.len > 0)
        ret_verdict->failure =
            arena_printf(call->arena, "failed to call webhook: %.*s", SV_ARG(unreachable));
    if (ret_verdict->failure.len > 0)
        return true;
    struct admission shown_to_it;
    if (!convert_admission(call, admission, webhook, &shown_to_it))
        return false;
    question.review = review_request(call, &shown_to_it, webhook);
    switch (dialogue_ask(call->dialogue, &question, call->arena, &reply)) {
    case DIALOGUE_REPLIED:
        read_reply(call, webhook, &reply, ret_verdict);
        return true;
    case DIALOGUE_EXHAUSTED:
        return refuse_internal(call, SV("the object changed too often while admission webhooks "
                                        "were asked about it; try again"));
    case DIALOGUE_WAITS:
        break;
    }
    call->is_waiting = true;
    return false;
}

/* A webhook with side effects is not asked about a write that is none. */
static bool check_dry_run(struct call *call, const struct webhook *webhook) {
    struct sv effects = json_find_string(webhook->source, "sideEffects");
    if (!is_dry_run(call) || sv_eq(effects, SV("None")) || sv_eq(effects, SV("NoneOnDryRun")))
        return true;
    return refuse_bad_request(call, arena_printf(call->arena,
                                                 "admission webhook \"%.*s\" does not support dry "
                                                 "run",
                                                 SV_ARG(webhook->name)));
}

static void pass_warnings(struct call *call, const struct cJSON *response) {
    JSON_EACH (warning, json_get(response, SV("warnings")))
        answer_warning(call, json_text(warning));
}

/* --- mutating --- */

/* Who was asked, and who is to be asked again since a later one changed the object. */
struct round {
    struct webhook webhooks[WEBHOOKS_MAX];
    bool was_asked[WEBHOOKS_MAX], is_due[WEBHOOKS_MAX];
    size_t count;
    bool is_second;
};

static bool asks_again(const struct webhook *webhook) {
    return sv_eq(json_find_string(webhook->source, "reinvocationPolicy"), SV("IfNeeded"));
}

static bool apply_patch(struct call *call, struct admission *admission,
                        const struct webhook *webhook, const struct cJSON *patch) {
    struct error err = {0};
    struct admission converted;
    if (!admission->object)
        return refuse_internal(call,
                               arena_printf(call->arena,
                                            "admission webhook \"%.*s\" attempted to modify the "
                                            "object, which is not supported for this operation",
                                            SV_ARG(webhook->name)));
    if (!convert_admission(call, admission, webhook, &converted))
        return false;
    bool is_converted = is_in_other_version(call, webhook);
    const struct cJSON *target = is_converted
                                     ? convert_to_type(call->arena, webhook->type, converted.object)
                                     : admission->object;
    struct cJSON *patched = patch_json(call->arena, target, patch, &err);
    if (!patched)
        return refuse_internal(call, arena_copy(call->arena, sv_from(err.message)));
    if (is_converted && !(patched = convert_back(call, webhook, patched)))
        return false;
    admission->object = patched;
    return true;
}

/* False: refused or waiting. */
static bool let_mutate(struct call *call, struct admission *admission, struct round *round,
                       size_t index, bool *ret_has_changed) {
    struct webhook *webhook = &round->webhooks[index];
    struct verdict verdict;
    enum webhook_match match = webhook_matches(call, admission, webhook);
    if (match != WEBHOOK_IS_IN)
        return match == WEBHOOK_IS_OUT;
    if (!check_dry_run(call, webhook) || !ask(call, admission, webhook, &verdict))
        return false;
    if (verdict.failure.len > 0)
        return pass_failure(call, webhook, verdict.failure);
    pass_warnings(call, verdict.response);
    round->was_asked[index] = true;
    if (!json_bool_or(verdict.response, SV("allowed"), false))
        return refuse_denied(call, webhook, verdict.response);
    const struct cJSON *before = admission->object;
    if (json_count(verdict.patch) == 0)
        return true;
    if (!apply_patch(call, admission, webhook, verdict.patch))
        return false;
    if (json_equal(before, admission->object))
        return true;
    *ret_has_changed = true;
    for (size_t i = 0; i < index; i++)
        round->is_due[i] |= round->was_asked[i] && asks_again(&round->webhooks[i]);
    return true;
}

static bool run_round(struct call *call, struct admission *admission, struct round *round,
                      bool *ret_has_changed) {
    *ret_has_changed = false;
    for (size_t i = 0; i < round->count; i++) {
        if (round->is_second && !round->is_due[i])
            continue;
        if (!let_mutate(call, admission, round, i, ret_has_changed))
            return false;
    }
    return true;
}

static bool settle(struct call *call, struct admission *admission) {
    return !admission->settle || admission->settle(call, admission);
}

bool webhooks_mutate(struct call *call, struct admission *admission) {
    if (!call->dialogue || is_exempt(call))
        return true;
    struct round *round = ARENA_NEW(call->arena, struct round);
    *round = (struct round){0};
    round->count = webhooks_configured(call, true, round->webhooks);
    bool has_changed;
    if (!run_round(call, admission, round, &has_changed))
        return false;
    if (!has_changed)
        return true;
    struct cJSON *left = json_copy(call->arena, admission->object);
    if (!settle(call, admission))
        return false;
    /* What is built in changed it behind all of them. */
    for (size_t i = 0; i < round->count && !json_equal(left, admission->object); i++)
        round->is_due[i] |= round->was_asked[i] && asks_again(&round->webhooks[i]);
    round->is_second = true;
    return run_round(call, admission, round, &has_changed) &&
           (!has_changed || settle(call, admission));
}

/* --- validating --- */

bool webhooks_validate(struct call *call, const struct admission *admission) {
    if (is_exempt(call))
        return true;
    if (!policies_validate(call, admission))
        return false;
    if (!call->dialogue)
        return true;
    struct webhook webhooks[WEBHOOKS_MAX];
    struct verdict verdicts[WEBHOOKS_MAX];
    size_t configured = webhooks_configured(call, false, webhooks), count = 0;
    for (size_t i = 0; i < configured; i++) {
        enum webhook_match match = webhook_matches(call, admission, &webhooks[i]);
        if (match == WEBHOOK_REFUSED)
            return false;
        if (match == WEBHOOK_IS_IN)
            webhooks[count++] = webhooks[i];
    }
    /* All are asked at once. */
    for (size_t i = 0; i < count; i++)
        if (!check_dry_run(call, &webhooks[i]) ||
            (!ask(call, admission, &webhooks[i], &verdicts[i]) && !call->is_waiting))
            return false;
    for (size_t i = 0; i < count && !call->is_waiting; i++) {
        pass_warnings(call, verdicts[i].response);
        if (verdicts[i].failure.len > 0) {
            if (!pass_failure(call, &webhooks[i], verdicts[i].failure))
                return false;
        } else if (!json_bool_or(verdicts[i].response, SV("allowed"), false)) {
            return refuse_denied(call, &webhooks[i], verdicts[i].response);
        }
    }
    return !call->is_waiting;
}
