/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cmd/dataset_duty.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/client/transport.h"
#include "core/data/json.h"

enum {
    PERIOD_MS = 10 * 1000,
    /* Without an answer the belief of before stays, and is asked about sooner. */
    RETRY_MS = 2 * 1000,
    LEASE_SECONDS_DEFAULT = 15,
    LEASE_SECONDS_MAX = 3600,
    RENEW_TEXT_BYTES_MAX = 64,
};

struct dataset_duty {
    struct transport *transport;
    struct log *log;
    struct arena *texts;
    struct sv namespace_name;
    enum dataset_duty_mode mode;
    uint64_t request_id; /* 0: none */
    int64_t due_ms;
    bool is_ours;
    bool is_told; /* that it is, or is not */
    enum error_code told_trouble;
    char renewed[RENEW_TEXT_BYTES_MAX]; /* the lease's renewTime when it was last seen to change */
    int64_t changed_ms;
};

struct dataset_duty *dataset_duty_new(struct transport *transport, struct log *log,
                                      struct sv namespace_name, enum dataset_duty_mode mode) {
    struct dataset_duty *duty = mem_alloc(sizeof(*duty));
    *duty = (struct dataset_duty){
        .transport = transport,
        .log = log,
        .texts = arena_new(),
        .mode = mode,
        .due_ms = mode == DATASETS_AUTO ? 0 : DEADLINE_NEVER,
        .is_ours = mode == DATASETS_ON,
    };
    duty->namespace_name = arena_copy(duty->texts, namespace_name);
    return duty;
}

void dataset_duty_free(struct dataset_duty *duty) {
    if (!duty)
        return;
    if (duty->request_id)
        transport_cancel(duty->transport, duty->request_id);
    arena_free(duty->texts);
    mem_free(duty);
}

bool dataset_duty_is_ours(const struct dataset_duty *duty) {
    return duty->is_ours;
}

int64_t dataset_duty_step(struct dataset_duty *duty, int64_t now_ms) {
    if (now_ms < duty->due_ms)
        return duty->due_ms;
    duty->due_ms = DEADLINE_NEVER; /* until the answer */
    duty->request_id = transport_start(duty->transport, &(struct request){
                                                            .verb = VERB_GET,
                                                            .group = RESOURCE_LEASES.group,
                                                            .version = RESOURCE_LEASES.version,
                                                            .plural = RESOURCE_LEASES.plural,
                                                            .namespace_name = duty->namespace_name,
                                                            .name = SV("dataset.data.fluid.io"),
                                                            .subresource = SV(""),
                                                            .label_selector = SV(""),
                                                            .field_selector = SV(""),
                                                            .timeout_ms = PERIOD_MS,
                                                        });
    return DEADLINE_NEVER;
}

static void decide(struct dataset_duty *duty, bool is_ours) {
    if (duty->is_told && duty->is_ours == is_ours)
        return;
    duty->is_told = true;
    duty->is_ours = is_ours;
    log_line(duty->log, LOG_INFO, "Datasets are %s",
             is_ours ? "ours to finish: no dataset controller renews its lease"
                     : "another controller's: it renews the lease dataset.data.fluid.io");
}

static void take_lease(struct dataset_duty *duty, const struct cJSON *lease, int64_t now_ms) {
    struct sv renewed =
        sv_prefix(json_find_string(lease, "spec.renewTime"), RENEW_TEXT_BYTES_MAX - 1);
    int64_t seconds = json_find_int(lease, "spec.leaseDurationSeconds", LEASE_SECONDS_DEFAULT);
    bool is_held = json_find_string(lease, "spec.holderIdentity").len > 0;
    if (seconds < 1 || seconds > LEASE_SECONDS_MAX)
        seconds = LEASE_SECONDS_DEFAULT;
    if (!sv_eq(renewed, sv_from(duty->renewed))) {
        memcpy(duty->renewed, renewed.ptr, renewed.len);
        duty->renewed[renewed.len] = '\0';
        duty->changed_ms = now_ms;
    }
    decide(duty, !is_held || now_ms >= duty->changed_ms + seconds * 1000);
}

static void tell_trouble(struct dataset_duty *duty, const struct error *err) {
    if (err->code != duty->told_trouble)
        log_line(duty->log, LOG_WARNING, "lease %.*s/dataset.data.fluid.io: %s",
                 SV_ARG(duty->namespace_name), err->message);
    duty->told_trouble = err->code;
}

void dataset_duty_take(struct dataset_duty *duty, const struct completion *completion,
                       int64_t now_ms) {
    if (!duty->request_id || completion->id != duty->request_id)
        return;
    duty->request_id = 0;
    duty->due_ms = now_ms + PERIOD_MS;
    if (completion->err.code == ERROR_NOT_FOUND) {
        decide(duty, true);
    } else if (completion->err.code != ERROR_NONE) {
        tell_trouble(duty, &completion->err);
        duty->due_ms = now_ms + RETRY_MS;
        return;
    } else {
        take_lease(duty, completion->body, now_ms);
    }
    duty->told_trouble = ERROR_NONE;
}
