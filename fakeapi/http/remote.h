/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote: one request that this server sends to another process over HTTPS: a webhook or an
 * aggregated API server. It knows where that is, whom to trust, who we are, and how Go's client
 * words what went wrong; its owner knows what is asked and what becomes of the answer.
 */
#ifndef FAKEAPI_HTTP_REMOTE_H
#define FAKEAPI_HTTP_REMOTE_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/http/curl_loop.h"

#include <arpa/inet.h>

struct tls_identity;
struct user_info;
struct webhook_target;

enum {
    REMOTE_ADDRESS_BYTES_MAX = INET6_ADDRSTRLEN + 16, /* with a port */
    REMOTE_PROBLEM_BYTES_MAX = CURL_ERROR_SIZE + REMOTE_ADDRESS_BYTES_MAX + 64,
};

/* A member of its owner's struct, which does not move while the transfer runs. */
struct remote {
    struct curl_transfer transfer; /* first: what the loop hands back */
    CURL *easy;
    struct curl_slist *headers, *connect_to;
    char message[CURL_ERROR_SIZE];
    char address[REMOTE_ADDRESS_BYTES_MAX]; /* "127.0.0.1:443"; "": none was tried */
};

/* Of a GET of `url`, which stands where target->connect_to says; the owner sets more before he adds
 * it to a loop. Texts are copied. */
void remote_init(struct remote *remote, const struct webhook_target *target, const char *url);
/* Once it is in no loop. */
void remote_release(struct remote *remote);

/* A field of the head; false, and nothing added, when it would be more than one line. */
bool remote_add_header(struct remote *remote, struct sv name, struct sv value);
/* libcurl adds none of that name by itself. */
void remote_omit_header(struct remote *remote, const char *name);
/* The server shows its certificate (`tls`, may be NULL) and says in whose name it asks; false: that
 * name cannot be written in a head. */
bool remote_ask_as(struct remote *remote, const struct tls_identity *tls,
                   const struct user_info *user);

/* Why a transfer failed, in `ret_text`. */
void remote_problem(const struct remote *remote, CURLcode result,
                    char ret_text[REMOTE_PROBLEM_BYTES_MAX]);

#endif
