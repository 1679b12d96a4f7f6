/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/trouble.h"

bool trouble_is_due(struct trouble *trouble, struct sv cause, int64_t now_ms) {
    uint64_t hash = sv_hash(cause);
    size_t free_index = TROUBLE_CAUSES_MAX;
    for (size_t i = 0; i < TROUBLE_CAUSES_MAX; i++) {
        bool is_over = trouble->told[i].until_ms <= now_ms;
        if (!is_over && trouble->told[i].cause == hash)
            return false;
        if (is_over && free_index == TROUBLE_CAUSES_MAX)
            free_index = i;
    }
    if (free_index == TROUBLE_CAUSES_MAX)
        return false;
    trouble->told[free_index].cause = hash;
    trouble->told[free_index].until_ms = now_ms + TROUBLE_TELL_MS;
    return true;
}
