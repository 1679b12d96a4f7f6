/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/refusals.h"

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/test.h"

enum { TEXT_BYTES_MAX = 64 * 1024 };

struct kept_log {
    struct log base;
    struct buf text;
    size_t count;
};

static void keep_line(struct log *log, enum log_level level, struct sv line) {
    struct kept_log *kept = (struct kept_log *)log;
    kept->count++;
    CHECK(buf_printf(&kept->text, "%s %.*s\n", log_level_text(level), SV_ARG(line)));
}

TEST(each_permission_that_is_missing_is_told_once) {
    static const struct {
        const char *verb, *plural, *subresource, *namespace_name;
        enum error_code code;
        const char *line; /* NULL: none */
    } cases[] = {
        {"patch", "services", "", "a", ERROR_FORBIDDEN, "warning may not patch services in a: no"},
        {"patch", "services", "", "a", ERROR_FORBIDDEN, NULL},
        {"patch", "services", "", "a", ERROR_CONFLICT, NULL},
        {"patch", "services", "", "b", ERROR_FORBIDDEN, "warning may not patch services in b: no"},
        {"create", "pods", "exec", "a", ERROR_FORBIDDEN, "warning may not create pods/exec in a: "},
        {"patch", "nodes", "", "", ERROR_FORBIDDEN, "warning may not patch nodes: no"},
        {"patch", "services", "", "a", ERROR_UNAVAILABLE, NULL},
        {"patch", "services", "", "a", ERROR_NONE, "info may patch services in a again"},
        {"patch", "services", "", "a", ERROR_NONE, NULL},
        {"patch", "services", "", "b", ERROR_FORBIDDEN, NULL},
        {"patch", "services", "", "a", ERROR_FORBIDDEN, "warning may not patch services in a: no"},
    };
    struct kept_log log = {.base = {.write = keep_line, .level_max = LOG_INFO}};
    struct refusals *refusals = refusals_new(&log.base);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        if (cases[i].code != ERROR_NONE)
            error_set(&err, cases[i].code, "no");
        struct permission permission = {sv_from(cases[i].verb), sv_from(cases[i].plural),
                                        sv_from(cases[i].subresource),
                                        sv_from(cases[i].namespace_name)};
        buf_init(&log.text, TEXT_BYTES_MAX);
        log.count = 0;
        bool is_forbidden = refusals_note(refusals, &permission, &err);
        CHECK(is_forbidden == (cases[i].code == ERROR_FORBIDDEN));
        CHECK(log.count == (cases[i].line ? 1 : 0));
        CHECK(!cases[i].line || sv_starts_with(buf_view(&log.text), sv_from(cases[i].line)));
        buf_release(&log.text);
    }
    refusals_free(refusals);
}

/* More namespaces than are remembered: the first is told again, the last is not. */
TEST(what_is_remembered_is_bounded) {
    struct kept_log log = {.base = {.write = keep_line, .level_max = LOG_INFO}};
    struct refusals *refusals = refusals_new(&log.base);
    buf_init(&log.text, TEXT_BYTES_MAX);
    struct error err = {0};
    error_set(&err, ERROR_FORBIDDEN, "no");
    for (int i = 0; i <= REFUSALS_MAX + 2; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d",
                 i <= REFUSALS_MAX       ? i
                 : i == REFUSALS_MAX + 1 ? REFUSALS_MAX
                                         : 0);
        struct permission permission = {SV("get"), SV("pods"), SV(""), sv_from(name)};
        CHECK(refusals_note(refusals, &permission, &err));
    }
    CHECK(log.count == REFUSALS_MAX + 2);
    buf_release(&log.text);
    refusals_free(refusals);
}
