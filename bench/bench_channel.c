/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_channel.h"

#include "core/base/error.h"
#include "core/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BODY_BYTES_MAX = 1024 * 1024 * 1024,
    TAKE_BYTES = 64 * 1024,
    ANSWER_MS_MAX = 120 * 1000,
    LINE_BYTES_MAX = 64,
};

/* Where in an answer the next byte belongs. */
enum place { PLACE_HEAD, PLACE_BODY, PLACE_CHUNK_SIZE, PLACE_CHUNK, PLACE_CHUNK_END };

struct bench_channel {
    int descriptor;
    gnutls_session_t session; /* NULL: plain */
    gnutls_certificate_credentials_t credentials;
    /* What came over the wire and GnuTLS has not taken: by itself it asks the kernel twice for each
     * record, and what the load costs is missing where the server shares the processors. */
    struct buf wire;
    struct buf head, body;
    enum place place;
    int status;
    size_t left; /* of the body or the chunk */
    bool is_last_chunk;
    char line[LINE_BYTES_MAX]; /* the size of a chunk */
    size_t line_len;
};

bool bench_address_parse(struct sv url, struct bench_address *ret_address, struct error *err) {
    struct bench_address address = {.has_tls = sv_starts_with(url, SV("https://"))};
    struct sv rest = sv_trim(sv_drop(url, address.has_tls ? 8 : 7));
    struct sv host = sv_cut(&rest, ':');
    int64_t port = 0;
    bool is_known = (address.has_tls || sv_starts_with(url, SV("http://"))) &&
                    host.len < sizeof(address.host) && sv_to_int64(rest, &port) && port > 0 &&
                    port <= UINT16_MAX;
    if (!is_known)
        return error_set(err, ERROR_INVALID, "%.*s: give a URL such as https://127.0.0.1:6443",
                         SV_ARG(url));
    memcpy(address.host, host.ptr, host.len);
    address.port = (uint16_t)port;
    *ret_address = address;
    return true;
}

/* --- connecting --- */

static ssize_t pull(gnutls_transport_ptr_t context, void *bytes, size_t len) {
    struct bench_channel *channel = context;
    if (buf_view(&channel->wire).len == 0) {
        char fresh[TAKE_BYTES];
        ssize_t taken = recv(channel->descriptor, fresh, sizeof(fresh), 0);
        if (taken <= 0)
            return taken;
        bool fits = buf_append(&channel->wire, (struct sv){fresh, (size_t)taken});
        assert(fits);
    }
    struct sv some = sv_prefix(buf_view(&channel->wire), len);
    memcpy(bytes, some.ptr, some.len);
    buf_consume(&channel->wire, some.len);
    return (ssize_t)some.len;
}

static bool shake_hands(struct bench_channel *channel, struct error *err) {
    int result;
    gnutls_certificate_allocate_credentials(&channel->credentials);
    gnutls_init(&channel->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
    gnutls_set_default_priority(channel->session);
    gnutls_credentials_set(channel->session, GNUTLS_CRD_CERTIFICATE, channel->credentials);
    gnutls_transport_set_ptr2(channel->session, channel,
                              (gnutls_transport_ptr_t)(intptr_t)channel->descriptor);
    gnutls_transport_set_pull_function(channel->session, pull);
    do {
        struct pollfd wait = {channel->descriptor,
                              gnutls_record_get_direction(channel->session) ? POLLOUT : POLLIN, 0};
        result = gnutls_handshake(channel->session);
        if (result == GNUTLS_E_AGAIN)
            poll(&wait, 1, ANSWER_MS_MAX);
    } while (result < 0 && !gnutls_error_is_fatal(result));
    return result >= 0 || error_set(err, ERROR_IO, "handshake: %s", gnutls_strerror(result));
}

static bool connect_to(const struct bench_address *address, int *ret_descriptor,
                       struct error *err) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    int one = 1;
    if (inet_pton(AF_INET, address->host, &to.sin_addr) != 1)
        return error_set(err, ERROR_INVALID, "%s is no IPv4 address", address->host);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&to, sizeof(to)) != 0) {
        int problem = errno;
        if (descriptor >= 0)
            close(descriptor);
        return error_set(err, ERROR_IO, "cannot connect to %s:%u: %s", address->host, address->port,
                         strerror(problem));
    }
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    *ret_descriptor = descriptor;
    return true;
}

struct bench_channel *bench_channel_open(const struct bench_address *address, struct error *err) {
    struct bench_channel *channel = mem_alloc(sizeof(*channel));
    channel->descriptor = -1;
    buf_init(&channel->head, TAKE_BYTES);
    buf_init(&channel->body, BODY_BYTES_MAX);
    buf_init(&channel->wire, TAKE_BYTES);
    if (connect_to(address, &channel->descriptor, err) &&
        (!address->has_tls || shake_hands(channel, err)))
        return channel;
    bench_channel_free(channel);
    return NULL;
}

void bench_channel_free(struct bench_channel *channel) {
    if (!channel)
        return;
    if (channel->session)
        gnutls_deinit(channel->session);
    if (channel->credentials)
        gnutls_certificate_free_credentials(channel->credentials);
    if (channel->descriptor >= 0)
        close(channel->descriptor);
    buf_release(&channel->head);
    buf_release(&channel->body);
    buf_release(&channel->wire);
    mem_free(channel);
}

int bench_channel_descriptor(const struct bench_channel *channel) {
    return channel->descriptor;
}

/* --- bytes --- */

/* -1: closed; 0: nothing now. */
static ssize_t read_some(struct bench_channel *channel, char *bytes, size_t len) {
    ssize_t taken;
    /* A ticket is no data, but there may be some behind it. */
    do {
        taken = channel->session ? gnutls_record_recv(channel->session, bytes, len)
                                 : recv(channel->descriptor, bytes, len, 0);
    } while (channel->session && taken == GNUTLS_E_AGAIN && buf_view(&channel->wire).len > 0);
    if (taken > 0)
        return taken;
    bool waits = channel->session ? taken < 0 && !gnutls_error_is_fatal((int)taken)
                                  : taken < 0 && (errno == EAGAIN || errno == EINTR);
    return waits ? 0 : -1;
}

static ssize_t write_some(struct bench_channel *channel, struct sv bytes) {
    ssize_t written = channel->session
                          ? gnutls_record_send(channel->session, bytes.ptr, bytes.len)
                          : send(channel->descriptor, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    if (written >= 0)
        return written;
    bool waits =
        channel->session ? !gnutls_error_is_fatal((int)written) : errno == EAGAIN || errno == EINTR;
    return waits ? 0 : -1;
}

bool bench_channel_send(struct bench_channel *channel, struct sv bytes, struct error *err) {
    buf_clear(&channel->head);
    buf_clear(&channel->body);
    channel->place = PLACE_HEAD;
    channel->line_len = 0;
    while (bytes.len > 0) {
        ssize_t written = write_some(channel, bytes);
        if (written < 0)
            return error_set(err, ERROR_IO, "the server closed the connection");
        bytes = sv_drop(bytes, (size_t)written);
        struct pollfd wait = {channel->descriptor, POLLOUT, 0};
        if (written == 0)
            poll(&wait, 1, ANSWER_MS_MAX);
    }
    return true;
}

/* --- answers --- */

static bool header_value(struct sv head, const char *name, struct sv *ret_value) {
    size_t len = strlen(name);
    while (head.len > 0) {
        struct sv line = sv_cut(&head, '\n');
        if (line.len > len && strncasecmp(line.ptr, name, len) == 0 && line.ptr[len] == ':') {
            *ret_value = sv_trim(sv_drop(line, len + 1));
            return true;
        }
    }
    return false;
}

/* How many of the bytes belong to the head. */
static size_t take_head(struct bench_channel *channel, struct sv bytes) {
    struct sv value;
    int64_t number;
    size_t before = buf_view(&channel->head).len;
    bool fits = buf_append(&channel->head, sv_prefix(bytes, TAKE_BYTES - 1 - before));
    assert(fits);
    struct sv head = buf_view(&channel->head);
    const char *end = memmem(head.ptr, head.len, "\r\n\r\n", 4);
    if (!end)
        return bytes.len;
    head.len = (size_t)(end - head.ptr) + 2;
    channel->status =
        head.len > 12 && sv_to_int64(sv_prefix(sv_drop(head, 9), 3), &number) ? (int)number : 0;
    channel->left = 0;
    channel->place = PLACE_BODY;
    if (header_value(head, "Transfer-Encoding", &value))
        channel->place = PLACE_CHUNK_SIZE;
    else if (header_value(head, "Content-Length", &value) && sv_to_int64(value, &number))
        channel->left = (size_t)number;
    return head.len + 2 - before;
}

static size_t take_chunk_size(struct bench_channel *channel, struct sv bytes) {
    size_t used = 0;
    while (used < bytes.len) {
        char byte = bytes.ptr[used++];
        if (byte != '\n') {
            if (channel->line_len + 1 < LINE_BYTES_MAX)
                channel->line[channel->line_len++] = byte;
            continue;
        }
        channel->line[channel->line_len] = 0;
        channel->line_len = 0;
        channel->left = strtoull(channel->line, NULL, 16);
        channel->is_last_chunk = channel->left == 0;
        channel->place = channel->is_last_chunk ? PLACE_CHUNK_END : PLACE_CHUNK;
        channel->left += channel->is_last_chunk ? 2 : 0;
        return used;
    }
    return used;
}

static size_t take_content(struct bench_channel *channel, struct sv bytes) {
    struct sv content = sv_prefix(bytes, channel->left);
    bool fits = buf_append(&channel->body, content);
    assert(fits);
    channel->left -= content.len;
    if (channel->left == 0 && channel->place == PLACE_CHUNK) {
        channel->place = PLACE_CHUNK_END;
        channel->left = 2;
    }
    return content.len;
}

static size_t take_chunk_end(struct bench_channel *channel, struct sv bytes) {
    size_t used = bytes.len < channel->left ? bytes.len : channel->left;
    channel->left -= used;
    if (channel->left == 0 && !channel->is_last_chunk)
        channel->place = PLACE_CHUNK_SIZE;
    return used;
}

static bool is_complete(const struct bench_channel *channel) {
    return channel->left == 0 && (channel->place == PLACE_BODY ||
                                  (channel->place == PLACE_CHUNK_END && channel->is_last_chunk));
}

static void take_bytes(struct bench_channel *channel, struct sv bytes) {
    static size_t (*const takers[])(struct bench_channel *, struct sv) = {
        [PLACE_HEAD] = take_head,
        [PLACE_BODY] = take_content,
        [PLACE_CHUNK_SIZE] = take_chunk_size,
        [PLACE_CHUNK] = take_content,
        [PLACE_CHUNK_END] = take_chunk_end,
    };
    while (bytes.len > 0 && !is_complete(channel))
        bytes = sv_drop(bytes, takers[channel->place](channel, bytes));
}

enum bench_turn bench_channel_take(struct bench_channel *channel, int *ret_status) {
    char bytes[TAKE_BYTES];
    ssize_t taken;
    while ((taken = read_some(channel, bytes, sizeof(bytes))) > 0) {
        take_bytes(channel, (struct sv){bytes, (size_t)taken});
        if (channel->place != PLACE_HEAD && is_complete(channel)) {
            *ret_status = channel->status;
            return BENCH_ANSWERED;
        }
    }
    return taken < 0 ? BENCH_CLOSED : BENCH_WAITS;
}

struct sv bench_channel_body(const struct bench_channel *channel) {
    return buf_view(&channel->body);
}

void bench_channel_skip(struct bench_channel *channel) {
    buf_clear(&channel->body);
}

bool bench_channel_ask(struct bench_channel *channel, struct sv request, int *ret_status,
                       struct error *err) {
    if (!bench_channel_send(channel, request, err))
        return false;
    for (;;) {
        struct pollfd wait = {channel->descriptor, POLLIN, 0};
        switch (bench_channel_take(channel, ret_status)) {
        case BENCH_ANSWERED:
            return true;
        case BENCH_CLOSED:
            return error_set(err, ERROR_IO, "the server closed the connection");
        case BENCH_WAITS:
            break;
        }
        if (poll(&wait, 1, ANSWER_MS_MAX) <= 0)
            return error_set(err, ERROR_TIMEOUT, "no answer within two minutes");
    }
}
