/* SPDX-License-Identifier: Apache-2.0 */
/* What admission says of a connection to a pod: exec, attach, port-forward. */
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/server/server_parts.h"
#include "fakeapi/server/webhook.h"

static void set_flag(struct arena *arena, struct cJSON *map, const char *key, bool is_set) {
    if (is_set)
        json_set_bool(arena, map, sv_from(key), true);
}

/* As the API's types have it; what is not asked for is not there. */
static struct cJSON *options_of(const struct request *request, const struct connect_flags *flags,
                                struct arena *arena) {
    const struct exec_options *exec = &request->exec;
    bool is_exec = sv_eq(request->subresource, SV("exec"));
    struct cJSON *options = json_map(arena);
    json_set_string(arena, options, SV("kind"),
                    is_exec                                     ? SV("PodExecOptions")
                    : sv_eq(request->subresource, SV("attach")) ? SV("PodAttachOptions")
                                                                : SV("PodPortForwardOptions"));
    json_set_string(arena, options, SV("apiVersion"), SV("v1"));
    set_flag(arena, options, "stdin", exec->has_stdin);
    set_flag(arena, options, "stdout", flags->has_stdout);
    set_flag(arena, options, "stderr", flags->has_stderr);
    set_flag(arena, options, "tty", flags->has_tty);
    if (exec->container.ptr && exec->container.len > 0)
        json_set_string(arena, options, SV("container"), exec->container);
    for (size_t i = 0; is_exec && i < exec->command_count; i++)
        json_append(json_ensure_list(arena, options, SV("command")),
                    json_string(arena, exec->command[i]));
    return options;
}

/* What webhooks made of it is what happens. */
static void take_options(const struct cJSON *options, struct request *request,
                         struct arena *arena) {
    const struct cJSON *command = json_get(options, SV("command"));
    struct exec_options *exec = &request->exec;
    struct sv *words = ARENA_ARRAY(arena, struct sv, json_count(command) + 1);
    size_t count = 0;
    JSON_EACH (word, command)
        words[count++] = json_text(word);
    exec->container = json_find_string(options, "container");
    exec->has_stdin = json_is_true(json_get(options, SV("stdin")));
    exec->command = words;
    exec->command_count = count;
}

bool fakeapi_admit_connect(struct fakeapi *api, struct request *request,
                           const struct connect_flags *flags, const struct caller *caller,
                           struct arena *arena, struct api_response *ret_response) {
    struct request copy;
    struct call call;
    if (!begin_call(&call, api, request, &copy, caller->user_agent, arena, ret_response))
        return true; /* whoever connects is told so */
    if (caller->user)
        call.user = *caller->user;
    join_dialogue(&call, caller->dialogue);
    struct admission admission = {
        .operation = OPERATION_CONNECT,
        .object = options_of(&copy, flags, arena),
    };
    if (webhooks_mutate(&call, &admission) && webhooks_validate(&call, &admission)) {
        take_options(admission.object, request, arena);
        return true;
    }
    return !call.is_waiting;
}
