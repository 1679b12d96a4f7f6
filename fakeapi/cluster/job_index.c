/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/job_index.h"

#include "core/base/arena.h"
#include "core/base/buf.h"

enum { TEXT_BYTES_MAX = 4 * 1024 * 1024 };

/* The first interval that ends at or after `index`. */
static size_t position_of(const struct index_set *set, int64_t index) {
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (set->items[middle].last < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool index_set_has(const struct index_set *set, int64_t index) {
    size_t at = position_of(set, index);
    return at < set->count && set->items[at].first <= index;
}

int64_t index_set_next_absent(const struct index_set *set, int64_t index) {
    size_t at = position_of(set, index);
    bool is_present = at < set->count && set->items[at].first <= index;
    return is_present ? set->items[at].last + 1 : index;
}

static void insert(struct index_set *set, size_t at, struct index_interval interval,
                   struct arena *arena) {
    if (set->count == set->capacity) {
        size_t capacity = set->capacity ? set->capacity * 2 : 8;
        struct index_interval *items = ARENA_ARRAY(arena, struct index_interval, capacity);
        if (set->count > 0)
            memcpy(items, set->items, set->count * sizeof(*items));
        set->items = items;
        set->capacity = capacity;
    }
    memmove(&set->items[at + 1], &set->items[at], (set->count - at) * sizeof(*set->items));
    set->items[at] = interval;
    set->count++;
}

void index_set_add(struct index_set *set, int64_t index, struct arena *arena) {
    size_t at = position_of(set, index);
    struct index_interval *next = at < set->count ? &set->items[at] : NULL;
    struct index_interval *before = at > 0 ? &set->items[at - 1] : NULL;
    bool joins_before = before && before->last == index - 1;
    bool joins_next = next && next->first == index + 1;
    if (next && next->first <= index)
        return;
    if (joins_before && joins_next) {
        before->last = next->last;
        memmove(next, next + 1, (set->count - at - 1) * sizeof(*next));
        set->count--;
    } else if (joins_before) {
        before->last = index;
    } else if (joins_next) {
        next->first = index;
    } else {
        insert(set, at, (struct index_interval){index, index}, arena);
    }
}

int64_t index_set_size(const struct index_set *set) {
    int64_t size = 0;
    for (size_t i = 0; i < set->count; i++)
        size += set->items[i].last - set->items[i].first + 1;
    return size;
}

static bool parse_interval(struct sv text, int64_t limit, struct index_interval *ret_interval) {
    struct index_interval interval;
    struct sv last = text, first = sv_cut(&last, '-');
    bool is_single = first.len == text.len;
    if (!sv_to_int64(first, &interval.first) ||
        !sv_to_int64(is_single ? first : last, &interval.last))
        return false;
    if (interval.last >= limit)
        interval.last = limit - 1;
    *ret_interval = interval;
    return interval.first >= 0 && interval.first <= interval.last;
}

struct index_set index_set_parse(struct sv text, int64_t limit, struct arena *arena) {
    struct index_set set = {0};
    while (text.len > 0 && set.count < INDEX_INTERVALS_MAX) {
        struct index_interval interval;
        if (!parse_interval(sv_cut(&text, ','), limit, &interval))
            continue;
        /* Whoever wrote the text may not have sorted it. */
        if (set.count > 0 && set.items[set.count - 1].last >= interval.first)
            continue;
        insert(&set, set.count, interval, arena);
    }
    return set;
}

struct sv index_set_format(const struct index_set *set, struct arena *arena) {
    struct buf buf;
    bool fits = true;
    buf_init(&buf, TEXT_BYTES_MAX);
    for (size_t i = 0; i < set->count && fits; i++) {
        struct index_interval one = set->items[i];
        const char *separator = i > 0 ? "," : "";
        /* Two neighbours are written as two. */
        fits = one.first == one.last ? buf_printf(&buf, "%s%lld", separator, (long long)one.first)
               : one.first + 1 == one.last ? buf_printf(&buf, "%s%lld,%lld", separator,
                                                        (long long)one.first, (long long)one.last)
                                           : buf_printf(&buf, "%s%lld-%lld", separator,
                                                        (long long)one.first, (long long)one.last);
    }
    struct sv text = arena_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}
