/* SPDX-License-Identifier: Apache-2.0 */
/* Large lists over real sockets on loopback: whole, compressed, and nobody waits for them. */
#include "core/base/buf.h"
#include "core/base/error.h"
#include "fakeapi/http/http_fixture.h"
#include "fakeapi/schema/protobuf.h"

#include <poll.h>
#include <unistd.h>
#include <zlib.h>

enum {
    OBJECTS = 40,
    DATA_BYTES = 20 * 1024,
    LIST_BYTES_MIN = OBJECTS * DATA_BYTES,
    TURNS_MAX = 10000,
    BYTES_MAX = 4 * 1024 * 1024,
};

static void begin(struct fixture_server *fixture) {
    fixture_serve(fixture);
    for (size_t i = 0; i < OBJECTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "m%zu", i);
        fixture_create_config_map(fixture->api, name, DATA_BYTES);
    }
}

static int ask(const struct fixture_server *fixture, const char *target, const char *headers) {
    int client = fixture_connect(fixture->server);
    char text[512];
    int len =
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n",
                 target, headers);
    ssize_t sent = send(client, text, (size_t)len, MSG_NOSIGNAL);
    CHECK(sent == len);
    return client;
}

/* True once the server has closed. */
static bool read_some(int client, struct buf *answer) {
    char bytes[65536];
    ssize_t got = recv(client, bytes, sizeof(bytes), 0);
    if (got > 0)
        CHECK(buf_append(answer, (struct sv){bytes, (size_t)got}));
    return got == 0;
}

static void turn(struct fixture_server *fixture, int client) {
    struct pollfd descriptors[] = {{http_server_descriptor(fixture->server), POLLIN, 0},
                                   {client, POLLIN, 0}};
    poll(descriptors, 2, 1);
    http_server_run(fixture->server);
}

static void take(struct fixture_server *fixture, int client, struct buf *answer) {
    for (size_t i = 0; i < TURNS_MAX; i++) {
        turn(fixture, client);
        if (read_some(client, answer))
            break;
    }
    close(client);
}

static struct sv body_of(const struct buf *answer) {
    struct sv text = buf_view(answer);
    const char *end = memmem(text.ptr, text.len, "\r\n\r\n", 4);
    return end ? sv_drop(text, (size_t)(end + 4 - text.ptr)) : SV("");
}

static struct sv unpacked(struct arena *arena, struct sv bytes) {
    char *text = arena_alloc(arena, BYTES_MAX);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes.ptr,
                       .avail_in = (uInt)bytes.len,
                       .next_out = (Bytef *)text,
                       .avail_out = BYTES_MAX};
    CHECK(inflateInit2(&stream, 15 + 16) == Z_OK);
    CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    inflateEnd(&stream);
    return (struct sv){text, stream.total_out};
}

static const char list_path[] = "/api/v1/namespaces/default/configmaps";

static void check_list(struct arena *arena, struct sv text) {
    struct error err = {0};
    const struct cJSON *list = json_read(arena, text, &err);
    CHECK(list && text.len > LIST_BYTES_MIN);
    CHECK(json_count(json_get(list, SV("items"))) == OBJECTS);
    CHECK(sv_ends_with(text, SV("]}\n")));
}

TEST(a_large_list_comes_whole) {
    AUTO(arena) arena = arena_new();
    struct fixture_server fixture;
    struct buf answer;
    buf_init(&answer, BYTES_MAX);
    begin(&fixture);
    take(&fixture, ask(&fixture, list_path, ""), &answer);
    struct sv body = body_of(&answer);
    struct sv length = arena_printf(arena, "Content-Length: %zu\r\n", body.len);
    CHECK(sv_contains(buf_view(&answer), length));
    check_list(arena, body);
    buf_release(&answer);
    fixture_end(&fixture);
}

TEST(a_large_list_comes_compressed_to_whoever_takes_it) {
    AUTO(arena) arena = arena_new();
    struct fixture_server fixture;
    struct buf answer;
    buf_init(&answer, BYTES_MAX);
    begin(&fixture);
    take(&fixture, ask(&fixture, list_path, "Accept-Encoding: gzip\r\n"), &answer);
    CHECK(sv_contains(buf_view(&answer), SV("Content-Encoding: gzip\r\n")));
    CHECK(body_of(&answer).len < LIST_BYTES_MIN / 10);
    check_list(arena, unpacked(arena, body_of(&answer)));
    buf_release(&answer);
    fixture_end(&fixture);
}

TEST(a_large_list_comes_as_protobuf) {
    AUTO(arena) arena = arena_new();
    struct fixture_server fixture;
    struct error err = {0};
    struct buf answer;
    struct cJSON *list = NULL;
    buf_init(&answer, BYTES_MAX);
    begin(&fixture);
    take(&fixture, ask(&fixture, list_path, "Accept: application/vnd.kubernetes.protobuf\r\n"),
         &answer);
    CHECK(sv_contains(buf_view(&answer),
                      SV("Content-Type: application/vnd.kubernetes.protobuf\r\n")));
    CHECK(protobuf_decode(body_of(&answer), arena, &list, &err));
    CHECK(json_count(json_get(list, SV("items"))) == OBJECTS);
    CHECK_SV(json_find_string(list, "kind"), SV("ConfigMapList"));
    buf_release(&answer);
    fixture_end(&fixture);
}

/* What takes many turns of one list lets others through. */
static void check_nobody_waits(const char *target, const char *headers, struct buf *ret_list) {
    struct fixture_server fixture;
    struct buf other;
    buf_init(&other, BYTES_MAX);
    begin(&fixture);
    int slow = ask(&fixture, target, headers);
    turn(&fixture, slow);
    turn(&fixture, slow);
    take(&fixture, ask(&fixture, "/api/v1/namespaces/default", ""), &other);
    CHECK(sv_starts_with(buf_view(&other), SV("HTTP/1.1 200 OK")));
    CHECK(!read_some(slow, ret_list) && buf_view(ret_list).len == 0);
    take(&fixture, slow, ret_list);
    CHECK(sv_starts_with(buf_view(ret_list), SV("HTTP/1.1 200 OK")));
    buf_release(&other);
    fixture_end(&fixture);
}

TEST(nobody_waits_for_a_large_list) {
    struct buf list;
    buf_init(&list, BYTES_MAX);
    check_nobody_waits(list_path, "Accept-Encoding: gzip\r\n", &list);
    buf_release(&list);
}

TEST(nobody_waits_for_a_large_table) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct buf answer;
    buf_init(&answer, BYTES_MAX);
    struct sv target = arena_printf(arena, "%s?includeObject=Object", list_path);
    check_nobody_waits(target.ptr, "Accept: application/json;as=Table;v=v1;g=meta.k8s.io\r\n",
                       &answer);
    const struct cJSON *table = json_read(arena, body_of(&answer), &err);
    CHECK_SV(json_find_string(table, "kind"), SV("Table"));
    CHECK(json_count(json_get(table, SV("rows"))) == OBJECTS);
    CHECK(json_find_string(table, "rows.39.object.data.d").len == DATA_BYTES);
    buf_release(&answer);
}

/* Whose client is gone, and when the server ends. */
TEST(a_list_that_is_not_finished_leaves_nothing) {
    struct fixture_server fixture;
    begin(&fixture);
    int gone = ask(&fixture, list_path, "Accept-Encoding: gzip\r\n");
    turn(&fixture, gone);
    turn(&fixture, gone);
    close(gone);
    int last = ask(&fixture, list_path, "");
    turn(&fixture, last);
    turn(&fixture, last);
    fixture_end(&fixture);
    close(last);
}
