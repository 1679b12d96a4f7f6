/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/shell.h"

#include "core/base/test.h"
#include "fakeapi/cluster/shell_parts.h"
#include "fakeapi/cluster/world_fixture.h"

/* A world with the shell and one pod that runs. */
struct fixture {
    struct world *world;
    struct shell *shell;
    struct transport *client;
    struct arena *arena;
};

static struct fixture begin(const char *command) {
    struct fixture fixture = {.world = fixture_world(1, 0), .arena = arena_new()};
    fixture.shell = shell_new(fixture.world);
    fixture.client = world_connect(fixture.world, SV("test"));
    fixture_run_ms(fixture.world, 1000);
    struct sv pod = arena_printf(
        fixture.arena,
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"default\",\"name\":"
        "\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"command\":%s,\"env\":["
        "{\"name\":\"COLOR\",\"value\":\"blue\"}]}]}}",
        command);
    CHECK(fixture_create(fixture.world, fixture.arena, &RESOURCE_PODS, pod.ptr) == 201);
    fixture_run_ms(fixture.world, 20000);
    return fixture;
}

static void end(struct fixture *fixture) {
    world_free(fixture->world);
    shell_free(fixture->shell);
    arena_free(fixture->arena);
}

static struct completion run(struct fixture *fixture, const struct sv *words, size_t count,
                             struct sv input) {
    struct request request = request_to(VERB_EXEC, &RESOURCE_PODS, SV("default"), SV("p"));
    request.exec = (struct exec_options){.container = SV("c"),
                                         .command = words,
                                         .command_count = count,
                                         .has_stdin = input.len > 0,
                                         .stdin_bytes = input,
                                         .output_bytes_max = SHELL_OUTPUT_BYTES_MAX};
    transport_start(fixture->client, &request);
    struct completion completion = {0};
    fixture_run_ms(fixture->world, 10000);
    CHECK(transport_take(fixture->client, &completion));
    return completion;
}

static const struct {
    const char *script;
    int exit_code;
    const char *output;
} scripts[] = {
    {"echo a b", 0, "a b\n"},
    {"echo -n a; echo \"b  $COLOR\" '$COLOR'", 0, "ab  blue $COLOR\n"},
    {"false && echo no || echo yes", 0, "yes\n"},
    {"echo one > /tmp/f; echo two >> /tmp/f; cat /tmp/f | wc -l", 0, "2\n"},
    {"cat < /etc/hostname", 0, "p\n"},
    {"exit 3; echo no", 3, ""},
    {"test -d /tmp && [ 2 -gt 1 ] && test ! -f /none", 0, ""},
    {"X=1; echo ${X}2 $?", 0, "12 0\n"},
    {"mkdir /data; touch /data/b /data/a; ls /data", 0, "a\nb\n"},
    {"nosuch 2>/dev/null; echo $?", 0, "127\n"},
    {"echo out >&2", 0, ""},
    {"# only a comment", 0, ""},
    {"for i in 1; do echo; done", 127, ""},
    {"echo 'open", 2, ""},
    {"echo $(date)", 2, ""},
    {"echo & echo", 2, ""},
};

TEST(scripts_run) {
    struct fixture fixture = begin("[\"sleep\",\"infinity\"]");
    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        struct sv words[] = {SV("sh"), SV("-c"), sv_from(scripts[i].script)};
        struct completion completion = run(&fixture, words, COUNT_OF(words), SV(""));
        CHECK(completion.err.code == ERROR_NONE);
        if (completion.exit_code != scripts[i].exit_code)
            fprintf(stderr, "%s: %d\n", scripts[i].script, completion.exit_code);
        CHECK(completion.exit_code == scripts[i].exit_code);
        CHECK_SV(completion.stdout_bytes, sv_from(scripts[i].output));
    }
    end(&fixture);
}

TEST(input_reaches_the_command) {
    struct fixture fixture = begin("[\"sleep\",\"infinity\"]");
    struct sv words[] = {SV("cat")};
    struct completion completion = run(&fixture, words, 1, SV("text\n"));
    CHECK_SV(completion.stdout_bytes, SV("text\n"));
    end(&fixture);
}

TEST(a_command_that_is_missing_ends_with_127) {
    struct fixture fixture = begin("[\"sleep\",\"infinity\"]");
    struct sv words[] = {SV("nosuch")};
    struct completion completion = run(&fixture, words, 1, SV(""));
    CHECK(completion.exit_code == 127);
    CHECK_SV(completion.stderr_bytes, SV("nosuch: command not found\n"));
    end(&fixture);
}

/* As kubectl cp does it: out of one path and into another. */
TEST(an_archive_goes_out_and_in) {
    struct fixture fixture = begin("[\"sleep\",\"infinity\"]");
    struct sv write[] = {SV("sh"), SV("-c"), SV("mkdir /d; echo content > /d/file")};
    run(&fixture, write, COUNT_OF(write), SV(""));
    struct sv pack[] = {SV("tar"), SV("cf"), SV("-"), SV("/d")};
    struct completion packed = run(&fixture, pack, COUNT_OF(pack), SV(""));
    CHECK(packed.exit_code == 0 && packed.stdout_bytes.len % 512 == 0);
    struct sv archive = arena_copy(fixture.arena, packed.stdout_bytes);
    struct sv unpack[] = {SV("tar"), SV("-xmf"), SV("-"), SV("-C"), SV("/tmp")};
    CHECK(run(&fixture, unpack, COUNT_OF(unpack), archive).exit_code == 0);
    struct sv read[] = {SV("cat"), SV("/tmp/d/file")};
    CHECK_SV(run(&fixture, read, 2, SV("")).stdout_bytes, SV("content\n"));
    /* Cut anywhere it is refused or unpacked in part, and nothing else happens. */
    for (size_t len = 1; len < archive.len; len += 97)
        run(&fixture, unpack, COUNT_OF(unpack), sv_prefix(archive, len));
    end(&fixture);
}

TEST(files_go_with_their_container) {
    struct fixture fixture = begin("[\"sleep\",\"infinity\"]");
    struct sv write[] = {SV("touch"), SV("/tmp/f")};
    run(&fixture, write, 2, SV(""));
    CHECK(world_restart_container(fixture.world, SV("default"), SV("p"), SV("c")));
    fixture_run_ms(fixture.world, 60000);
    struct sv look[] = {SV("test"), SV("-f"), SV("/tmp/f")};
    CHECK(run(&fixture, look, 3, SV("")).exit_code == 1);
    end(&fixture);
}

TEST(a_log_is_what_the_command_printed) {
    struct fixture fixture = begin("[\"sh\",\"-c\",\"echo hello; sleep 1000\"]");
    const struct cJSON *pod = fixture_get(fixture.world, fixture.arena, &RESOURCE_PODS, "p");
    REQUIRE(pod != NULL);
    CHECK_SV(shell_log(fixture.shell, pod, SV("c"), fixture.arena), SV("hello\n"));
    end(&fixture);
}

/* What would grow without bound ends with a sentence. */
#define CATS                                                                                       \
    " | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat"
#define MANY "cat /tmp/x /tmp/x /tmp/x /tmp/x /tmp/x /tmp/x /tmp/x /tmp/x" CATS " > /dev/null; "
static const char *const greedy[] = {
    "echo 'sh /tmp/f' > /tmp/f; sh /tmp/f",
    "X=aaaaaaaaaaaaaaaa; X=$X$X$X$X; X=$X$X$X$X; X=$X$X$X$X; X=$X$X$X$X; X=$X$X$X$X; X=$X$X$X$X; "
    "X=$X$X$X$X; echo $X > /tmp/x; " MANY MANY MANY MANY MANY MANY "echo end",
};

TEST(greedy_scripts_end) {
    struct fixture fixture = begin("[\"sleep\",\"infinity\"]");
    for (size_t i = 0; i < COUNT_OF(greedy); i++) {
        struct sv words[] = {SV("sh"), SV("-c"), sv_from(greedy[i])};
        struct completion completion = run(&fixture, words, 3, SV(""));
        CHECK(completion.err.code == ERROR_NONE);
        CHECK(completion.exit_code == 1);
        CHECK(sv_contains(completion.stderr_bytes, SV("needs more memory")));
    }
    end(&fixture);
}

TEST(a_full_disk_is_said) {
    struct fixture fixture = begin("[\"sleep\",\"infinity\"]");
    AUTO(arena) arena = arena_new();
    size_t len = SHELL_FILE_BYTES_MAX - 1024;
    char *bytes = arena_alloc(arena, len);
    memset(bytes, 'x', len);
    struct sv words[] = {SV("sh"), SV("-c"), SV("cat > /tmp/big; cat > /tmp/big2")};
    struct completion completion = run(&fixture, words, 3, (struct sv){bytes, len});
    CHECK(completion.exit_code == 1);
    CHECK(sv_contains(completion.stderr_bytes, SV("No space left on device")));
    end(&fixture);
}
