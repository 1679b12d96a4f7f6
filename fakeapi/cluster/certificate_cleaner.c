/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/certificate_cleaner.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"

struct certificate_cleaner {
    struct agent_part *part; /* keys are names */
    struct agent_cache *requests;
};

/* Its time stands in whole seconds. */
static int64_t end_of(struct sv time, int64_t kept_ms) {
    int64_t at_ms;
    return api_time_parse(time, &at_ms) ? at_ms + kept_ms + 1000 : INT64_MAX;
}

/* When a request goes; INT64_MAX: not as it stands. */
static int64_t end_of_request(const struct cJSON *tree) {
    static const struct sv decided[] = {SV("Approved"), SV("Denied"), SV("Failed")};
    const struct cJSON *conditions = json_find(tree, "status.conditions");
    bool is_signed = json_find_string(tree, "status.certificate").len > 0;
    int64_t first_ms = INT64_MAX;
    if (json_count(conditions) == 0)
        return end_of(json_find_string(tree, "metadata.creationTimestamp"),
                      CERTIFICATE_PENDING_KEPT_MS);
    for (size_t i = is_signed ? 0 : 1; i < COUNT_OF(decided); i++) {
        struct sv time =
            json_string_or(object_condition(tree, decided[i]), SV("lastUpdateTime"), SV(""));
        int64_t end_ms = end_of(time, CERTIFICATE_DECIDED_KEPT_MS);
        first_ms = end_ms < first_ms ? end_ms : first_ms;
    }
    return first_ms;
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct certificate_cleaner *cleaner = context;
    const struct cJSON *tree = cache_get(cleaner->requests, SV(""), key);
    int64_t end_ms = tree && !object_is_deleting(tree) ? end_of_request(tree) : INT64_MAX;
    if (end_ms == INT64_MAX)
        return;
    if (agent_now_ms(agent_of(part)) < end_ms) {
        agent_mark(part, key, end_ms);
        return;
    }
    struct request request = agent_delete(arena, &RESOURCE_CERTIFICATE_SIGNING_REQUESTS, tree, -1);
    agent_send(part, key, &request);
}

static void handle_request(void *context, const struct cJSON *object, const struct cJSON *before,
                           bool is_gone) {
    struct certificate_cleaner *cleaner = context;
    (void)before;
    if (!is_gone)
        agent_mark(cleaner->part, object_name(object), 0);
}

struct certificate_cleaner *certificate_cleaner_new(struct agent *agent) {
    struct certificate_cleaner *cleaner = mem_alloc(sizeof(*cleaner));
    cleaner->part = agent_add_part(agent, SV("csrcleaning"), reconcile, cleaner);
    cleaner->requests =
        agent_watch(agent, &RESOURCE_CERTIFICATE_SIGNING_REQUESTS, handle_request, cleaner);
    return cleaner;
}

void certificate_cleaner_free(struct certificate_cleaner *cleaner) {
    mem_free(cleaner);
}
