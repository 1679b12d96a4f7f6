/* SPDX-License-Identifier: Apache-2.0 */
/* crctl render: files in another form, what they hold decides which; or the objects of a runtime in
 * a cluster. */
#include "conformance/cmd/cluster_view.h"
#include "conformance/cmd/command.h"
#include "conformance/cmd/input.h"
#include "conformance/report/report_forms.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

enum { REPORT_BYTES_MAX = 16 * 1024 * 1024 };

static const struct cJSON *read_report(struct arena *arena, struct sv path, struct error *err) {
    struct sv text;
    if (!input_read(arena, path, REPORT_BYTES_MAX, &text, err))
        return NULL;
    const struct cJSON *report = report_read(arena, text, err);
    if (!report)
        error_wrap(err, "%.*s", SV_ARG(path));
    return report;
}

static int render_report(const struct cJSON *report, int form, enum color color,
                         struct arena *arena) {
    struct report_text_options text = {.has_color = command_has_color(color), .shows_passed = true};
    enum report_form as = form == REPORT_FORM_COUNT ? REPORT_FORM_TEXT : (enum report_form)form;
    return command_print(report_print(report, as, &text, arena), EXIT_HELD);
}

static int render_cluster(const struct command *command, struct sv kubeconfig, struct sv context,
                          const struct operands *operands, struct arena *arena) {
    struct error err = {0};
    struct manifest manifest;
    AUTO(cluster_view) view = cluster_view_of_operand(kubeconfig, context, operands, &err);
    if (!view || !cluster_view_objects(view, arena, &manifest, &err))
        return command_fail_with(command, &err);
    return render_objects_command(command, &manifest, 1, arena);
}

int render_command(const struct command *command, int argc, char *const *argv) {
    static const struct sv colors[] = COLOR_CHOICES;
    int form = REPORT_FORM_COUNT, color = COLOR_AUTO;
    struct sv kubeconfig = SV(""), context = SV("");
    const struct option options[] = {
        {SV("output"), OPTION_CHOICE, SV(REPORT_FORM_CHOICES), report_form_names, REPORT_FORM_COUNT,
         &form, SV("form of a report")},
        {SV("color"), OPTION_CHOICE, SV("auto|always|never"), colors, COUNT_OF(colors), &color,
         SV("color of the text form")},
        TEXT_OPTION("kubeconfig", "FILE", &kubeconfig,
                    "of NAMESPACE/NAME instead of files; else $KUBECONFIG, else ~/.kube/config"),
        CONTEXT_OPTION(&context),
    };
    struct operands operands;
    int status;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    AUTO(arena) arena = arena_new();
    if (cluster_view_is_meant(kubeconfig, context, &operands))
        return render_cluster(command, kubeconfig, context, &operands, arena);
    if (operands.count == 0)
        return command_fail(command, "name files with a class, a Dataset and a CacheRuntime, a "
                                     "runtime of a cluster, NAMESPACE/NAME, or a report that "
                                     "crctl certify --output json printed");
    struct error err = {0};
    const struct cJSON *report =
        operands.count == 1 ? read_report(arena, operands.items[0], &err) : NULL;
    if (report)
        return render_report(report, form, (enum color)color, arena);
    if (form != REPORT_FORM_COUNT)
        return command_fail(command, operands.count == 1
                                         ? err.message
                                         : "--output is for one report; objects are printed as "
                                           "YAML");
    /* What is no report is read as objects, with their messages. */
    err = (struct error){0};
    struct manifest *manifests;
    if (!input_manifests(arena, operands.items, operands.count, &manifests, &err))
        return command_fail(command, err.message);
    int found = input_tell_findings(command, arena, manifests, operands.count);
    status = render_objects_command(command, manifests, operands.count, arena);
    return status == EXIT_HELD ? found : status;
}
