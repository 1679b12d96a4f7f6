/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/exec_socket.h"

#include "core/api/api_status.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/data/json.h"

#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <wslay/wslay.h>

enum {
    HEADER_BYTES_MAX = 64 * 1024,
    OUTPUT_BYTES_DEFAULT = 1024 * 1024,
    STDIN_FRAME_BYTES = 32 * 1024,
    KEY_BYTES = 16,
    /* Kubernetes' channels. */
    CHANNEL_STDIN = 0,
    CHANNEL_STDOUT = 1,
    CHANNEL_STDERR = 2,
    CHANNEL_ERROR = 3,
    CHANNEL_CLOSE = 255,
};

enum exec_phase { PHASE_UPGRADING, PHASE_OPEN, PHASE_ENDED };

struct exec_socket {
    CURL *easy;
    enum exec_phase phase;
    struct arena *arena; /* texts of the options */
    char accept[BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) + 1];
    struct sv stdin_bytes;
    bool has_stdin;
    struct rng *rng;
    struct buf outgoing; /* of the upgrade */
    struct buf incoming; /* of the upgrade, and what came right behind it */
    wslay_event_context_ptr frames;
    struct buf stdout_bytes, stderr_bytes, error_bytes;
    size_t output_bytes_max; /* of each of the first two */
    struct error err;
    int http_status;
    int64_t retry_after_ms; /* of a refusal */
};

static bool end(struct exec_socket *socket) {
    socket->phase = PHASE_ENDED;
    return true;
}

static bool fail(struct exec_socket *socket, enum error_code code, const char *what) {
    if (socket->err.code == ERROR_NONE)
        error_set(&socket->err, code, "exec: %s", what);
    return end(socket);
}

/* In the words of the simulation: whoever looks for them finds them in both. */
static void fail_of_output(struct exec_socket *socket) {
    if (socket->err.code == ERROR_NONE)
        error_set(&socket->err, ERROR_TOO_LARGE, "the command printed more than %zu bytes",
                  socket->output_bytes_max);
    end(socket);
}

static void fill_random(struct rng *rng, uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)rng_next(rng);
}

/* RFC 6455, section 4.2.2: what a server must answer to our key. */
static void compute_accept(const char *key, char *ret_accept) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    struct sha1_ctx context;
    uint8_t digest[SHA1_DIGEST_SIZE];
    sha1_init(&context);
    sha1_update(&context, strlen(key), (const uint8_t *)key);
    sha1_update(&context, sizeof(guid) - 1, (const uint8_t *)guid);
    sha1_digest(&context, sizeof(digest), digest);
    base64_encode_raw(ret_accept, sizeof(digest), digest);
    ret_accept[BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE)] = '\0';
}

struct exec_socket *exec_socket_new(const struct exec_socket_options *options) {
    struct exec_socket *socket = mem_alloc(sizeof(*socket));
    socket->output_bytes_max =
        options->output_bytes_max ? options->output_bytes_max : OUTPUT_BYTES_DEFAULT;
    socket->easy = options->easy;
    socket->arena = arena_new();
    socket->stdin_bytes = arena_copy(socket->arena, options->stdin_bytes);
    socket->has_stdin = options->has_stdin;
    socket->rng = options->rng;
    buf_init(&socket->outgoing, HEADER_BYTES_MAX * 2);
    buf_init(&socket->incoming, HEADER_BYTES_MAX * 2);
    buf_init(&socket->stdout_bytes, socket->output_bytes_max);
    buf_init(&socket->stderr_bytes, socket->output_bytes_max);
    buf_init(&socket->error_bytes, HEADER_BYTES_MAX);
    uint8_t key_bytes[KEY_BYTES];
    char key[BASE64_ENCODE_RAW_LENGTH(KEY_BYTES) + 1] = {0};
    fill_random(socket->rng, key_bytes, sizeof(key_bytes));
    base64_encode_raw(key, sizeof(key_bytes), key_bytes);
    compute_accept(key, socket->accept);
    bool fits =
        buf_printf(&socket->outgoing,
                   "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: %.*s\r\n"
                   "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
                   "Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io\r\n",
                   SV_ARG(options->path), SV_ARG(options->host), SV_ARG(options->user_agent), key);
    if (!fits || !buf_append(&socket->outgoing, options->login) ||
        !buf_append(&socket->outgoing, SV("\r\n")))
        fail(socket, ERROR_TOO_LARGE, "the command is longer than a request may be");
    return socket;
}

void exec_socket_free(struct exec_socket *socket) {
    if (!socket)
        return;
    if (socket->frames)
        wslay_event_context_free(socket->frames);
    buf_release(&socket->outgoing);
    buf_release(&socket->incoming);
    buf_release(&socket->stdout_bytes);
    buf_release(&socket->stderr_bytes);
    buf_release(&socket->error_bytes);
    arena_free(socket->arena);
    mem_free(socket);
}

/* --- frames --- */

static ssize_t receive(wslay_event_context_ptr frames, uint8_t *bytes, size_t count, int flags,
                       void *context) {
    (void)flags;
    struct exec_socket *socket = context;
    struct sv early = buf_view(&socket->incoming);
    if (early.len > 0) {
        size_t taken = early.len < count ? early.len : count;
        memcpy(bytes, early.ptr, taken);
        buf_consume(&socket->incoming, taken);
        return (ssize_t)taken;
    }
    size_t taken = 0;
    CURLcode result = curl_easy_recv(socket->easy, bytes, count, &taken);
    if (result == CURLE_AGAIN) {
        wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (result != CURLE_OK || taken == 0) {
        wslay_event_set_error(frames, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }
    return (ssize_t)taken;
}

static ssize_t send_bytes(wslay_event_context_ptr frames, const uint8_t *bytes, size_t count,
                          int flags, void *context) {
    (void)flags;
    struct exec_socket *socket = context;
    size_t sent = 0;
    CURLcode result = curl_easy_send(socket->easy, bytes, count, &sent);
    if (result == CURLE_OK)
        return (ssize_t)sent;
    wslay_event_set_error(frames, result == CURLE_AGAIN ? WSLAY_ERR_WOULDBLOCK
                                                        : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static int make_mask(wslay_event_context_ptr frames, uint8_t *bytes, size_t count, void *context) {
    (void)frames;
    struct exec_socket *socket = context;
    fill_random(socket->rng, bytes, count);
    return 0;
}

static void take_message(wslay_event_context_ptr frames,
                         const struct wslay_event_on_msg_recv_arg *message, void *context) {
    (void)frames;
    struct exec_socket *socket = context;
    bool is_data = message->opcode == WSLAY_BINARY_FRAME || message->opcode == WSLAY_TEXT_FRAME;
    if (!is_data || message->msg_length == 0)
        return;
    struct sv bytes = {(const char *)message->msg + 1, message->msg_length - 1};
    bool fits = true;
    switch (message->msg[0]) {
    case CHANNEL_STDOUT:
        fits = buf_append(&socket->stdout_bytes, bytes);
        break;
    case CHANNEL_STDERR:
        fits = buf_append(&socket->stderr_bytes, bytes);
        break;
    case CHANNEL_ERROR:
        fits = buf_append(&socket->error_bytes, bytes);
        break;
    }
    if (!fits)
        fail_of_output(socket);
}

static bool queue_frame(struct exec_socket *socket, uint8_t channel, struct sv bytes) {
    uint8_t frame[STDIN_FRAME_BYTES + 1];
    assert(bytes.len <= STDIN_FRAME_BYTES);
    frame[0] = channel;
    memcpy(frame + 1, bytes.ptr, bytes.len);
    return wslay_event_queue_msg(socket->frames, &(struct wslay_event_msg){
                                                     .opcode = WSLAY_BINARY_FRAME,
                                                     .msg = frame,
                                                     .msg_length = bytes.len + 1,
                                                 }) == 0;
}

static bool queue_stdin(struct exec_socket *socket) {
    struct sv rest = socket->stdin_bytes;
    while (rest.len > 0) {
        if (!queue_frame(socket, CHANNEL_STDIN, sv_prefix(rest, STDIN_FRAME_BYTES)))
            return false;
        rest = sv_drop(rest, STDIN_FRAME_BYTES);
    }
    static const char stdin_channel = CHANNEL_STDIN;
    return queue_frame(socket, CHANNEL_CLOSE, (struct sv){&stdin_channel, 1});
}

/* --- the upgrade --- */

static bool send_upgrade(struct exec_socket *socket) {
    for (;;) {
        struct sv rest = buf_view(&socket->outgoing);
        size_t sent = 0;
        if (rest.len == 0)
            return true;
        CURLcode result = curl_easy_send(socket->easy, rest.ptr, rest.len, &sent);
        if (result == CURLE_AGAIN)
            return false;
        if (result != CURLE_OK) {
            fail(socket, ERROR_UNAVAILABLE, curl_easy_strerror(result));
            return false;
        }
        buf_consume(&socket->outgoing, sent);
    }
}

static struct sv header_value(struct sv headers, struct sv name) {
    while (headers.len > 0) {
        struct sv line = sv_trim(sv_cut(&headers, '\n'));
        struct sv key = sv_cut(&line, ':');
        if (key.len == name.len && strncasecmp(key.ptr, name.ptr, name.len) == 0)
            return sv_trim(line);
    }
    return SV("");
}

/* Anything but 101 is an answer with a body: a Status, as to any request. */
static bool take_refusal(struct exec_socket *socket, struct sv headers, struct sv body) {
    int64_t length = 0;
    bool has_length = sv_to_int64(header_value(headers, SV("content-length")), &length);
    if (has_length && (int64_t)body.len < length)
        return false; /* more is to come; the connection's end says so too */
    struct error ignored = {0};
    const struct cJSON *status = json_read(socket->arena, body, &ignored);
    api_status_to_error(status, socket->http_status, &socket->err);
    int64_t seconds = 0;
    if (!sv_to_int64(header_value(headers, SV("retry-after")), &seconds))
        seconds = 0;
    socket->retry_after_ms = api_retry_after_ms(seconds, status);
    return end(socket);
}

static bool open_frames(struct exec_socket *socket, struct sv headers) {
    struct sv protocol = header_value(headers, SV("sec-websocket-protocol"));
    if (!sv_eq(header_value(headers, SV("sec-websocket-accept")), sv_from(socket->accept)))
        return fail(socket, ERROR_UNAVAILABLE, "the server is no WebSocket server");
    bool is_v5 = sv_eq(protocol, SV("v5.channel.k8s.io"));
    if (!is_v5 && !sv_eq(protocol, SV("v4.channel.k8s.io")))
        return fail(socket, ERROR_UNSUPPORTED,
                    "the server speaks neither v5 nor v4.channel.k8s.io");
    if (!is_v5 && socket->has_stdin)
        return fail(socket, ERROR_UNSUPPORTED,
                    "the server speaks v4.channel.k8s.io only, which cannot end standard input");
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = receive,
        .send_callback = send_bytes,
        .genmask_callback = make_mask,
        .on_msg_recv_callback = take_message,
    };
    if (wslay_event_context_client_init(&socket->frames, &callbacks, socket) != 0)
        abort();
    socket->phase = PHASE_OPEN;
    if (socket->has_stdin && !queue_stdin(socket))
        return fail(socket, ERROR_TOO_LARGE, "standard input cannot be queued");
    return false;
}

static bool receive_upgrade(struct exec_socket *socket) {
    char bytes[4096];
    for (;;) {
        struct sv seen = buf_view(&socket->incoming);
        const char *end_of_headers = memmem(seen.ptr, seen.len, "\r\n\r\n", 4);
        if (end_of_headers) {
            size_t header_bytes = (size_t)(end_of_headers - seen.ptr) + 4;
            int64_t status = 0;
            struct sv headers = arena_copy(socket->arena, sv_prefix(seen, header_bytes));
            if (seen.len < 12 || !sv_to_int64(sv_prefix(sv_drop(seen, 9), 3), &status))
                return fail(socket, ERROR_UNAVAILABLE, "the answer is no HTTP");
            socket->http_status = (int)status;
            if (status == 101) {
                buf_consume(&socket->incoming, header_bytes);
                return open_frames(socket, headers);
            }
            if (take_refusal(socket, headers, sv_drop(seen, header_bytes)))
                return true;
        }
        size_t taken = 0;
        CURLcode result = curl_easy_recv(socket->easy, bytes, sizeof(bytes), &taken);
        if (result == CURLE_AGAIN)
            return false;
        if (result != CURLE_OK || taken == 0)
            return fail(socket, ERROR_UNAVAILABLE, "the connection ended before the upgrade");
        if (!buf_append(&socket->incoming, (struct sv){bytes, taken}))
            return fail(socket, ERROR_TOO_LARGE, "the answer's headers are too long");
    }
}

static bool run_frames(struct exec_socket *socket) {
    if (wslay_event_send(socket->frames) != 0 || wslay_event_recv(socket->frames) != 0) {
        /* Servers may drop the connection right behind the exit status. */
        if (buf_view(&socket->error_bytes).len == 0)
            return fail(socket, ERROR_UNAVAILABLE, "the connection was lost");
        return end(socket);
    }
    if (socket->phase == PHASE_ENDED)
        return true;
    if (wslay_event_get_close_received(socket->frames)) {
        wslay_event_send(socket->frames);
        return end(socket);
    }
    return false;
}

bool exec_socket_run(struct exec_socket *socket) {
    if (socket->phase == PHASE_UPGRADING && send_upgrade(socket))
        receive_upgrade(socket);
    if (socket->phase == PHASE_OPEN)
        run_frames(socket);
    return socket->phase == PHASE_ENDED;
}

bool exec_socket_wants_write(const struct exec_socket *socket) {
    if (socket->phase == PHASE_UPGRADING)
        return buf_view(&socket->outgoing).len > 0;
    return socket->frames && wslay_event_want_write(socket->frames);
}

/* The exit code from the Status on the error channel. */
static void take_exit(struct exec_socket *socket, struct arena *arena,
                      struct completion *completion) {
    struct error err = {0};
    struct sv text = buf_view(&socket->error_bytes);
    if (text.len == 0) {
        error_set(&completion->err, ERROR_UNAVAILABLE,
                  "exec: the connection was closed before an exit status came");
        return;
    }
    const struct cJSON *status = json_read(arena, text, &err);
    if (sv_eq(json_find_string(status, "status"), SV("Success")))
        return;
    if (sv_eq(json_find_string(status, "reason"), SV("NonZeroExitCode"))) {
        JSON_EACH (cause, json_find(status, "details.causes")) {
            int64_t code;
            if (sv_eq(json_find_string(cause, "reason"), SV("ExitCode")) &&
                sv_to_int64(json_find_string(cause, "message"), &code)) {
                completion->exit_code = (int)code;
                return;
            }
        }
    }
    if (status)
        api_status_to_error(status, 500, &completion->err);
    else
        error_set(&completion->err, ERROR_INTERNAL, "exec: %.*s", SV_ARG(text));
}

void exec_socket_finish(struct exec_socket *socket, struct arena *arena,
                        struct completion *ret_completion) {
    *ret_completion = (struct completion){
        .type = COMPLETION_EXEC,
        .err = socket->err,
        .http_status = socket->http_status,
        .retry_after_ms = socket->retry_after_ms,
        .stdout_bytes = arena_copy(arena, buf_view(&socket->stdout_bytes)),
        .stderr_bytes = arena_copy(arena, buf_view(&socket->stderr_bytes)),
    };
    if (socket->err.code == ERROR_NONE)
        take_exit(socket, arena, ret_completion);
}
