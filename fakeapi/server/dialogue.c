/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/dialogue.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/server/server_parts.h"

struct asked {
    uint64_t hash; /* of whom and what, without the uid */
    struct sv webhook;
    bool is_open;
    struct webhook_reply reply;
};

struct dialogue {
    struct fakeapi *api;
    struct arena *arena;
    void (*answered)(void *context);
    void *context;
    int64_t now_ms;
    struct rng question_rng;
    struct rng first_uid_rng, first_name_rng; /* as every run begins */
    struct rng uid_rng, name_rng;
    VEC(struct asked) asked;
    size_t open_count;
};

struct dialogue *dialogue_new(struct fakeapi *api, void (*answered)(void *context), void *context) {
    struct dialogue *dialogue = mem_alloc(sizeof(*dialogue));
    uint64_t seed = rng_next(&api->uid_rng);
    *dialogue = (struct dialogue){
        .api = api,
        .arena = arena_new(),
        .answered = answered,
        .context = context,
        .now_ms = clock_now_ms(api->options.clock),
    };
    rng_init_named(&dialogue->question_rng, seed, SV("AdmissionReview"));
    rng_init_named(&dialogue->first_uid_rng, seed, SV("uid"));
    rng_init_named(&dialogue->first_name_rng, seed, SV("generateName"));
    return dialogue;
}

void dialogue_free(struct dialogue *dialogue) {
    if (!dialogue)
        return;
    struct webhook_client *client = dialogue->api->webhook_client;
    if (dialogue->open_count > 0 && client)
        client->forget(client, dialogue);
    vec_release(&dialogue->asked);
    arena_free(dialogue->arena);
    mem_free(dialogue);
}

bool dialogue_is_waiting(const struct dialogue *dialogue) {
    return dialogue->open_count > 0;
}

/* --- answers --- */

static void close_question(struct dialogue *dialogue, struct asked *asked) {
    asked->is_open = false;
    if (--dialogue->open_count == 0 && dialogue->answered)
        dialogue->answered(dialogue->context);
}

static struct asked *open_question(struct dialogue *dialogue, size_t index) {
    assert(index < dialogue->asked.count);
    assert(dialogue->asked.items[index].is_open);
    return &dialogue->asked.items[index];
}

void dialogue_answer(struct dialogue *dialogue, size_t index, int http_status, struct sv body) {
    struct asked *asked = open_question(dialogue, index);
    asked->reply.http_status = http_status;
    asked->reply.body = arena_copy(dialogue->arena, body);
    close_question(dialogue, asked);
}

void dialogue_fail(struct dialogue *dialogue, size_t index, struct sv why) {
    struct asked *asked = open_question(dialogue, index);
    asked->reply.failure = arena_copy(dialogue->arena, why);
    close_question(dialogue, asked);
}

/* --- runs --- */

void dialogue_begin(struct dialogue *dialogue) {
    dialogue->uid_rng = dialogue->first_uid_rng;
    dialogue->name_rng = dialogue->first_name_rng;
}

int64_t dialogue_now_ms(const struct dialogue *dialogue) {
    return dialogue->now_ms;
}

struct rng *dialogue_uid_rng(struct dialogue *dialogue) {
    return &dialogue->uid_rng;
}

struct rng *dialogue_name_rng(struct dialogue *dialogue) {
    return &dialogue->name_rng;
}

/* --- questions --- */

static struct sv new_uid(struct dialogue *dialogue) {
    uint64_t high = rng_next(&dialogue->question_rng), low = rng_next(&dialogue->question_rng);
    return uid_text(dialogue->arena, high, low);
}

static void ask(struct dialogue *dialogue, const struct webhook_question *question, uint64_t hash) {
    struct arena *arena = dialogue->arena;
    struct sv uid = new_uid(dialogue);
    size_t index = dialogue->asked.count;
    if (question->review)
        json_set_string(arena, json_get(question->review, SV("request")), SV("uid"), uid);
    struct asked asked = {
        .hash = hash,
        .webhook = arena_copy(arena, question->webhook),
        .is_open = true,
        .reply = {.failure = SV(""), .uid = uid, .body = SV("")},
    };
    struct webhook_call call = {
        .index = index,
        .webhook = asked.webhook,
        .target = {arena_copy(arena, question->target.url),
                   arena_copy(arena, question->target.connect_to),
                   arena_copy(arena, question->target.ca_bundle), question->target.is_unverified},
        .body = question->review ? json_write_arena(arena, question->review, JSON_COMPACT) : SV(""),
        .get_as = question->review ? SV("") : arena_copy(arena, question->get_as),
        .timeout_ms = question->timeout_ms,
    };
    vec_push(&dialogue->asked, asked);
    dialogue->open_count++;
    struct webhook_client *client = dialogue->api->webhook_client;
    if (client)
        client->ask(client, dialogue, &call);
    else
        dialogue_fail(dialogue, index, SV("this server has no way to call webhooks"));
}

enum dialogue_turn dialogue_ask(struct dialogue *dialogue, const struct webhook_question *question,
                                struct arena *arena, struct webhook_reply *ret_reply) {
    struct sv text = question->review ? json_write_arena(arena, question->review, JSON_COMPACT)
                                      : question->target.url;
    uint64_t hash = sv_hash(text);
    size_t index = 0;
    while (index < dialogue->asked.count &&
           (dialogue->asked.items[index].hash != hash ||
            !sv_eq(dialogue->asked.items[index].webhook, question->webhook)))
        index++;
    if (index == DIALOGUE_QUESTIONS_MAX)
        return DIALOGUE_EXHAUSTED;
    if (index == dialogue->asked.count)
        ask(dialogue, question, hash);
    if (dialogue->asked.items[index].is_open)
        return DIALOGUE_WAITS;
    *ret_reply = dialogue->asked.items[index].reply;
    return DIALOGUE_REPLIED;
}
