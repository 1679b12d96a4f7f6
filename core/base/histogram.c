/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/histogram.h"

#include "core/base/buf.h"

void histogram_init(struct histogram *histogram, const int64_t *bounds_ms, size_t bound_count) {
    assert(bound_count <= HISTOGRAM_BOUNDS_MAX);
    *histogram = (struct histogram){.bounds_ms = bounds_ms, .bound_count = bound_count};
}

void histogram_observe(struct histogram *histogram, int64_t duration_ms) {
    size_t bucket = 0;
    if (duration_ms < 0)
        duration_ms = 0;
    while (bucket < histogram->bound_count && duration_ms > histogram->bounds_ms[bucket])
        bucket++;
    histogram->counts[bucket]++;
    histogram->count++;
    histogram->sum_ms += (uint64_t)duration_ms;
}

bool histogram_write_head(struct buf *text, const char *name, const char *help) {
    return buf_printf(text, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
}

static bool write_bucket(const struct histogram *histogram, size_t bucket, uint64_t count,
                         const char *name, struct sv labels, struct buf *text) {
    const char *comma = labels.len > 0 ? "," : "";
    if (bucket == histogram->bound_count)
        return buf_printf(text, "%s_bucket{%.*s%sle=\"+Inf\"} %llu\n", name, SV_ARG(labels), comma,
                          (unsigned long long)count);
    return buf_printf(text, "%s_bucket{%.*s%sle=\"%g\"} %llu\n", name, SV_ARG(labels), comma,
                      (double)histogram->bounds_ms[bucket] / 1000, (unsigned long long)count);
}

bool histogram_write(const struct histogram *histogram, const char *name, struct sv labels,
                     struct buf *text) {
    uint64_t count = 0;
    bool fits = true;
    for (size_t i = 0; i <= histogram->bound_count && fits; i++) {
        count += histogram->counts[i];
        fits = write_bucket(histogram, i, count, name, labels, text);
    }
    const char *open = labels.len > 0 ? "{" : "", *close = labels.len > 0 ? "}" : "";
    return fits && buf_printf(text, "%s_sum%s%.*s%s %.3f\n%s_count%s%.*s%s %llu\n", name, open,
                              SV_ARG(labels), close, (double)histogram->sum_ms / 1000, name, open,
                              SV_ARG(labels), close, (unsigned long long)histogram->count);
}
