/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/node_capacity.h"

#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/component.h"
#include "core/reconcile/entries.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/tiered_store.h"

struct quotas {
    struct quantity memory, disk;
};

static struct quantity times(struct quantity quantity, size_t count) {
    quantity.nano *= (__int128)count;
    return quantity;
}

/* Of all levels of one pod. */
static struct quotas sum_quotas(struct pass *pass, const struct component *component) {
    struct quotas sum = {{0, QUANTITY_BINARY_SI}, {0, QUANTITY_BINARY_SI}};
    size_t index = 0;
    JSON_EACH (declared, component->levels) {
        struct tier_level level = tier_level_read(declared, index++);
        for (size_t i = 0; i < level.path_count; i++) {
            struct quantity quota;
            if (!quantity_parse(tier_level_quota(&level, i, pass->arena), &quota))
                continue;
            struct quantity *part = tier_level_is_memory(&level) ? &sum.memory : &sum.disk;
            *part = quantity_add(*part, quota);
        }
    }
    return sum;
}

/* "10GiB": a quantity as people write it. */
static struct sv quota_text(struct pass *pass, struct quantity quota) {
    if (quota.nano <= 0)
        return SV("");
    return pass_printf(pass, "%.*sB", SV_ARG(quantity_format(quota, pass->arena)));
}

/* Bytes in the largest unit that leaves one before the point, exact or with two digits. */
static struct sv bytes_text(struct pass *pass, int64_t bytes) {
    static const char prefixes[] = "KMGTPE";
    size_t count = 0;
    int64_t one = 1;
    for (; count < strlen(prefixes) && bytes / one >= 1024; count++)
        one *= 1024;
    struct sv unit = count > 0 ? pass_printf(pass, "%ciB", prefixes[count - 1]) : SV("B");
    if (bytes % one == 0)
        return pass_printf(pass, "%lld%.*s", (long long)(bytes / one), SV_ARG(unit));
    __int128 hundredths = (__int128)bytes * 100 / one;
    return pass_printf(pass, "%lld.%02d%.*s", (long long)(hundredths / 100),
                       (int)(hundredths % 100), SV_ARG(unit));
}

/* "1.50GiB", "1.5 GiB", "20G", "512B": sizes as engines print them. */
static bool parse_size(struct pass *pass, struct sv text, struct quantity *ret_size) {
    struct sv rest = sv_trim(text);
    struct sv number = sv_trim(sv_cut(&rest, ' '));
    text = pass_printf(pass, "%.*s%.*s", SV_ARG(number), SV_ARG(sv_trim(rest)));
    if (sv_ends_with(text, SV("B")))
        text = sv_prefix(text, text.len - 1);
    return quantity_parse(text, ret_size) && ret_size->nano > 0;
}

/* What the engine says that the whole cache holds; the status keeps it over restarts. */
static bool reported_total(struct pass *pass, struct quantity *ret_total) {
    struct sv text = pass->report ? json_find_string(pass->report, "cacheCapacity")
                                  : json_find_string(pass->snapshot->runtime,
                                                     "status.cacheStates.cacheCapacity");
    return parse_size(pass, text, ret_total);
}

static struct sv total_of(struct pass *pass, const struct component *component, size_t pod_count,
                          struct sv before, const struct quotas *quotas) {
    struct quantity total;
    bool is_reported = reported_total(pass, &total);
    if (is_reported && pass->report && entry_report_counts(pass, component)) {
        __int128 share = total.nano * (__int128)pod_count / component->ready / 1000000000;
        return bytes_text(pass, (int64_t)share);
    }
    if (is_reported && before.len > 0)
        return before;
    return quota_text(pass, times(quantity_add(quotas->memory, quotas->disk), pod_count));
}

struct node_capacity node_capacity_of(struct pass *pass, const struct component *component,
                                      size_t pod_count, struct sv before) {
    struct quotas quotas = sum_quotas(pass, component);
    return (struct node_capacity){
        .total = total_of(pass, component, pod_count, before, &quotas),
        .memory = quota_text(pass, times(quotas.memory, pod_count)),
        .disk = quota_text(pass, times(quotas.disk, pod_count)),
    };
}
