/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/script/simulation.h"

#include "conformance/script/simulation_play.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

#define HEAD "apiVersion: cacheruntime.io/v1\nkind: Simulation\n"

static bool read_text(struct arena *arena, struct sv text, struct simulation *ret_simulation,
                      struct error *err) {
    struct manifest *manifest = ARENA_NEW(arena, struct manifest);
    return manifest_parse(arena, SV("sim.yaml"), text, manifest, err) &&
           simulation_read(manifest, manifest->documents.roots[0], arena, ret_simulation, err);
}

static const struct {
    struct sv text;
    struct sv message; /* the beginning of the error */
} bad[] = {
    {SV("apiVersion: v1\nkind: Simulation\n"),
     SV("sim.yaml:1:13: apiVersion \"v1\"; write cacheruntime.io/v1")},
    {SV(HEAD "program: []\n"),
     SV("sim.yaml:3:10: unknown field \"program\"; did you mean \"programs\"?")},
    {SV(HEAD "roles: {master: {readyAfter: soon}}\n"),
     SV("sim.yaml:3:30: \"soon\" is no duration up to a day")},
    {SV(HEAD "tables: {a: {scope: pod}}\n"),
     SV("sim.yaml:3:21: scope \"pod\"; it is container or runtime")},
    {SV(HEAD "tools: [bin/jq]\n"), SV("sim.yaml:3:9: a tool is the name of a program")},
    {SV(HEAD "files: [{path: a, text: b}]\n"), SV("sim.yaml:3:16: \"a\" is no absolute path")},
    {SV(HEAD "files: [{path: /a, text: b, mode: \"755\"}]\n"),
     SV("sim.yaml:3:35: mode \"755\"; write four octal digits")},
    {SV(HEAD "folders: [/a/]\n"), SV("sim.yaml:3:11: \"/a/\" is no absolute path")},
    {SV(HEAD "programs: [{path: /a/../b, rules: []}]\n"),
     SV("sim.yaml:3:19: \"/a/../b\" is no absolute path")},
    {SV(HEAD "programs: [{path: /a}]\n"), SV("sim.yaml:3:12: a program has no field rules")},
    {SV(HEAD "programs: [{path: /a, rules: [{args: [1]}]}]\n"),
     SV("sim.yaml:3:39: an argument is number; put it in quotes")},
    {SV(HEAD "programs: [{path: /a, rules: [{args: ['${a}', '${a}']}]}]\n"),
     SV("sim.yaml:3:47: ${a} is caught twice")},
    {SV(HEAD "programs: [{path: /a, rules: [{args: ['${a}${b}']}]}]\n"),
     SV("sim.yaml:3:39: an argument has one ${name} at most")},
    {SV(HEAD "programs: [{path: /a, rules: [{args: [], stdout: '${b}'}]}]\n"),
     SV("sim.yaml:3:50: ${b} is not known here")},
    {SV(HEAD "programs: [{path: /a, rules: [{args: [], stdout: '${b'}]}]\n"),
     SV("sim.yaml:3:50: \"${\" without a name and \"}\"")},
    {SV(HEAD "programs: [{path: /a, rules: [{args: [], exit: 300}]}]\n"),
     SV("sim.yaml:3:48: exit status 300; it is 0 to 255")},
    {SV(HEAD "programs: [{path: /a, rules: [{args: [], when: [{table: t, key: k}]}]}]\n"),
     SV("sim.yaml:3:57: table \"t\" is not in `tables`")},
    {SV(HEAD "programs: [{path: /a, rules: [{args: [], when: [{not: true}]}]}]\n"),
     SV("sim.yaml:3:49: a condition has exactly one of")},
    {SV(HEAD "programs: [{path: /a, rules: [{args: ['...','...','...','...','...']}]}]\n"),
     SV("sim.yaml:3:63: more than 4 \"...\" in one rule")},
};

TEST(refuses_what_it_cannot_play) {
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO(arena) arena = arena_new();
        struct simulation simulation;
        struct error err = {0};
        CHECK(!read_text(arena, bad[i].text, &simulation, &err));
        CHECK(err.code == ERROR_INVALID);
        CHECK_SV(sv_prefix(sv_from(err.message), bad[i].message.len), bad[i].message);
    }
}

/* --- an engine with a table of mounts --- */

static const struct sv engine = SV(
    HEAD "roles: {master: {readyAfter: 1.5s}}\n"
         "tables: {mounts: {}, tokens: {scope: runtime}}\n"
         "programs:\n"
         "- path: /opt/bin/cv\n"
         "  rules:\n"
         "  - args: [mount]\n"
         "    stdout: [\"Mounts:\\n\", {each: mounts, text: \"| ${key} | ${value} |\\n\", empty: "
         "\"none\\n\"}]\n"
         "  - args: [json]\n"
         "    stdout: ['[', {each: mounts, text: '\"${json.key}\"', between: ','}, "
         "']${count.mounts}$$']\n"
         "  - args: [mount, '${ufs}', '${path}', '...']\n"
         "    when: [{table: mounts, key: '${path}'}]\n"
         "    stderr: '${path} is mounted'\n"
         "    exit: 1\n"
         "  - args: [mount, '${ufs}', '${path}', '...']\n"
         "    takes: 300ms\n"
         "    set: [{table: mounts, key: '${path}', value: '${ufs} ${rest}'}]\n"
         "  - args: ['...', umount, '--path=${path}']\n"
         "    remove: [{table: mounts, key: '${path}'}]\n"
         "  - args: [reset]\n"
         "    when: [{env: FORCE}, {file: /etc/x, not: true}]\n"
         "    clear: [mounts]\n"
         "    write: [{path: '${env.FORCE}/done', text: '${program}'}]\n"
         "  - args: [serve]\n"
         "    serves: true\n");

static struct sv get_env(void *context, struct sv name) {
    (void)context;
    return sv_eq(name, SV("FORCE")) ? SV("/tmp") : SV("");
}

static bool has_file(void *context, struct sv path) {
    (void)context, (void)path;
    return false;
}

static const struct {
    struct sv args[6];
    int exit_code;
    struct sv stdout_bytes, stderr_bytes;
} calls[] = {
    {{SV("mount")}, 0, SV("Mounts:\nnone\n"), SV("")},
    {{SV("mount"), SV("s3://a"), SV("/a"), SV("-c"), SV("k=v")}, 0, SV(""), SV("")},
    {{SV("mount"), SV("s3://b"), SV("/a")}, 1, SV(""), SV("/a is mounted")},
    {{SV("mount"), SV("s3://b"), SV("/\"b")}, 0, SV(""), SV("")},
    {{SV("mount")}, 0, SV("Mounts:\n| /a | s3://a -c k=v |\n| /\"b | s3://b  |\n"), SV("")},
    {{SV("json")}, 0, SV("[\"/a\",\"/\\\"b\"]2$"), SV("")},
    {{SV("--conf"), SV("x"), SV("umount"), SV("--path=/a")}, 0, SV(""), SV("")},
    {{SV("json")}, 0, SV("[\"/\\\"b\"]1$"), SV("")},
    {{SV("reset")}, 0, SV(""), SV("")},
    {{SV("json")}, 0, SV("[]0$"), SV("")},
    {{SV("fly"), SV("away")},
     2,
     SV(""),
     SV("cv: no rule of the simulation fits the arguments \"fly away\"\n")},
};

static void play(const struct simulation *simulation, const struct sv *args, size_t count,
                 struct cJSON *tables, struct arena *arena, struct play_result *ret_result) {
    struct play_call call = {
        .program = simulation_program(simulation->programs, SV("cv")),
        .program_name = SV("cv"),
        .args = args,
        .arg_count = count,
        .get_env = get_env,
        .has_file = has_file,
    };
    simulation_play(&call, tables, arena, ret_result);
}

TEST(plays_calls_in_order) {
    AUTO(arena) arena = arena_new();
    struct simulation simulation;
    struct error err = {0};
    REQUIRE(read_text(arena, engine, &simulation, &err));
    struct cJSON *tables = json_map(arena);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        size_t count = 0;
        while (count < COUNT_OF(calls[i].args) && calls[i].args[count].ptr)
            count++;
        struct play_result result;
        play(&simulation, calls[i].args, count, tables, arena, &result);
        CHECK(result.exit_code == calls[i].exit_code);
        CHECK_SV(result.stdout_bytes, calls[i].stdout_bytes);
        CHECK_SV(result.stderr_bytes, calls[i].stderr_bytes);
    }
}

TEST(tells_time_effects_and_files) {
    AUTO(arena) arena = arena_new();
    struct simulation simulation;
    struct error err = {0};
    REQUIRE(read_text(arena, engine, &simulation, &err));
    CHECK(simulation.ready_after_ms[ROLE_MASTER] == 1500);
    CHECK(simulation.ready_after_ms[ROLE_WORKER] < 0);
    CHECK(!simulation_is_shared(&simulation, SV("mounts")));
    CHECK(simulation_is_shared(&simulation, SV("tokens")));
    struct cJSON *tables = json_map(arena);
    struct play_result result;
    play(&simulation, (struct sv[]){SV("mount"), SV("s3://a"), SV("/a")}, 3, tables, arena,
         &result);
    CHECK(result.takes_ms == 300 && result.has_effect && !result.is_serving);
    play(&simulation, (struct sv[]){SV("serve")}, 1, tables, arena, &result);
    CHECK(result.is_serving && result.takes_ms == SIMULATION_TAKES_DEFAULT_MS);
    play(&simulation, (struct sv[]){SV("reset")}, 1, tables, arena, &result);
    REQUIRE(result.write_count == 1);
    CHECK_SV(result.writes[0].path, SV("/tmp/done"));
    CHECK_SV(result.writes[0].text, SV("cv"));
    CHECK(simulation_program(simulation.programs, SV("/opt/bin/cv")) != NULL);
    CHECK(simulation_program(simulation.programs, SV("/bin/cv")) == NULL);
}
