/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/histogram.h"

#include "core/base/buf.h"
#include "core/base/test.h"

static const int64_t bounds_ms[] = {5, 1000};

TEST(counts_are_cumulative_and_a_bound_belongs_to_its_bucket) {
    struct histogram histogram;
    struct buf text;
    histogram_init(&histogram, bounds_ms, COUNT_OF(bounds_ms));
    static const int64_t durations_ms[] = {0, 5, 6, 1000, 1001, -7};
    for (size_t i = 0; i < COUNT_OF(durations_ms); i++)
        histogram_observe(&histogram, durations_ms[i]);
    buf_init(&text, 4096);
    CHECK(histogram_write_head(&text, "x_seconds", "How long."));
    CHECK(histogram_write(&histogram, "x_seconds", SV(""), &text));
    CHECK(histogram_write(&histogram, "x_seconds", SV("a=\"b\""), &text));
    CHECK_SV(buf_view(&text), SV("# HELP x_seconds How long.\n"
                                 "# TYPE x_seconds histogram\n"
                                 "x_seconds_bucket{le=\"0.005\"} 3\n"
                                 "x_seconds_bucket{le=\"1\"} 5\n"
                                 "x_seconds_bucket{le=\"+Inf\"} 6\n"
                                 "x_seconds_sum 2.012\n"
                                 "x_seconds_count 6\n"
                                 "x_seconds_bucket{a=\"b\",le=\"0.005\"} 3\n"
                                 "x_seconds_bucket{a=\"b\",le=\"1\"} 5\n"
                                 "x_seconds_bucket{a=\"b\",le=\"+Inf\"} 6\n"
                                 "x_seconds_sum{a=\"b\"} 2.012\n"
                                 "x_seconds_count{a=\"b\"} 6\n"));
    buf_release(&text);
}

TEST(a_buffer_that_is_full_is_told) {
    struct histogram histogram;
    struct buf text;
    histogram_init(&histogram, bounds_ms, COUNT_OF(bounds_ms));
    buf_init(&text, 40);
    CHECK(!histogram_write(&histogram, "x_seconds", SV(""), &text));
    buf_release(&text);
}
