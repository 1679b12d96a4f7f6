/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/daemon_log.h"

#include "core/base/mem.h"
#include "core/base/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    PIPE_BYTES = 4096,
    /* More than a pipe and what may wait, whatever stands in front of each. */
    LINES = (PIPE_BYTES + LOG_WAITING_BYTES_MAX) / 16,
    READ_BYTES_MAX = 2 * (PIPE_BYTES + LOG_WAITING_BYTES_MAX),
};

static void write_number(struct daemon_log *log, int number) {
    log_line(daemon_log_base(log), LOG_INFO, "line %d.", number);
}

/* All that can be read, while the log sends what waits. */
static struct sv read_all(int descriptor, struct daemon_log *log, char *bytes) {
    size_t len = 0;
    for (;;) {
        ssize_t got = read(descriptor, bytes + len, READ_BYTES_MAX - len);
        if (got <= 0)
            return (struct sv){bytes, len};
        len += (size_t)got;
        daemon_log_flush(log);
    }
}

/* "... line 7." without end or beginning in between: 0, 1, 2, ... up to `ret_count`; what follows
 * is returned. */
static struct sv take_numbers(struct sv text, int first, int *ret_count) {
    int number = first;
    for (struct sv rest = text; rest.len > 0; text = rest, number++) {
        char wanted[32];
        snprintf(wanted, sizeof(wanted), "info    line %d.", number);
        if (!sv_contains(sv_cut(&rest, '\n'), sv_from(wanted)))
            break;
    }
    *ret_count = number - first;
    return text;
}

/* Nobody reads: nothing waits for it. Then somebody does: what waited comes in order, and behind it
 * how much is lost. */
TEST(a_full_pipe_holds_nobody_up) {
    int ends[2], kept, later;
    CHECK(pipe(ends) == 0);
    CHECK(fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES) == PIPE_BYTES);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    AUTO(daemon_log) log = daemon_log_new(ends[1], LOG_INFO, false);
    char *bytes = mem_alloc(READ_BYTES_MAX);

    for (int i = 0; i < LINES; i++)
        write_number(log, i);
    int lost = (int)daemon_log_lost_count(log);
    struct sv rest = take_numbers(read_all(ends[0], log, bytes), 0, &kept);
    CHECK(lost > 0 && kept + lost == LINES);
    char note[64];
    snprintf(note, sizeof(note), "nobody read this log: %d lines of it are lost\n", lost);
    CHECK(sv_contains(rest, sv_from(note)));
    CHECK(sv_find(rest, '\n') + 1 == rest.len);

    /* From then on all is as before, and said once. */
    write_number(log, LINES);
    rest = take_numbers(read_all(ends[0], log, bytes), LINES, &later);
    CHECK(later == 1 && rest.len == 0);
    CHECK((int)daemon_log_lost_count(log) == lost);
    mem_free(bytes);
    close(ends[0]);
    close(ends[1]);
}

/* A descriptor that others have, too, is left as it is. */
TEST(a_reader_that_comes_late_loses_nothing) {
    int ends[2], kept;
    CHECK(pipe(ends) == 0);
    CHECK(fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES) == PIPE_BYTES);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    AUTO(daemon_log) log = daemon_log_new(ends[1], LOG_INFO, false);
    char *bytes = mem_alloc(READ_BYTES_MAX);

    for (int i = 0; i < PIPE_BYTES; i++)
        write_number(log, i);
    struct sv rest = take_numbers(read_all(ends[0], log, bytes), 0, &kept);
    CHECK(kept == PIPE_BYTES && rest.len == 0);
    CHECK(daemon_log_lost_count(log) == 0);
    CHECK((fcntl(ends[1], F_GETFL) & O_NONBLOCK) == 0);
    mem_free(bytes);
    close(ends[0]);
    close(ends[1]);
}

TEST(a_pipe_without_a_reader_loses_all_and_is_no_reason_to_end) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    close(ends[0]);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    AUTO(daemon_log) log = daemon_log_new(ends[1], LOG_INFO, false);
    for (int i = 0; i < 3; i++) {
        CHECK(daemon_log_lost_count(log) == (uint64_t)i);
        write_number(log, i);
    }
    CHECK(daemon_log_lost_count(log) == 3);
    signal(SIGPIPE, before);
    close(ends[1]);
}

TEST(a_file_takes_everything_at_once) {
    int file = memfd_create("log", MFD_CLOEXEC);
    int kept;
    AUTO(daemon_log) log = daemon_log_new(file, LOG_INFO, false);
    char *bytes = mem_alloc(READ_BYTES_MAX);
    for (int i = 0; i < PIPE_BYTES; i++)
        write_number(log, i);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    CHECK(take_numbers(read_all(file, log, bytes), 0, &kept).len == 0);
    CHECK(kept == PIPE_BYTES);
    mem_free(bytes);
    close(file);
}

/* What comes from objects may hold anything. */
TEST(one_event_is_one_line_in_either_form) {
    static const struct {
        bool is_json;
        const char *end;
    } cases[] = {
        {false, " warning a\\x0ab\\x7f\"\n"},
        {true, "\",\"level\":\"warning\",\"msg\":\"a\\nb\x7f\\\"\"}\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char bytes[256];
        int ends[2];
        CHECK(pipe(ends) == 0);
        AUTO(daemon_log) log = daemon_log_new(ends[1], LOG_WARNING, cases[i].is_json);
        log_line(daemon_log_base(log), LOG_INFO, "too unimportant");
        log_line(daemon_log_base(log), LOG_WARNING, "a\nb\x7f\"");
        ssize_t got = read(ends[0], bytes, sizeof(bytes));
        CHECK(got > 0);
        struct sv text = {bytes, (size_t)got};
        CHECK(sv_contains(text, sv_from(cases[i].end)) && sv_find(text, '\n') + 1 == text.len);
        close(ends[0]);
        close(ends[1]);
    }
}
