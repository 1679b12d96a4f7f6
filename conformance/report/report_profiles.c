/* SPDX-License-Identifier: Apache-2.0 */
/* The groups of checks that belong to what a class claims. */
#include "conformance/report/report_parts.h"

#include "conformance/check.h"
#include "core/base/arena.h"
#include "core/data/json.h"

/* Features as words: all of them, none of those behind a "!". Checks as ids or their first
 * letters. MUST checks of a profile are its core, the others its extension. */
static const struct {
    const char *name, *features, *checks, *extension;
} profiles[] = {
    {"core-master-worker", "role-master role-worker",
     "SCH TOPO WORK SVC VOL CONF RDY BIND DEL PORT", "EXEC MNT SCALE"},
    {"core-p2p", "role-worker !role-master", "SCH TOPO WORK SVC VOL CONF RDY BIND DEL PORT",
     "EXEC SCALE"},
    {"client-fuse", "role-client fuse", "HARD-002 HARD-006 RDY-003 DEL-002 DEL-003", ""},
    {"client-less", "!role-client", "TOPO-003", "TOPO-006"},
    {"client-only", "role-client !role-master !role-worker", "SCH TOPO WORK VOL CONF BIND DEL PORT",
     ""},
    {"ha-masters", "ha-masters", "HLTH-001", ""},
    {"ufs-mounts", "ufs",
     "EXEC-003 EXEC-004 EXEC-005 EXEC-006 EXEC-007 EXEC-008 MNT-001 MNT-003 BIND-002", "MNT-004"},
    {"tiered-store", "tiered", "TIER-001 TIER-002", ""},
    {"secrets", "secrets", "SEC-001 SEC-002 SEC-003 HARD-005", "SEC-004"},
    {"dataload", "dataload", "DOP-001", "DOP-006"},
    {"elastic", "role-worker", "SCALE-001", "SCALE-003"},
};

static bool has_feature(const struct cJSON *report, struct sv name) {
    JSON_EACH (feature, json_get(report, SV("features"))) {
        if (sv_eq(json_string_or(feature, SV("name"), SV("")), name))
            return true;
    }
    return false;
}

static bool is_claimed(const struct cJSON *report, struct sv words) {
    while (words.len > 0) {
        struct sv word = sv_cut(&words, ' ');
        bool is_unwanted = sv_starts_with(word, SV("!"));
        if (has_feature(report, sv_drop(word, is_unwanted ? 1 : 0)) == is_unwanted)
            return false;
    }
    return true;
}

static bool is_listed(const struct check *check, struct sv words) {
    while (words.len > 0) {
        if (sv_starts_with(check->id, sv_cut(&words, ' ')))
            return true;
    }
    return false;
}

static bool is_in_part(const struct check *check, size_t profile, bool is_core) {
    bool is_in_core = is_listed(check, sv_from(profiles[profile].checks));
    bool is_required = is_in_core && check->level == CHECK_MUST;
    return is_core ? is_required
                   : !is_required &&
                         (is_in_core || is_listed(check, sv_from(profiles[profile].extension)));
}

/* The worst outcome of one check; false when it says nothing of this class. */
static bool worst_state(const struct check_results *results, const struct check *check,
                        enum check_state *ret_state) {
    bool is_found = false, is_skipped = false;
    enum check_state worst = CHECK_STATE_DISABLED;
    for (size_t i = 0; i < results->count; i++) {
        if (results->items[i].check != check)
            continue;
        enum check_state state = results->items[i].state;
        is_found = true;
        is_skipped = is_skipped || state == CHECK_STATE_SKIP_UNOBSERVABLE;
        worst = state > worst ? state : worst;
    }
    if (worst == CHECK_STATE_PASS && is_skipped)
        worst = CHECK_STATE_SKIP_UNOBSERVABLE;
    *ret_state = is_found ? worst : CHECK_STATE_SKIP_UNOBSERVABLE;
    return *ret_state != CHECK_STATE_SKIP_UNSUPPORTED && *ret_state != CHECK_STATE_DISABLED;
}

struct tally {
    int64_t pass, fail, xfail, not_executed;
};

static struct sv result_of(const struct tally *tally) {
    if (tally->fail + tally->xfail > 0)
        return SV("failure");
    return tally->not_executed > 0 ? SV("partial") : SV("success");
}

static void add_part(const struct check_results *results, size_t profile, bool is_core,
                     struct arena *arena, struct cJSON *map) {
    struct tally tally = {0};
    struct cJSON *failed = json_list(arena), *not_executed = json_list(arena);
    const struct check *check;
    enum check_state state;
    for (size_t i = 0; (check = catalogue_at(i)); i++) {
        if (!is_in_part(check, profile, is_core) || !worst_state(results, check, &state))
            continue;
        bool is_failed = state == CHECK_STATE_FAIL || state == CHECK_STATE_XFAIL;
        bool is_executed = is_failed || state == CHECK_STATE_PASS;
        tally.pass += state == CHECK_STATE_PASS;
        tally.fail += state == CHECK_STATE_FAIL;
        tally.xfail += state == CHECK_STATE_XFAIL;
        tally.not_executed += !is_executed;
        if (is_failed || !is_executed)
            json_append(is_failed ? failed : not_executed, json_string(arena, check->id));
    }
    json_set_string(arena, map, SV("result"), result_of(&tally));
    struct cJSON *statistics = json_ensure_map(arena, map, SV("statistics"));
    json_set_int(arena, statistics, SV("pass"), tally.pass);
    json_set_int(arena, statistics, SV("fail"), tally.fail);
    json_set_int(arena, statistics, SV("xfail"), tally.xfail);
    json_set_int(arena, statistics, SV("notExecuted"), tally.not_executed);
    json_set(arena, map, SV("failed"), failed);
    json_set(arena, map, SV("notExecuted"), not_executed);
}

void report_add_profiles(const struct check_results *results, struct arena *arena,
                         struct cJSON *report) {
    struct cJSON *list = json_ensure_list(arena, report, SV("profiles"));
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        if (!is_claimed(report, sv_from(profiles[i].features)))
            continue;
        struct cJSON *profile = json_append(list, json_map(arena));
        json_set_string(arena, profile, SV("name"), sv_from(profiles[i].name));
        struct cJSON *core = json_ensure_map(arena, profile, SV("core"));
        struct cJSON *extended = json_ensure_map(arena, profile, SV("extended"));
        add_part(results, i, true, arena, core);
        add_part(results, i, false, arena, extended);
        json_set_string(arena, profile, SV("summary"),
                        arena_printf(arena, "core %.*s, extended %.*s",
                                     SV_ARG(json_string_or(core, SV("result"), SV(""))),
                                     SV_ARG(json_string_or(extended, SV("result"), SV("")))));
    }
}
