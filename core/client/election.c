/* SPDX-License-Identifier: Apache-2.0 */
#include "core/client/election.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/client/transport.h"
#include "core/data/json.h"

enum phase { PHASE_RESTING, PHASE_GETTING, PHASE_WRITING, PHASE_RELEASING, PHASE_DONE };

struct election {
    struct election_options options;
    struct arena *texts;
    struct rng rng;
    enum phase phase;
    uint64_t request_id;
    int64_t started_ms; /* the request */
    int64_t retry_ms;   /* when the next attempt begins */
    bool is_leading;
    int64_t leads_until_ms;
    int64_t release_wall_ms; /* when it is given back; 0: not while a renewal is under way */

    /* The lease as it was seen last, and when it was seen to change. */
    struct arena *arena;
    const struct cJSON *lease;
    int64_t seen_ms;
    struct error trouble;
};

struct election *election_new(const struct election_options *options) {
    struct election *election = mem_alloc(sizeof(*election));
    struct arena *texts = arena_new();
    *election = (struct election){.options = *options, .texts = texts, .arena = arena_new()};
    election->options.namespace_name = arena_copy(texts, options->namespace_name);
    election->options.name = arena_copy(texts, options->name);
    election->options.identity = arena_copy(texts, options->identity);
    rng_init_named(&election->rng, options->seed, SV("election"));
    return election;
}

void election_free(struct election *election) {
    if (!election)
        return;
    if (election->request_id)
        transport_cancel(election->options.transport, election->request_id);
    arena_free(election->arena);
    arena_free(election->texts);
    mem_free(election);
}

bool election_is_leading(const struct election *election) {
    return election->is_leading;
}

struct sv election_leader(const struct election *election) {
    return json_find_string(election->lease, "spec.holderIdentity");
}

const struct error *election_trouble(const struct election *election) {
    return election->trouble.code == ERROR_NONE ? NULL : &election->trouble;
}

bool election_is_releasing(const struct election *election) {
    return election->phase == PHASE_RELEASING;
}

/* --- requests --- */

static void start(struct election *election, enum verb verb, const struct cJSON *body) {
    bool has_name = verb != VERB_CREATE;
    /* An attempt that hangs must leave time for another one before the deadline. */
    int64_t timeout_ms = election->options.renew_ms / 2;
    election->request_id = transport_start(election->options.transport,
                                           &(struct request){
                                               .verb = verb,
                                               .group = RESOURCE_LEASES.group,
                                               .version = RESOURCE_LEASES.version,
                                               .plural = RESOURCE_LEASES.plural,
                                               .namespace_name = election->options.namespace_name,
                                               .name = has_name ? election->options.name : SV(""),
                                               .subresource = SV(""),
                                               .label_selector = SV(""),
                                               .field_selector = SV(""),
                                               .body = body,
                                               .timeout_ms = timeout_ms,
                                           });
}

static bool is_ours(const struct election *election) {
    return sv_eq(election_leader(election), election->options.identity);
}

/* The field is an int32, which others may have brought to its end or written anything else into. */
static int64_t transitions_of(const struct cJSON *spec) {
    int64_t transitions = json_int_or(spec, SV("leaseTransitions"), 0);
    return transitions >= 0 && transitions < INT32_MAX ? transitions : 0;
}

/* Writes ourselves into the lease that we know, or makes one. */
static void start_claim(struct election *election, int64_t wall_ms) {
    AUTO(arena) arena = arena_new();
    struct cJSON *lease =
        election->lease ? json_copy(arena, election->lease)
                        : object_new(arena, &RESOURCE_LEASES, election->options.namespace_name,
                                     election->options.name);
    struct cJSON *spec = json_ensure_map(arena, lease, SV("spec"));
    struct sv now = api_time_format_micro(wall_ms, arena);
    bool is_transition = election->lease && !is_ours(election);
    json_set_int(arena, spec, SV("leaseTransitions"), transitions_of(spec) + is_transition);
    if (!election->lease || !is_ours(election))
        json_set_string(arena, spec, SV("acquireTime"), now);
    json_set_string(arena, spec, SV("holderIdentity"), election->options.identity);
    json_set_int(arena, spec, SV("leaseDurationSeconds"), election->options.lease_ms / 1000);
    json_set_string(arena, spec, SV("renewTime"), now);
    election->phase = PHASE_WRITING;
    start(election, election->lease ? VERB_UPDATE : VERB_CREATE, lease);
}

static void start_attempt(struct election *election, int64_t now_ms, int64_t wall_ms) {
    election->started_ms = now_ms;
    /* The holder knows the lease: nobody else may have written it. */
    if (election->is_leading && election->lease) {
        start_claim(election, wall_ms);
        return;
    }
    election->phase = PHASE_GETTING;
    start(election, VERB_GET, NULL);
}

static void start_release(struct election *election, int64_t wall_ms) {
    AUTO(arena) arena = arena_new();
    struct cJSON *lease = json_copy(arena, election->lease);
    struct cJSON *spec = json_ensure_map(arena, lease, SV("spec"));
    struct sv now = api_time_format_micro(wall_ms, arena);
    json_set_string(arena, spec, SV("holderIdentity"), SV(""));
    json_set_int(arena, spec, SV("leaseDurationSeconds"), 1);
    json_set_string(arena, spec, SV("acquireTime"), now);
    json_set_string(arena, spec, SV("renewTime"), now);
    start(election, VERB_UPDATE, lease);
}

void election_release(struct election *election, int64_t wall_ms) {
    bool has_lease = election->is_leading && election->lease;
    /* Which version there is to give back shows when a renewal is answered. */
    bool is_renewing = has_lease && election->request_id && election->phase == PHASE_WRITING;
    if (election->request_id && !is_renewing) {
        transport_cancel(election->options.transport, election->request_id);
        election->request_id = 0;
    }
    election->is_leading = false;
    election->phase = has_lease ? PHASE_RELEASING : PHASE_DONE;
    if (is_renewing)
        election->release_wall_ms = wall_ms;
    else if (has_lease)
        start_release(election, wall_ms);
}

/* --- answers --- */

static void see(struct election *election, const struct cJSON *lease, int64_t now_ms) {
    bool is_same = election->lease &&
                   json_equal(json_get(election->lease, SV("spec")), json_get(lease, SV("spec")));
    if (!is_same)
        election->seen_ms = now_ms;
    struct arena *arena = arena_new();
    election->lease = json_copy(arena, lease);
    arena_free(election->arena);
    election->arena = arena;
}

static void rest(struct election *election, int64_t now_ms) {
    election->phase = PHASE_RESTING;
    int64_t wait_ms = election->options.retry_ms;
    if (!election->is_leading)
        wait_ms += (int64_t)rng_below(&election->rng, (uint64_t)wait_ms * 6 / 5 + 1);
    election->retry_ms = now_ms + wait_ms;
}

static bool is_taken(const struct election *election, int64_t now_ms) {
    return election_leader(election).len > 0 && !is_ours(election) &&
           now_ms < election->seen_ms + election->options.lease_ms;
}

static void forget_lease(struct election *election) {
    arena_reset(election->arena);
    election->lease = NULL;
}

static void take_lease(struct election *election, const struct completion *completion,
                       int64_t now_ms) {
    /* That there is none is no trouble; whether one can be made shows then. */
    if (completion->err.code != ERROR_NOT_FOUND)
        election->trouble = completion->err;
    if (completion->err.code == ERROR_NOT_FOUND) {
        /* Somebody deleted it; whoever held it goes on until the holder's own deadline. */
        if (!is_taken(election, now_ms))
            forget_lease(election);
    } else if (completion->err.code != ERROR_NONE) {
        rest(election, now_ms);
        return;
    } else {
        see(election, completion->body, now_ms);
    }
    election->is_leading = election->is_leading && is_ours(election);
    if (is_taken(election, now_ms)) {
        rest(election, now_ms);
        return;
    }
    /* The claim is made by the next step, which knows the wall's time. */
    election->phase = PHASE_WRITING;
}

/* Somebody wrote the lease, or deleted it. When one that is made anew is not found, it is the
 * namespace that is missing. */
static bool is_overtaken(const struct election *election, enum error_code code) {
    return code == ERROR_CONFLICT || code == ERROR_ALREADY_EXISTS ||
           (code == ERROR_NOT_FOUND && election->lease);
}

static void take_claim(struct election *election, const struct completion *completion,
                       int64_t now_ms) {
    election->trouble = completion->err;
    if (completion->err.code == ERROR_NONE) {
        see(election, completion->body, now_ms);
        election->is_leading = is_ours(election);
        /* From when it was asked for: the server counts from no later than that. */
        election->leads_until_ms = election->started_ms + election->options.renew_ms;
    } else if (is_overtaken(election, completion->err.code)) {
        /* Perhaps by us, when an answer was lost: look before the next attempt. */
        election->trouble = (struct error){0};
        forget_lease(election);
    }
    rest(election, now_ms);
}

/* Of a renewal that was under way when the lease was to be given back, or of giving it back. */
static void take_release(struct election *election, const struct completion *completion,
                         int64_t now_ms) {
    if (election->release_wall_ms == 0) {
        election->phase = PHASE_DONE;
        return;
    }
    if (completion->err.code == ERROR_NONE)
        see(election, completion->body, now_ms);
    start_release(election, election->release_wall_ms);
    election->release_wall_ms = 0;
}

bool election_take(struct election *election, const struct completion *completion, int64_t now_ms) {
    if (election->request_id == 0 || completion->id != election->request_id)
        return false;
    election->request_id = 0;
    if (election->phase == PHASE_GETTING)
        take_lease(election, completion, now_ms);
    else if (election->phase == PHASE_WRITING)
        take_claim(election, completion, now_ms);
    else
        take_release(election, completion, now_ms);
    return true;
}

int64_t election_step(struct election *election, int64_t now_ms, int64_t wall_ms) {
    if (election->is_leading && now_ms >= election->leads_until_ms)
        election->is_leading = false;
    if (election->phase == PHASE_RESTING && now_ms >= election->retry_ms)
        start_attempt(election, now_ms, wall_ms);
    else if (election->phase == PHASE_WRITING && !election->request_id)
        start_claim(election, wall_ms);
    int64_t next_ms = election->phase == PHASE_RESTING ? election->retry_ms : DEADLINE_NEVER;
    return election->is_leading && election->leads_until_ms < next_ms ? election->leads_until_ms
                                                                      : next_ms;
}
