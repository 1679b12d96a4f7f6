/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/explore_findings.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/yaml.h"

#include <errno.h>
#include <unistd.h>

enum { SCENARIO_YAML_BYTES_MAX = 4 * 1024 * 1024, PROGRESS_EACH = 16 };

static void tell_progress(const struct explore_findings *findings) {
    if (!isatty(STDERR_FILENO) || findings->done % PROGRESS_EACH != 0)
        return;
    fprintf(stderr, "\r%llu", (unsigned long long)findings->done);
    if (findings->wanted > 0)
        fprintf(stderr, " of %llu", (unsigned long long)findings->wanted);
    fprintf(stderr, " cases, %zu failures ", findings->failure_count);
}

bool explore_take(void *context, uint64_t number, enum property broken, struct sv message) {
    struct explore_findings *findings = context;
    findings->done++;
    findings->invalid += broken == PROPERTY_INVALID;
    if (broken != PROPERTY_NONE && broken != PROPERTY_INVALID)
        findings->failures[findings->failure_count++] =
            (struct explore_failure){number, broken, arena_copy(findings->arena, message)};
    tell_progress(findings);
    return findings->failure_count < findings->options->failures_max;
}

static int compare_failures(const void *a, const void *b) {
    const struct explore_failure *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

void explore_sort(struct explore_findings *findings) {
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
    qsort(findings->failures, findings->failure_count, sizeof(findings->failures[0]),
          compare_failures);
}

int explore_finish(const struct explore_findings *findings, uint64_t done) {
    bool is_cut_short = findings->failure_count == findings->options->failures_max;
    printf("%llu cases, %zu failures%s", (unsigned long long)done, findings->failure_count,
           is_cut_short ? " (stopped there; --failures for more)" : "");
    if (findings->invalid > 0)
        printf(", %llu without a meaning (a step about an object that is not there)",
               (unsigned long long)findings->invalid);
    printf("\n");
    if (done == 0)
        return EXIT_HARNESS;
    return findings->failure_count > 0 ? EXIT_FINDINGS : EXIT_HELD;
}

void explore_print_failure(struct sv what, const struct property_result *result, struct sv replay) {
    struct sv property = property_text(result->broken), rest = result->message;
    printf("fail  %.*s  %.*s\n", SV_ARG(what), SV_ARG(property));
    while (rest.len > 0) {
        struct sv line = sv_cut(&rest, '\n');
        printf("  %.*s\n", SV_ARG(line));
    }
    printf("  replay: crctl explore %.*s\n", SV_ARG(replay));
}

/* --- scenarios as files --- */

static bool write_yaml(const struct cJSON *scenario, struct arena *arena, struct sv *ret_text,
                       struct error *err) {
    struct buf buf;
    buf_init(&buf, SCENARIO_YAML_BYTES_MAX);
    bool fits = buf_append(&buf, SV("# SPDX-License-Identifier: Apache-2.0\n")) &&
                yaml_write(&buf, scenario);
    if (fits)
        *ret_text = arena_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return fits || error_set(err, ERROR_TOO_LARGE, "the scenario is larger than 4 MiB");
}

bool explore_save(struct sv folder, struct sv name, const struct cJSON *scenario,
                  struct arena *arena, struct error *err) {
    struct sv text;
    if (folder.len == 0)
        return true;
    if (!write_yaml(scenario, arena, &text, err))
        return false;
    struct sv path = arena_printf(arena, "%.*s/%.*s.yaml", SV_ARG(folder), SV_ARG(name));
    FILE *file = fopen(path.ptr, "wb");
    bool is_written = file && fwrite(text.ptr, 1, text.len, file) == text.len;
    if (file)
        is_written = fclose(file) == 0 && is_written;
    if (!is_written)
        return error_set(err, ERROR_IO, "%.*s: %s", SV_ARG(path), strerror(errno));
    printf("  saved:  %.*s\n", SV_ARG(path));
    return true;
}

int explore_show(const struct cJSON *scenario, struct arena *arena) {
    struct error err = {0};
    struct sv text;
    if (!write_yaml(scenario, arena, &text, &err))
        return EXIT_HARNESS;
    return command_print(text, EXIT_HELD);
}
