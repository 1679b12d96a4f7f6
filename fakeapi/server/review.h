/* SPDX-License-Identifier: Apache-2.0 */
/*
 * review: the resources that are questions: access reviews of authorization.k8s.io and reviews of
 * users and tokens of authentication.k8s.io. They are created and answered, and never stored
 * (apiserver-semantics.md §1.13). Pure.
 */
#ifndef FAKEAPI_SERVER_REVIEW_H
#define FAKEAPI_SERVER_REVIEW_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/server/rbac.h"

struct api_response;
struct arena;
struct cJSON;
struct request;

struct token_question {
    struct sv token;
    const struct sv *audiences; /* whom it was shown to; none: the API server */
    size_t audience_count;
};
struct token_answer {
    struct user_info user;
    const struct sv *audiences; /* those of them that it is for */
    size_t audience_count;
    struct sv problem; /* "": it is somebody's */
};

/* Who asks, as managedFields tell. */
struct review_writer {
    struct sv manager;
    struct sv subresource; /* "": none */
    int64_t now_ms;
};

struct review_options {
    struct rbac *rbac;            /* NULL: everybody may do everything */
    const struct user_info *user; /* who asks */
    struct sv manager;            /* as managedFields call him */
    int64_t now_ms;
    /* Whom a bearer token belongs to. */
    void (*find_user)(void *context, const struct token_question *question, struct arena *arena,
                      struct token_answer *ret_answer);
    void *context;
};

/* How a user stands in an object: username, uid and groups, as far as there are any. */
void set_user_info(struct arena *arena, struct cJSON *map, const struct user_info *user);
/* Whether a group version has any of them. */
bool has_reviews(struct sv group, struct sv version);
/* Whether a request addresses one of them. */
bool is_review(const struct request *request);
/* Its kind: "SelfSubjectAccessReview"; SV("") for others. */
struct sv review_kind(const struct request *request);
/* Answers a creation, whose body is `request->body`. */
void review_answer(const struct review_options *options, const struct request *request,
                   struct arena *arena, struct api_response *ret_response);
/* Notes in what was asked who asked it, although nothing is stored. */
void review_track(const struct review_writer *writer, struct sv kind, struct cJSON *tree,
                  struct arena *arena);

#endif
