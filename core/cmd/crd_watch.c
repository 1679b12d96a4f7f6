/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cmd/crd_watch.h"

#include "core/api/crd_difference.h"
#include "core/api/crds.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/cache/reflector.h"
#include "core/data/json.h"

enum { LINE_BYTES_MAX = 4096 };

/* One definition. */
struct followed {
    struct crd_watch *watch;
    size_t index; /* of crd_text() */
    struct sv name;
    struct reflector *reflector;
    char lack[LINE_BYTES_MAX]; /* "", or what is missing, in words */
    bool is_told_forbidden;
};

struct crd_watch {
    struct log *log;
    struct arena *texts;
    VEC(struct followed *) all;
};

static bool write_fields(struct buf *text, const struct crd_difference *difference) {
    bool fits = true;
    size_t named =
        difference->count < CRD_FIELDS_NAMED_MAX ? difference->count : CRD_FIELDS_NAMED_MAX;
    for (size_t i = 0; i < named && fits; i++)
        fits = buf_printf(text, "%s%.*s", i > 0 ? ", " : "", SV_ARG(difference->fields[i]));
    if (fits && difference->count > named)
        fits = buf_printf(text, " and %zu more", difference->count - named);
    return fits;
}

static void set_lack(struct followed *followed, const struct crd_difference *difference) {
    struct buf text;
    buf_init(&text, sizeof(followed->lack) - 1);
    if (difference->count > 0 && !write_fields(&text, difference))
        buf_clear(&text);
    struct sv line = buf_view(&text);
    memcpy(followed->lack, line.ptr, line.len);
    followed->lack[line.len] = '\0';
    buf_release(&text);
}

static void compare(void *context, const struct cJSON *theirs) {
    struct followed *followed = context;
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct crd_difference difference;
    char before[LINE_BYTES_MAX];
    if (!sv_eq(object_name(theirs), followed->name))
        return; /* not what was asked for */
    const struct cJSON *ours = json_read(arena, crd_text(followed->index), &err);
    memcpy(before, followed->lack, sizeof(before));
    crd_compare(ours, theirs, arena, &difference);
    set_lack(followed, &difference);
    if (strcmp(before, followed->lack) == 0)
        return;
    if (difference.count > 0)
        log_line(followed->watch->log, LOG_WARNING,
                 "the installed CustomResourceDefinition %.*s lacks %s: what is written there is "
                 "dropped; apply those that `cacheruntime-controller crds` prints",
                 SV_ARG(followed->name), followed->lack);
    else
        log_line(followed->watch->log, LOG_INFO,
                 "the installed CustomResourceDefinition %.*s lacks nothing any more",
                 SV_ARG(followed->name));
}

/* That a kind is missing altogether is told by those who follow its objects. */
static void forget(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                   const struct cJSON *object) {
    (void)namespace_name, (void)name, (void)uid, (void)object;
    ((struct followed *)context)->lack[0] = '\0';
}

static void follow(struct crd_watch *watch, struct transport *transport, size_t index,
                   uint64_t seed) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct followed *followed = mem_alloc(sizeof(*followed));
    followed->watch = watch;
    followed->index = index;
    followed->name = arena_copy(watch->texts, object_name(json_read(arena, crd_text(index), &err)));
    struct sv selector = arena_printf(watch->texts, "metadata.name=%.*s", SV_ARG(followed->name));
    followed->reflector = reflector_new(&(struct reflector_options){
        .transport = transport,
        .resource = &RESOURCE_CUSTOM_RESOURCE_DEFINITIONS,
        .namespace_name = SV(""),
        .label_selector = SV(""),
        .field_selector = selector,
        .streams_lists = true,
        .seed = seed + index,
        .sink = {.upsert = compare, .remove = forget, .context = followed},
    });
    vec_push(&watch->all, followed);
}

struct crd_watch *crd_watch_new(struct transport *transport, struct log *log, uint64_t seed) {
    struct crd_watch *watch = mem_alloc(sizeof(*watch));
    watch->log = log;
    watch->texts = arena_new();
    for (size_t i = 0; i < crd_count(); i++)
        follow(watch, transport, i, seed);
    return watch;
}

void crd_watch_free(struct crd_watch *watch) {
    if (!watch)
        return;
    for (size_t i = 0; i < watch->all.count; i++) {
        reflector_free(watch->all.items[i]->reflector);
        mem_free(watch->all.items[i]);
    }
    vec_release(&watch->all);
    arena_free(watch->texts);
    mem_free(watch);
}

void crd_watch_take(struct crd_watch *watch, const struct completion *completion, int64_t now_ms) {
    for (size_t i = 0; i < watch->all.count; i++)
        if (reflector_take(watch->all.items[i]->reflector, completion, now_ms))
            return;
}

/* Other troubles are those of every watch, and are told there. */
static void tell_if_forbidden(struct followed *followed) {
    const struct error *trouble = reflector_trouble(followed->reflector);
    if (!trouble || trouble->code != ERROR_FORBIDDEN || followed->is_told_forbidden)
        return;
    followed->is_told_forbidden = true;
    log_line(followed->watch->log, LOG_INFO,
             "the CustomResourceDefinition %.*s is not compared with ours: %s",
             SV_ARG(followed->name), trouble->message);
}

int64_t crd_watch_step(struct crd_watch *watch, int64_t now_ms) {
    int64_t next_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < watch->all.count; i++) {
        int64_t due_ms = reflector_step(watch->all.items[i]->reflector, now_ms);
        next_ms = due_ms < next_ms ? due_ms : next_ms;
        tell_if_forbidden(watch->all.items[i]);
    }
    return next_ms;
}

void crd_watch_list(const struct crd_watch *watch, struct buf *text) {
    bool fits = true;
    for (size_t i = 0; i < watch->all.count && fits; i++) {
        const struct followed *followed = watch->all.items[i];
        if (followed->lack[0])
            fits = buf_printf(text, "the installed %.*s lacks %s\n", SV_ARG(followed->name),
                              followed->lack);
    }
}
