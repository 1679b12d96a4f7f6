/* SPDX-License-Identifier: Apache-2.0 */
/* GET and LIST (apiserver-semantics.md §1.3). */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/error.h"
#include "core/base/vec.h"
#include "core/data/base64.h"
#include "core/data/frozen.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/schema/go_json.h"
#include "fakeapi/schema/protobuf.h"
#include "fakeapi/server/conversion.h"
#include "fakeapi/server/convert_webhook.h"
#include "fakeapi/server/list_text.h"
#include "fakeapi/server/table.h"
#include "fakeapi/server/selection.h"
#include "fakeapi/server/server_parts.h"

/* --- one object --- */

static struct cJSON *shared_without(struct arena *arena, const struct cJSON *map,
                                    const struct sv *left_out, size_t count) {
    struct cJSON *copy = json_map(arena);
    JSON_EACH (member, map)
        if (sv_index_of(json_key(member), left_out, count) == count)
            json_append(copy, json_share(arena, member));
    return copy;
}

static const struct cJSON *partial_metadata(struct arena *arena, const struct cJSON *tree) {
    struct cJSON *partial = json_map(arena);
    json_set_string(arena, partial, SV("kind"), SV("PartialObjectMetadata"));
    json_set_string(arena, partial, SV("apiVersion"), SV("meta.k8s.io/v1"));
    json_append(partial, json_share(arena, json_get(tree, SV("metadata"))));
    return partial;
}

const struct cJSON *present(struct arena *arena, const struct resource_type *type,
                            const struct request *request, const struct cJSON *tree) {
    struct frozen *frozen = frozen_of(tree);
    if (frozen)
        frozen_hold(arena, frozen);
    if (request->metadata_only)
        return partial_metadata(arena, tree);
    tree = convert_to_type(arena, type, tree);
    if (!type->sets_defaults_on_read || !admit_lacks_defaults(type, tree))
        return tree;
    struct cJSON *copy = json_copy(arena, tree);
    admit_set_defaults(type, copy, arena);
    return copy;
}

struct stored *find_or_refuse(struct call *call) {
    const struct request *request = call->request;
    struct stored *stored =
        collection_get(call->collection, request->namespace_name, request->name);
    if (!stored)
        refuse_not_found(call, call->type, request->name);
    return stored;
}

const struct cJSON *find_in_version(struct call *call, struct stored *stored) {
    if (!convert_ahead(call, stored_tree(stored)))
        return NULL;
    return present(call->arena, call->type, &(struct request){0}, call->converted);
}

/* What is no number is a 400 to a list, and a 500 to a get. */
static bool read_revision(struct call *call, struct sv text, bool is_list, uint64_t *ret_revision) {
    int64_t value = 0;
    if (text.len > 0 && (!sv_to_int64(text, &value) || value < 0)) {
        struct sv why =
            arena_printf(call->arena,
                         "%sresourceVersion: Invalid value: \"%.*s\": "
                         "strconv.ParseUint: parsing \"%.*s\": invalid syntax",
                         is_list ? "invalid resource version: " : "", SV_ARG(text), SV_ARG(text));
        return is_list ? refuse_bad_request(call, why) : refuse(call, 500, "", why, NULL);
    }
    *ret_revision = (uint64_t)value;
    return true;
}

/* A read must not be older than a version that the client has seen. */
static bool refuse_future(struct call *call, uint64_t revision) {
    uint64_t now = store_revision(call->api->store);
    if (revision <= now)
        return true;
    struct cJSON *details = json_map(call->arena);
    add_cause(call, details, SV("ResourceVersionTooLarge"), SV("Too large resource version"),
              SV(""));
    json_set_int(call->arena, details, SV("retryAfterSeconds"), 1);
    return refuse(call, 504, "Timeout",
                  arena_printf(call->arena,
                               "Timeout: Too large resource version: %llu, current: %llu",
                               (unsigned long long)revision, (unsigned long long)now),
                  details);
}

void handle_get(struct call *call) {
    uint64_t revision = 0;
    if (!read_revision(call, call->request->resource_version, false, &revision) ||
        !refuse_future(call, revision))
        return;
    struct stored *stored = find_or_refuse(call);
    if (stored && (call->request->metadata_only || convert_ahead(call, stored_tree(stored))))
        answer_stored(call, 200, stored);
}

/* --- lists --- */

struct changed_since {
    struct sv namespace_name, name;
    struct stored *then; /* NULL: did not exist */
};

struct lister {
    struct call *call;
    struct selection selection;
    uint64_t revision; /* what the list shows */
    int64_t limit;     /* 0: none */
    struct sv start_namespace, start_name;
    bool is_behind_start; /* the start itself is left out */
    /* What differs from now, in the order of keys. */
    VEC(struct changed_since) changed;
    size_t changed_index;
    struct position position;
    struct list_text *text;          /* NULL: the answer is a tree */
    VEC(const struct cJSON *) trees; /* of types that a webhook converts */
    struct sv type_prefixes[2];      /* how the text of an object may begin */
};

static int compare_keys(struct sv namespace_a, struct sv name_a, struct sv namespace_b,
                        struct sv name_b) {
    int order = sv_compare(namespace_a, namespace_b);
    return order != 0 ? order : sv_compare(name_a, name_b);
}

static int compare_changed(const void *a, const void *b) {
    const struct changed_since *x = a, *y = b;
    return compare_keys(x->namespace_name, x->name, y->namespace_name, y->name);
}

/* The first log entry of a key behind the revision tells what it was at that revision. */
static void collect_changed(struct lister *lister) {
    const struct collection *collection = lister->call->collection;
    AUTO(map) seen = map_new();
    const struct log_entry *entry;
    for (uint64_t s = collection_log_after(collection, lister->revision);
         (entry = collection_log_at(collection, s)); s++) {
        struct sv key =
            object_key(lister->call->arena, entry->object->namespace_name, entry->object->name);
        if (map_has(seen, key))
            continue;
        map_put(seen, key, NULL);
        vec_push(&lister->changed, (struct changed_since){entry->object->namespace_name,
                                                          entry->object->name, entry->before});
    }
    if (lister->changed.count > 0)
        qsort(lister->changed.items, lister->changed.count, sizeof(*lister->changed.items),
              compare_changed);
}

/* The next object in key order as it was at the list's revision; NULL at the end. */
static struct stored *next_object(struct lister *lister) {
    for (;;) {
        struct stored *now = collection_at(lister->call->collection, &lister->position);
        const struct changed_since *changed = lister->changed_index < lister->changed.count
                                                  ? &lister->changed.items[lister->changed_index]
                                                  : NULL;
        if (!now && !changed)
            return NULL;
        int order = !now       ? 1
                    : !changed ? -1
                               : compare_keys(now->namespace_name, now->name,
                                              changed->namespace_name, changed->name);
        if (order < 0) {
            position_advance(&lister->position);
            return now;
        }
        lister->changed_index++;
        if (order == 0)
            position_advance(&lister->position);
        if (changed->then)
            return changed->then;
    }
}

static bool is_behind(const struct lister *lister, const struct stored *object) {
    int order = compare_keys(object->namespace_name, object->name, lister->start_namespace,
                             lister->start_name);
    return order > 0 || (order == 0 && !lister->is_behind_start);
}

/* How texts of this type may begin; their length, which is the same. */
static size_t set_type_prefixes(struct lister *lister) {
    struct call *call = lister->call;
    struct sv kind = call->type->resource.kind;
    struct sv version = resource_api_version(&call->type->resource, call->arena);
    lister->type_prefixes[0] = arena_printf(
        call->arena, "{\"kind\":\"%.*s\",\"apiVersion\":\"%.*s\",", SV_ARG(kind), SV_ARG(version));
    lister->type_prefixes[1] = arena_printf(
        call->arena, "{\"apiVersion\":\"%.*s\",\"kind\":\"%.*s\",", SV_ARG(version), SV_ARG(kind));
    return lister->type_prefixes[0].len;
}

static bool names_type_first(const struct cJSON *tree) {
    static const struct sv names[] = {SV("kind"), SV("apiVersion")};
    const struct cJSON *first = tree->child, *second = first ? first->next : NULL;
    return second && second->next &&
           sv_index_of(json_key(first), names, COUNT_OF(names)) < COUNT_OF(names) &&
           sv_index_of(json_key(second), names, COUNT_OF(names)) < COUNT_OF(names);
}

/* Whether the item is the text that is kept of the object, but for its first two members. */
static bool is_shown_as_kept(struct lister *lister, struct stored *object) {
    struct call *call = lister->call;
    struct sv text = stored_text_at_hand(object);
    if (text.len > 0 && !call->type->sets_defaults_on_read)
        return sv_starts_with(text, lister->type_prefixes[0]) ||
               sv_starts_with(text, lister->type_prefixes[1]);
    const struct cJSON *tree = stored_tree(object);
    return names_type_first(tree) && present(call->arena, call->type, call->request, tree) == tree;
}

static struct cJSON *list_item(struct lister *lister, const struct cJSON *tree) {
    struct call *call = lister->call;
    static const struct sv type_fields[] = {SV("kind"), SV("apiVersion")};
    tree = present(call->arena, call->type, call->request, tree);
    /* Items of a typed list carry no kind; those of custom types and metadata do. */
    if (!call->type->is_custom && !call->request->metadata_only)
        return shared_without(call->arena, tree, type_fields, COUNT_OF(type_fields));
    return json_share(call->arena, tree);
}

static void add_tree(struct lister *lister, struct cJSON *items, const struct cJSON *tree) {
    struct call *call = lister->call;
    const struct table_options *table = lister->text ? call->table : NULL;
    struct cJSON *item = list_item(lister, tree);
    if (table)
        list_text_add_copy(lister->text,
                           json_write_arena(call->arena,
                                            table_row_of(call->type, item, table, call->arena),
                                            JSON_COMPACT));
    else if (lister->text)
        list_text_add_copy(lister->text, json_write_arena(lister->call->arena, item, JSON_COMPACT));
    else
        json_append(items, item);
}

static void add_item(struct lister *lister, struct cJSON *items, struct stored *object) {
    struct call *call = lister->call;
    /* The cluster, which cannot ask webhooks, looks at the metadata of what it deletes. */
    bool is_converted = call->type->conversion_webhook && !call->request->metadata_only &&
                        (call->request->verb == VERB_LIST || call->dialogue);
    if (is_converted)
        vec_push(&lister->trees, frozen_hold(call->arena, frozen_of(stored_tree(object))));
    else if (lister->text && (call->table || list_text_is_protobuf(lister->text) ||
                              is_shown_as_kept(lister, object)))
        list_text_add(lister->text, object);
    else
        add_tree(lister, items, stored_tree(object));
}

/* Those that a webhook has to make, once all of them are known. False: refused, or it waits. */
static bool add_converted(struct lister *lister, struct cJSON *items) {
    struct call *call = lister->call;
    if (!convert_by_webhook(call, call->type, lister->trees.items, lister->trees.count))
        return false;
    for (size_t i = 0; i < lister->trees.count; i++)
        add_tree(lister, items, lister->trees.items[i]);
    return true;
}

static struct cJSON *list_body(struct lister *lister) {
    struct call *call = lister->call;
    bool is_partial = call->request->metadata_only;
    struct cJSON *list = json_map(call->arena);
    json_set_string(call->arena, list, SV("kind"),
                    is_partial ? SV("PartialObjectMetadataList") : call->type->list_kind);
    json_set_string(call->arena, list, SV("apiVersion"),
                    is_partial ? SV("meta.k8s.io/v1")
                               : resource_api_version(&call->type->resource, call->arena));
    struct cJSON *metadata = json_ensure_map(call->arena, list, SV("metadata"));
    /* Lists of custom types say it even when there is nothing to continue with. */
    if (call->type->is_custom && !is_partial)
        json_set_string(call->arena, metadata, SV("continue"), SV(""));
    json_set_string(call->arena, metadata, SV("resourceVersion"),
                    arena_printf(call->arena, "%llu", (unsigned long long)lister->revision));
    json_ensure_list(call->arena, list, SV("items"));
    return list;
}

/* {"v":"meta.k8s.io/v1","rv":246,"start":"ns/name\0"} in base64url. */
static struct sv continue_token(struct lister *lister, const struct stored *last,
                                int64_t revision) {
    struct arena *arena = lister->call->arena;
    struct cJSON *token = json_map(arena);
    json_set_string(arena, token, SV("v"), SV("meta.k8s.io/v1"));
    json_set_int(arena, token, SV("rv"), revision);
    struct sv start = object_key(arena, last->namespace_name, last->name);
    struct sv with_zero = {arena_copy(arena, start).ptr, start.len + 1};
    json_set_string(arena, token, SV("start"), with_zero);
    return base64url_encode(arena, json_write_arena(arena, token, JSON_GO_HTML));
}

static bool refuse_expired(struct lister *lister, bool has_token) {
    struct call *call = lister->call;
    refuse(call, 410, "Expired",
           has_token ? SV("The provided continue parameter is too old to display a consistent "
                          "list result. You can start a new list without the continue parameter, "
                          "or use the continue token in this response to retrieve the remainder "
                          "of the results. Continuing with the provided token results in an "
                          "inconsistent list - objects that were created, modified, or deleted "
                          "between the time the first chunk was returned and now may show up in "
                          "the list.")
                     : SV("The resourceVersion for the provided list is too old."),
           NULL);
    if (has_token) {
        struct stored at = {.namespace_name = lister->start_namespace, .name = lister->start_name};
        struct cJSON *status = json_copy(call->arena, call->response->body);
        json_set_string(call->arena, json_ensure_map(call->arena, status, SV("metadata")),
                        SV("continue"), continue_token(lister, &at, -1));
        answer(call, 410, status);
    }
    return false;
}

static bool refuse_token(struct call *call, const char *why) {
    return refuse_bad_request(
        call,
        arena_printf(call->arena, "invalid continue token: continue key is not valid: %s", why));
}

static bool read_token(struct lister *lister) {
    struct call *call = lister->call;
    struct error err = {0};
    struct sv bytes;
    if (!base64url_decode(call->arena, call->request->continue_token, &bytes))
        return refuse_token(call, "it is no base64");
    struct sv fault;
    if (go_json_fault(call->arena, bytes, &fault))
        return refuse_token(call, fault.ptr);
    const struct cJSON *token = json_read(call->arena, bytes, &err);
    struct sv version = json_find_string(token, "v");
    if (token && !sv_eq(version, SV("meta.k8s.io/v1")))
        return refuse_token(call, arena_printf(call->arena,
                                               "server does not recognize this encoded version "
                                               "%.*s",
                                               SV_ARG(version))
                                      .ptr);
    struct sv start = json_string_or(token, SV("start"), SV(""));
    int64_t revision = json_int_or(token, SV("rv"), 0);
    if (!token || start.len == 0 || revision == 0)
        return refuse_token(call, "it lacks start or rv");
    if (start.ptr[0] == '/')
        start = sv_drop(start, 1);
    lister->is_behind_start = sv_ends_with(start, (struct sv){"", 1});
    if (lister->is_behind_start)
        start = sv_prefix(start, start.len - 1);
    lister->start_namespace = call->type->resource.is_namespaced ? sv_cut(&start, '/') : SV("");
    lister->start_name = start;
    if (revision > 0)
        lister->revision = (uint64_t)revision;
    return true;
}

static bool check_list_options(struct call *call) {
    const struct request *request = call->request;
    static const struct sv matches[] = {SV(""), SV("Exact"), SV("NotOlderThan")};
    struct sv match = request->resource_version_match;
    bool has_revision =
        request->resource_version.len > 0 && !sv_eq(request->resource_version, SV("0"));
    struct findings findings = {0};
    if (request->continue_token.len > 0 && has_revision)
        return refuse_bad_request(
            call, SV("specifying resource version is not allowed when using continue"));
    if (sv_index_of(match, matches, COUNT_OF(matches)) == COUNT_OF(matches))
        findings_add(call->arena, &findings, SV("resourceVersionMatch"), "FieldValueNotSupported",
                     NULL,
                     "Unsupported value: \"%.*s\": supported values: \"Exact\", \"NotOlderThan\", "
                     "\"\"",
                     SV_ARG(match));
    else if (match.len > 0 && request->resource_version.len == 0)
        findings_add(call->arena, &findings, SV("resourceVersionMatch"), "FieldValueForbidden",
                     NULL,
                     "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is "
                     "provided");
    if (match.len > 0 && request->continue_token.len > 0)
        findings_add(call->arena, &findings, SV("resourceVersionMatch"), "FieldValueForbidden",
                     NULL,
                     "Forbidden: resourceVersionMatch is forbidden when continue is provided");
    else if (sv_eq(match, SV("Exact")) && sv_eq(request->resource_version, SV("0")))
        findings_add(call->arena, &findings, SV("resourceVersionMatch"), "FieldValueForbidden",
                     NULL,
                     "Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion "
                     "\"0\"");
    if (request->send_initial_events || request->no_initial_events)
        findings_add(call->arena, &findings, SV("sendInitialEvents"), "FieldValueForbidden", NULL,
                     "Forbidden: sendInitialEvents is forbidden for list");
    return findings.count == 0 ||
           refuse_invalid(call, SV("ListOptions"), SV("meta.k8s.io"), SV(""), &findings);
}

/* At which revision, from where, how many. */
static bool plan_list(struct lister *lister) {
    struct call *call = lister->call;
    const struct request *request = call->request;
    uint64_t asked = 0;
    if (!check_list_options(call) ||
        !read_revision(call, request->resource_version, true, &asked) ||
        !refuse_future(call, asked) || !selection_of(call, call->arena, &lister->selection))
        return false;
    lister->revision = store_revision(call->api->store);
    lister->start_namespace = lister->selection.namespace_name;
    lister->start_name = SV("");
    lister->limit = request->limit > 0 ? request->limit : 0;
    bool has_token = request->continue_token.len > 0;
    bool is_any_age = sv_eq(request->resource_version, SV("0"));
    if (is_any_age && !has_token)
        lister->limit = 0;
    bool is_exact = sv_eq(request->resource_version_match, SV("Exact")) ||
                    (asked > 0 && lister->limit > 0 && request->resource_version_match.len == 0);
    if (is_exact)
        lister->revision = asked;
    if (has_token && !read_token(lister))
        return false;
    if (lister->revision < call->collection->forgotten_revision)
        return refuse_expired(lister, has_token);
    return true;
}

static void seek_start(struct lister *lister) {
    lister->position =
        collection_seek(lister->call->collection, lister->start_namespace, lister->start_name);
    if (lister->revision != store_revision(lister->call->api->store))
        collect_changed(lister);
    while (lister->changed_index < lister->changed.count) {
        const struct changed_since *changed = &lister->changed.items[lister->changed_index];
        if (compare_keys(changed->namespace_name, changed->name, lister->start_namespace,
                         lister->start_name) >= 0)
            break;
        lister->changed_index++;
    }
}

static int64_t count_remaining(struct lister *lister) {
    int64_t count = 0;
    struct stored *object;
    while ((object = next_object(lister)))
        count += selection_has(&lister->selection, object, lister->call->arena);
    return count;
}

/* The page is full: is there more, and how much? */
static void end_page(struct lister *lister, struct cJSON *list, const struct stored *last) {
    struct arena *arena = lister->call->arena;
    int64_t remaining = count_remaining(lister);
    if (remaining == 0)
        return;
    struct cJSON *metadata = json_get(list, SV("metadata"));
    json_set_string(arena, metadata, SV("continue"),
                    continue_token(lister, last, (int64_t)lister->revision));
    if (lister->selection.is_whole)
        json_set_int(arena, metadata, SV("remainingItemCount"), remaining);
}

/* What is deleted is looked at: items that are text would have no names. */
static void begin_text(struct lister *lister) {
    const struct request *request = lister->call->request;
    const struct resource_type *type = lister->call->type;
    if (request->verb != VERB_LIST || request->metadata_only)
        return;
    if (lister->call->table &&
        !type->is_custom) { /* a custom type may go before its rows are made */
        lister->text = list_text_new_table(type, lister->call->table);
    } else if (request->wants_text) {
        size_t prefix_bytes = set_type_prefixes(lister);
        lister->text = list_text_new(type->is_custom ? 0 : prefix_bytes);
    } else if (request->wants_protobuf && !type->is_custom &&
               protobuf_knows(resource_api_version(&type->resource, lister->call->arena),
                              type->list_kind))
        lister->text = list_text_new_protobuf(type);
}

void handle_list(struct call *call) {
    struct lister lister = {.call = call};
    if (!plan_list(&lister))
        return;
    seek_start(&lister);
    begin_text(&lister);
    struct cJSON *list = list_body(&lister);
    struct cJSON *items = json_get(list, SV("items"));
    struct stored *object;
    int64_t count = 0;
    while ((object = next_object(&lister))) {
        bool is_past = lister.selection.namespace_name.len > 0 &&
                       sv_compare(object->namespace_name, lister.selection.namespace_name) > 0;
        if (is_past)
            break;
        if (!is_behind(&lister, object) || !selection_has(&lister.selection, object, call->arena))
            continue;
        add_item(&lister, items, object);
        if (++count == lister.limit) {
            end_page(&lister, list, object);
            break;
        }
    }
    bool is_whole = add_converted(&lister, items);
    vec_release(&lister.changed);
    vec_release(&lister.trees);
    if (!is_whole) {
        list_text_free(lister.text);
        return;
    }
    answer(call, 200, list);
    if (lister.text && call->table && count == 0) { /* Go has several ways to write no rows */
        list_text_free(lister.text);
        return;
    }
    const struct cJSON *frame =
        lister.text && call->table ? table_frame(call->type, list, call->table, call->arena) : list;
    if (lister.text)
        list_text_set_frame(lister.text, json_write_arena(call->arena, frame, JSON_COMPACT));
    call->response->list = lister.text;
}
