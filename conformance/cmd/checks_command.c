/* SPDX-License-Identifier: Apache-2.0 */
/* crctl checks: the catalogue as a table. */
#include "conformance/check.h"
#include "conformance/cmd/command.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"

enum { TABLE_BYTES_MAX = 1024 * 1024 };

static const struct sv levels[] = {SV("MUST"), SV("SHOULD"), SV("MAY")};

static struct sv observed_text(unsigned bits, struct arena *arena) {
    return arena_printf(arena, "%s%s%s%s", bits & OBSERVED_BY_LINT ? "L" : "",
                        bits & OBSERVED_BY_SIM ? "S" : "", bits & OBSERVED_BY_SANDBOX ? "X" : "",
                        bits & OBSERVED_BY_CLUSTER ? "C" : "");
}

static int print_json(struct arena *arena) {
    struct cJSON *list = json_list(arena);
    const struct check *check;
    for (size_t i = 0; (check = catalogue_at(i)); i++) {
        struct cJSON *row = json_append(list, json_map(arena));
        json_set_string(arena, row, SV("id"), check->id);
        json_set_string(arena, row, SV("slug"), check->slug);
        json_set_string(arena, row, SV("category"), check->category);
        json_set_string(arena, row, SV("level"), levels[check->level]);
        json_set_string(arena, row, SV("observedBy"), observed_text(check->observed_by, arena));
        json_set_string(arena, row, SV("since"), check->since);
        json_set_string(arena, row, SV("title"), check->title);
        json_set_string(arena, row, SV("remediation"), check->remediation);
    }
    struct sv text = json_write_arena(arena, list, JSON_PRETTY);
    return command_print(arena_printf(arena, "%.*s\n", SV_ARG(text)), EXIT_HELD);
}

static int print_text(struct arena *arena) {
    struct buf buf;
    buf_init(&buf, TABLE_BYTES_MAX);
    bool fits = true;
    const struct check *check;
    for (size_t i = 0; (check = catalogue_at(i)); i++)
        fits = fits && buf_printf(&buf, "%-9.*s %-6.*s %-3.*s %-27.*s %.*s\n", SV_ARG(check->id),
                                  SV_ARG(levels[check->level]),
                                  SV_ARG(observed_text(check->observed_by, arena)),
                                  SV_ARG(check->slug), SV_ARG(check->title));
    assert(fits);
    int status = command_print(buf_view(&buf), EXIT_HELD);
    buf_release(&buf);
    return status;
}

/* --- docs/checks.md --- */

static bool put_check(struct buf *buf, const struct check *check) {
    static const struct {
        unsigned bit;
        const char *text;
    } ways[] = {{OBSERVED_BY_LINT, "reading the files"},
                {OBSERVED_BY_SIM, "the simulated cluster"},
                {OBSERVED_BY_SANDBOX, "running the scripts"},
                {OBSERVED_BY_CLUSTER, "a cluster"}};
    bool fits = buf_printf(buf, "\n### %.*s\n`%.*s`, %.*s, since %.*s, seen by", SV_ARG(check->id),
                           SV_ARG(check->slug), SV_ARG(levels[check->level]), SV_ARG(check->since));
    const char *separator = " ";
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        if (!(check->observed_by & ways[i].bit))
            continue;
        fits = fits && buf_printf(buf, "%s%s", separator, ways[i].text);
        separator = " and ";
    }
    return fits && buf_printf(buf, ".\n\n%.*s\n\nWhat to change: %.*s\n", SV_ARG(check->title),
                              SV_ARG(check->remediation));
}

static bool is_first_of_category(size_t index) {
    for (size_t i = 0; i < index; i++) {
        if (sv_eq(catalogue_at(i)->category, catalogue_at(index)->category))
            return false;
    }
    return true;
}

static int print_markdown(void) {
    struct buf buf;
    buf_init(&buf, TABLE_BYTES_MAX);
    bool fits = buf_printf(
        &buf,
        "<!-- SPDX-License-Identifier: Apache-2.0 -->\n# Checks\n\nThe catalogue, version %.*s, as "
        "`crctl checks --output markdown` prints it. MUST checks decide on a certificate; see "
        "[certification.md](certification.md).\n",
        SV_ARG(catalogue_version()));
    for (size_t i = 0; catalogue_at(i); i++) {
        if (!is_first_of_category(i))
            continue;
        struct sv category = catalogue_at(i)->category;
        fits = fits && buf_printf(&buf, "\n## %.*s\n", SV_ARG(category));
        for (size_t j = i; catalogue_at(j); j++)
            fits = fits && (!sv_eq(catalogue_at(j)->category, category) ||
                            put_check(&buf, catalogue_at(j)));
    }
    assert(fits);
    int status = command_print(buf_view(&buf), EXIT_HELD);
    buf_release(&buf);
    return status;
}

int checks_command(const struct command *command, int argc, char *const *argv) {
    enum { AS_TEXT, AS_JSON, AS_MARKDOWN };
    static const struct sv outputs[] = {SV("text"), SV("json"), SV("markdown")};
    int output = AS_TEXT;
    const struct option options[] = {
        {SV("output"), OPTION_CHOICE, SV("text|json|markdown"), outputs, COUNT_OF(outputs), &output,
         SV("form of the table")},
    };
    struct operands operands;
    int status;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    if (operands.count > 0)
        return command_fail(command, "takes no file");
    AUTO(arena) arena = arena_new();
    if (output == AS_MARKDOWN)
        return print_markdown();
    return output == AS_JSON ? print_json(arena) : print_text(arena);
}
