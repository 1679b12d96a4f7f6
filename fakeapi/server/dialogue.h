/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialogue: what one write and the admission webhooks have to say to each other.
 *
 * The server never waits. A write that needs an answer which is not there yet is given up without
 * any effect, and run again from its beginning once the answers have come. The dialogue is what
 * lasts between these runs: the questions with their answers, and the write's time and chance, so
 * that every run makes the same object. When somebody else wrote meanwhile and the object comes
 * out different, that is a new question, as a server asks again after a conflict. Pure: who
 * carries the questions is a webhook_client.
 */
#ifndef FAKEAPI_SERVER_DIALOGUE_H
#define FAKEAPI_SERVER_DIALOGUE_H

#include "core/base/base.h"
#include "core/base/rng.h"
#include "core/base/sv.h"
#include "fakeapi/server/webhook_target.h"

struct arena;
struct cJSON;
struct dialogue; /* opaque */
struct fakeapi;

enum {
    /* Of one write: each webhook once or twice for each object, and again when others write
     * meanwhile. */
    DIALOGUE_QUESTIONS_MAX = 4096,
    WEBHOOK_ANSWER_BYTES_MAX = 3 * 1024 * 1024,
};

/* One call of a webhook; all texts live as long as the dialogue and are terminated. */
struct webhook_call {
    size_t index; /* for dialogue_answer() and dialogue_fail() */
    struct sv webhook;
    struct webhook_target target;
    struct sv body;   /* an AdmissionReview */
    struct sv get_as; /* not "": instead a GET of an aggregated API in the name of that user */
    int64_t timeout_ms;
};

/* Carries questions to webhooks: HTTPS, or a test. */
struct webhook_client {
    /* The end is told by dialogue_answer() or dialogue_fail(), at once or later. */
    void (*ask)(struct webhook_client *client, struct dialogue *dialogue,
                const struct webhook_call *call);
    /* Nobody wants the answers any more; the dialogue is gone afterwards. */
    void (*forget)(struct webhook_client *client, struct dialogue *dialogue);
};

/* Calls `answered` (may be NULL) each time when no question is open any more, which may be while
 * the write runs. */
struct dialogue *dialogue_new(struct fakeapi *api, void (*answered)(void *context), void *context);
/* Accepts NULL. */
void dialogue_free(struct dialogue *dialogue);
DEFINE_AUTO(dialogue)

/* `body` is copied. */
void dialogue_answer(struct dialogue *dialogue, size_t index, int http_status, struct sv body);
/* There was no answer: "connection refused". */
void dialogue_fail(struct dialogue *dialogue, size_t index, struct sv why);
/* Questions are open. */
bool dialogue_is_waiting(const struct dialogue *dialogue);

/* --- for the server --- */

/* Begins a run of the write. */
void dialogue_begin(struct dialogue *dialogue);
int64_t dialogue_now_ms(const struct dialogue *dialogue);
struct rng *dialogue_uid_rng(struct dialogue *dialogue);
struct rng *dialogue_name_rng(struct dialogue *dialogue);

struct webhook_question {
    struct sv webhook;
    struct webhook_target target;
    int64_t timeout_ms;
    struct cJSON *review; /* an AdmissionReview whose request has no uid yet; NULL: a GET */
    struct sv get_as;     /* then: in whose name */
};
struct webhook_reply {
    struct sv failure; /* why there is none; "": there is one */
    int http_status;
    struct sv uid; /* of the request */
    struct sv body;
};
enum dialogue_turn { DIALOGUE_REPLIED, DIALOGUE_WAITS, DIALOGUE_EXHAUSTED };
/* The reply to a question, which is asked when it is new. Exhausted: there were too many.
 * `arena` is the run's. */
enum dialogue_turn dialogue_ask(struct dialogue *dialogue, const struct webhook_question *question,
                                struct arena *arena, struct webhook_reply *ret_reply);

#endif
