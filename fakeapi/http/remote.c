/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/remote.h"

#include "core/base/arena.h"
#include "core/base/mem.h"
#include "fakeapi/http/tls_identity.h"
#include "fakeapi/server/rbac.h"
#include "fakeapi/server/webhook_target.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>

/* Where it went last is a part of Go's words for a refusal. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to) {
    struct remote *remote = context;
    char host[INET6_ADDRSTRLEN] = "", port[8] = "";
    (void)purpose;
    getnameinfo(&to->addr, to->addrlen, host, sizeof(host), port, sizeof(port),
                NI_NUMERICHOST | NI_NUMERICSERV);
    bool is_ipv6 = to->family == AF_INET6;
    snprintf(remote->address, sizeof(remote->address), "%s%s%s:%s", is_ipv6 ? "[" : "", host,
             is_ipv6 ? "]" : "", port);
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* The certificate still has to be that of the URL's host. */
static void send_elsewhere(struct remote *remote, struct sv address) {
    AUTO(arena) arena = arena_new();
    remote->connect_to =
        curl_slist_append(NULL, arena_printf(arena, "::%.*s", SV_ARG(address)).ptr);
    curl_easy_setopt(remote->easy, CURLOPT_CONNECT_TO, remote->connect_to);
}

static struct curl_blob blob_of(struct sv text) {
    return (struct curl_blob){(void *)(uintptr_t)text.ptr, text.len, CURL_BLOB_COPY};
}

static void trust(struct remote *remote, const struct webhook_target *target) {
    if (target->is_unverified) {
        curl_easy_setopt(remote->easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(remote->easy, CURLOPT_SSL_VERIFYHOST, 0L);
    } else if (target->ca_bundle.len > 0) {
        struct curl_blob blob = blob_of(target->ca_bundle);
        curl_easy_setopt(remote->easy, CURLOPT_CAINFO_BLOB, &blob);
    }
}

void remote_init(struct remote *remote, const struct webhook_target *target, const char *url) {
    CURL *easy = remote->easy = curl_easy_init();
    assert(easy);
    remote->headers = remote->connect_to = NULL;
    remote->message[0] = remote->address[0] = 0;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, remote->message);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, remote);
    if (target->connect_to.len > 0)
        send_elsewhere(remote, target->connect_to);
    trust(remote, target);
}

void remote_release(struct remote *remote) {
    if (remote->easy)
        curl_easy_cleanup(remote->easy);
    remote->easy = NULL;
    curl_slist_free_all(remote->headers);
    curl_slist_free_all(remote->connect_to);
    remote->headers = remote->connect_to = NULL;
}

/* --- the head --- */

static bool is_one_line(struct sv text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\r' || text.ptr[i] == '\n' || text.ptr[i] == 0)
            return false;
    return true;
}

bool remote_add_header(struct remote *remote, struct sv name, struct sv value) {
    if (!is_one_line(name) || !is_one_line(value))
        return false;
    AUTO(arena) arena = arena_new();
    /* libcurl takes "Name:" as a wish to send none, and "Name;" as one without a value. */
    struct sv line =
        value.len > 0 ? ARENA_JOIN(arena, name, SV(": "), value) : ARENA_JOIN(arena, name, SV(";"));
    remote->headers = curl_slist_append(remote->headers, arena_copy(arena, line).ptr);
    curl_easy_setopt(remote->easy, CURLOPT_HTTPHEADER, remote->headers);
    return true;
}

void remote_omit_header(struct remote *remote, const char *name) {
    AUTO(arena) arena = arena_new();
    remote->headers = curl_slist_append(remote->headers, arena_printf(arena, "%s:", name).ptr);
    curl_easy_setopt(remote->easy, CURLOPT_HTTPHEADER, remote->headers);
}

/* What may not stand in the name of a field is written as %2f. */
static struct sv escaped_key(struct arena *arena, struct sv key) {
    char *bytes = arena_alloc(arena, 3 * key.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < key.len; i++) {
        unsigned char byte = (unsigned char)key.ptr[i];
        if (isalnum(byte) || (byte && strchr("!#$&'*+-.^_`|~", byte)))
            bytes[len++] = (char)byte;
        else
            len += (size_t)snprintf(bytes + len, 4, "%%%02x", byte);
    }
    return (struct sv){bytes, len};
}

static bool add_user(struct remote *remote, const struct user_info *user) {
    AUTO(arena) arena = arena_new();
    bool fits = remote_add_header(remote, SV("X-Remote-User"), user->name);
    if (user->uid.len > 0)
        fits = fits && remote_add_header(remote, SV("X-Remote-Uid"), user->uid);
    for (size_t i = 0; fits && i < user->group_count; i++)
        fits = remote_add_header(remote, SV("X-Remote-Group"), user->groups[i]);
    for (size_t i = 0; fits && i < user->extra_count; i++)
        fits = remote_add_header(
            remote,
            ARENA_JOIN(arena, SV("X-Remote-Extra-"), escaped_key(arena, user->extra[i].key)),
            user->extra[i].value);
    return fits;
}

bool remote_ask_as(struct remote *remote, const struct tls_identity *tls,
                   const struct user_info *user) {
    if (tls && tls->proxy_certificate.len > 0) {
        struct curl_blob certificate = blob_of(tls->proxy_certificate);
        struct curl_blob key = blob_of(tls->proxy_key);
        curl_easy_setopt(remote->easy, CURLOPT_SSLCERT_BLOB, &certificate);
        curl_easy_setopt(remote->easy, CURLOPT_SSLKEY_BLOB, &key);
    }
    return add_user(remote, user);
}

/* --- what went wrong --- */

/* Whether nobody listens there. */
static bool is_refused(const struct remote *remote, CURLcode result) {
    long number = 0;
    curl_easy_getinfo(remote->easy, CURLINFO_OS_ERRNO, &number);
    return result == CURLE_COULDNT_CONNECT && number == ECONNREFUSED && remote->address[0];
}

void remote_problem(const struct remote *remote, CURLcode result,
                    char ret_text[REMOTE_PROBLEM_BYTES_MAX]) {
    const char *text = remote->message[0] ? remote->message : curl_easy_strerror(result);
    if (result == CURLE_OPERATION_TIMEDOUT)
        text = "context deadline exceeded";
    if (is_refused(remote, result))
        snprintf(ret_text, REMOTE_PROBLEM_BYTES_MAX, "dial tcp %s: connect: connection refused",
                 remote->address);
    else
        snprintf(ret_text, REMOTE_PROBLEM_BYTES_MAX, "%s", text);
}
