/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of config maps and secrets. */
#include "fakeapi/schema/validate.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "fakeapi/schema/go_json.h"

enum { CONFIG_MAP_BYTES_MAX = 1024 * 1024 };

/* Of base64, without decoding it. */
static size_t decoded_bytes(struct sv text) {
    size_t padding = 0;
    while (padding < text.len && padding < 2 && text.ptr[text.len - 1 - padding] == '=')
        padding++;
    return text.len / 4 * 3 - (text.len >= 4 ? padding : 0);
}

/* What is limited is the values, as they are once decoded; keys do not count. */
void check_config_map(const struct checker *checker, const struct cJSON *object,
                      const struct cJSON *old) {
    static const struct sv keys[] = {SV("data"), SV("binaryData")};
    bool is_secret = sv_eq(json_find_string(object, "kind"), SV("Secret"));
    size_t bytes = 0;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        bool is_encoded = is_secret || i > 0;
        JSON_EACH (entry, json_get(object, keys[i])) {
            const char *fault = check_config_key(json_key(entry));
            bytes += is_encoded ? decoded_bytes(json_text(entry)) : json_text(entry).len;
            if (fault)
                findings_add(checker->arena, checker->findings,
                             arena_printf(checker->arena, "%.*s[%.*s]", SV_ARG(keys[i]),
                                          SV_ARG(json_key(entry))),
                             "FieldValueInvalid", entry, "Invalid value: \"%.*s\": %s",
                             SV_ARG(json_key(entry)), fault);
        }
    }
    struct json_index binary = json_index_of(checker->arena, json_get(object, SV("binaryData")));
    JSON_EACH (entry, json_get(object, SV("data")))
        if (json_index_get(&binary, json_key(entry)))
            report_invalid(checker,
                           arena_printf(checker->arena, "data[%.*s]", SV_ARG(json_key(entry))),
                           json_string(checker->arena, json_key(entry)),
                           "duplicate of key present in binaryData");
    if (bytes > CONFIG_MAP_BYTES_MAX)
        findings_add(checker->arena, checker->findings, is_secret ? SV("data") : SV("[]"),
                     "FieldValueTooLong", object, "Too long: may not be more than %d bytes",
                     CONFIG_MAP_BYTES_MAX);
    if (!json_bool_or(old, SV("immutable"), false))
        return;
    if (!json_bool_or(object, SV("immutable"), false))
        report_forbidden(checker, SV("immutable"), json_get(object, SV("immutable")),
                         "field is immutable when `immutable` is set");
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (!json_equal(json_get(old, keys[i]), json_get(object, keys[i])))
            report_forbidden(checker, keys[i], json_get(object, keys[i]),
                             "field is immutable when `immutable` is set");
}

/* Docker's log-ins are a document of their own. */
static void check_document(const struct checker *checker, const struct cJSON *data, struct sv key) {
    struct sv bytes;
    struct sv fault;
    const struct cJSON *item = json_get(data, key);
    if (!item || !base64_decode(checker->arena, json_text(item), &bytes) ||
        !go_json_fault(checker->arena, bytes, &fault))
        return;
    findings_add(checker->arena, checker->findings,
                 arena_printf(checker->arena, "data[%.*s]", SV_ARG(key)), "FieldValueInvalid", item,
                 "Invalid value: \"<secret contents redacted>\": %.*s", SV_ARG(fault));
}

static bool has_log_in(const struct cJSON *data) {
    return json_get(data, SV("username")) || json_get(data, SV("password"));
}

/* What secrets of the well-known types must hold. */
void check_secret(const struct checker *checker, const struct cJSON *object,
                  const struct cJSON *old) {
    static const struct {
        struct sv type, key;
        bool is_document;
    } needed[] = {
        {SV("kubernetes.io/tls"), SV("tls.crt"), false},
        {SV("kubernetes.io/tls"), SV("tls.key"), false},
        {SV("kubernetes.io/dockerconfigjson"), SV(".dockerconfigjson"), true},
        {SV("kubernetes.io/dockercfg"), SV(".dockercfg"), true},
        {SV("kubernetes.io/ssh-auth"), SV("ssh-privatekey"), false},
        {SV("kubernetes.io/basic-auth"), SV("username"), false},
        {SV("kubernetes.io/basic-auth"), SV("password"), false},
    };
    const struct cJSON *data = json_get(object, SV("data")), *type = json_get(object, SV("type"));
    bool is_logged_in = sv_eq(json_text(type), SV("kubernetes.io/basic-auth")) && has_log_in(data);
    check_config_map(checker, object, old);
    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        if (!sv_eq(json_text(type), needed[i].type) || is_logged_in)
            continue;
        if (needed[i].is_document)
            check_document(checker, data, needed[i].key);
        if (!json_get(data, needed[i].key))
            report_required(checker,
                            arena_printf(checker->arena, "data[%.*s]", SV_ARG(needed[i].key)), data,
                            "");
    }
    if (sv_eq(json_text(type), SV("kubernetes.io/service-account-token")) &&
        object_annotation(object, SV("kubernetes.io/service-account.name")).len == 0)
        report_required(checker, SV("metadata.annotations[kubernetes.io/service-account.name]"),
                        json_get(object, SV("metadata")), "");
    if (old && !json_equal(type, json_get(old, SV("type"))))
        report_invalid(checker, SV("type"), type, "field is immutable");
}
