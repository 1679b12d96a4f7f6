/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_programs.h"

#include "core/base/test.h"

#include <unistd.h>

static const char page[] = "# HELP writes_total Writes.\n"
                           "writes_total{verb=\"patch\",kind=\"pods\"} 3\n"
                           "writes_total_more{verb=\"patch\",kind=\"pods\"} 99\n"
                           "seconds_total 1.5\n"
                           "writes_total{verb=\"create\",kind=\"events\"} 1e3\n"
                           "writes_total{verb=\"cut";

TEST(samples_of_one_metric_come_out_in_order_with_their_labels) {
    static const struct {
        const char *verb, *kind;
        double value;
    } samples[] = {{"patch", "pods", 3}, {"create", "events", 1000}};
    struct sv rest = sv_from(page), labels;
    double value;
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        CHECK(bench_metric_next(&rest, SV("writes_total"), &labels, &value));
        CHECK(value == samples[i].value);
        CHECK_SV(bench_metric_label(labels, SV("verb")), sv_from(samples[i].verb));
        CHECK_SV(bench_metric_label(labels, SV("kind")), sv_from(samples[i].kind));
        CHECK_SV(bench_metric_label(labels, SV("code")), SV(""));
    }
    CHECK(!bench_metric_next(&rest, SV("writes_total"), &labels, &value));
    rest = sv_from(page);
    CHECK(bench_metric_next(&rest, SV("seconds_total"), &labels, &value));
    CHECK(value == 1.5 && labels.len == 0);
}

TEST(a_process_tells_what_it_used_and_one_that_is_not_there_does_not) {
    double value = 0;
    CHECK(bench_pid_cpu_ms(getpid(), &value));
    CHECK(value >= 0 && value < 3600e3);
    CHECK(bench_pid_peak_kib(getpid(), &value));
    CHECK(value > 100 && value < 1e8);
    CHECK(!bench_pid_cpu_ms(0, &value));
    CHECK(!bench_pid_peak_kib(0, &value));
}
