/* SPDX-License-Identifier: Apache-2.0 */
/* CEL: formats that have a name (dns1123Label and others) and semantic versions. */
#include "fakeapi/schema/cel_parts.h"

#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/data/base64.h"
#include "fakeapi/schema/pattern.h"
#include "fakeapi/schema/validate.h"

/* --- formats --- */

/* What ends in a hyphen may be gone on with: as if a letter stood there. */
static struct sv without_hyphen(struct arena *arena, struct sv text) {
    if (!sv_ends_with(text, SV("-")))
        return text;
    return arena_printf(arena, "%.*sa", SV_ARG(sv_prefix(text, text.len - 1)));
}

static const char *check_uri(struct sv text) {
    return cel_is_url(text) ? NULL : "invalid URI";
}

static const char *check_uuid(struct sv text) {
    AUTO(arena) arena = arena_new();
    return pattern_matches(arena,
                           SV("^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-"
                              "[0-9a-fA-F]{12}$"),
                           text, NULL)
               ? NULL
               : "does not match the UUID format";
}

static const char *check_byte(struct sv text) {
    AUTO(arena) arena = arena_new();
    struct sv bytes;
    return base64_decode(arena, text, &bytes) ? NULL : "invalid base64";
}

static const char *check_datetime(struct sv text) {
    int64_t ms;
    return api_time_parse(text, &ms) ? NULL : "invalid datetime";
}

static const char *check_date(struct sv text) {
    AUTO(arena) arena = arena_new();
    int64_t ms;
    struct sv whole = arena_printf(arena, "%.*sT00:00:00Z", SV_ARG(text));
    return text.len == 10 && api_time_parse(whole, &ms) ? NULL : "invalid date";
}

/* name, check, whether a hyphen may end it */
#define FORMATS(X)                                                                                 \
    X(dns1123Label, check_dns_label, false)                                                        \
    X(dns1123Subdomain, check_dns_subdomain, false)                                                \
    X(dns1035Label, check_dns_label_1035, false)                                                   \
    X(qualifiedName, check_qualified_name, false)                                                  \
    X(labelValue, check_label_value, false)                                                        \
    X(dns1123LabelPrefix, check_dns_label, true)                                                   \
    X(dns1123SubdomainPrefix, check_dns_subdomain, true)                                           \
    X(dns1035LabelPrefix, check_dns_label_1035, true)                                              \
    X(uri, check_uri, false)                                                                       \
    X(uuid, check_uuid, false)                                                                     \
    X(byte, check_byte, false)                                                                     \
    X(date, check_date, false)                                                                     \
    X(datetime, check_datetime, false)

static const struct {
    struct sv name;
    const char *(*check)(struct sv text);
    bool is_prefix;
} formats[] = {
#define X(name, check, is_prefix) {SV(#name), check, is_prefix},
    FORMATS(X)
#undef X
};

static size_t find_format(struct sv name) {
    size_t i = 0;
    while (i < COUNT_OF(formats) && !sv_eq(formats[i].name, name))
        i++;
    return i;
}

static struct cel_value format_value(size_t index) {
    return (struct cel_value){.type = CEL_FORMAT, .text = formats[index].name};
}

static bool call_named(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_STRING))
        return cel_no_overload(evaluator);
    size_t index = find_format(arguments[0].text);
    return cel_give(ret_value, index < COUNT_OF(formats) ? cel_some(evaluator, format_value(index))
                                                         : cel_none());
}

/* None when the text has the format, else why it has not. */
static bool call_validate(CEL_ARGUMENTS) {
    (void)count;
    if (arguments[0].type != CEL_FORMAT || arguments[1].type != CEL_STRING)
        return cel_no_overload(evaluator);
    size_t index = find_format(arguments[0].text);
    struct sv text = arguments[1].text;
    assert(index < COUNT_OF(formats));
    if (!cel_step(evaluator, text.len / 10 + 1))
        return false;
    const char *fault = formats[index].check(
        formats[index].is_prefix ? without_hyphen(evaluator->arena, text) : text);
    if (!fault)
        return cel_give(ret_value, cel_none());
    struct cel_value *values = ARENA_ARRAY(evaluator->arena, struct cel_value, 1);
    values[0] = cel_string(sv_from(fault));
    return cel_give(ret_value, cel_some(evaluator, cel_list(evaluator, values, 1)));
}

#define X(name, check, is_prefix)                                                                  \
    static bool call_format_##name(CEL_ARGUMENTS) {                                                \
        (void)evaluator, (void)arguments, (void)count;                                             \
        return cel_give(ret_value, format_value(find_format(SV(#name))));                          \
    }
FORMATS(X)
#undef X

/* --- semantic versions --- */

struct version {
    int64_t numbers[3];
    struct sv before; /* "alpha.1" of 1.2.3-alpha.1; "": a release */
};

static bool is_number_text(struct sv text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

static bool are_identifiers(struct sv list, bool allows_zeros) {
    do {
        struct sv each = sv_cut(&list, '.');
        bool has_zero = is_number_text(each) && each.len > 1 && each.ptr[0] == '0';
        if (each.len == 0 || (has_zero && !allows_zeros))
            return false;
        for (size_t i = 0; i < each.len; i++) {
            char byte = each.ptr[i];
            bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
            if (!is_letter && byte != '-' && (byte < '0' || byte > '9'))
                return false;
        }
    } while (list.len > 0);
    return true;
}

static bool read_version(struct sv text, struct version *ret_version) {
    struct sv core = text;
    size_t plus = sv_find(core, '+');
    if (plus < core.len && !are_identifiers(sv_drop(core, plus + 1), true))
        return false;
    core = sv_prefix(core, plus);
    size_t hyphen = sv_find(core, '-');
    ret_version->before = hyphen < core.len ? sv_drop(core, hyphen + 1) : SV("");
    if (hyphen < core.len && !are_identifiers(ret_version->before, false))
        return false;
    core = sv_prefix(core, hyphen);
    for (size_t i = 0; i < COUNT_OF(ret_version->numbers); i++) {
        struct sv part = sv_cut(&core, '.');
        bool is_plain = is_number_text(part) && (part.len == 1 || part.ptr[0] != '0');
        if (!is_plain || !sv_to_int64(part, &ret_version->numbers[i]))
            return false;
    }
    return core.len == 0;
}

/* With `normalizes`: "v1.2" is 1.2.0, and zeros in front do not count. */
static struct sv normalized(struct arena *arena, struct sv text) {
    struct sv rest = sv_starts_with(text, SV("v")) ? sv_drop(text, 1) : text;
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '-' && rest.ptr[end] != '+')
        end++;
    struct sv core = sv_prefix(rest, end), tail = sv_drop(rest, end), numbers = SV("");
    for (int i = 0; i < 3 || core.len > 0; i++) {
        struct sv part = core.len > 0 ? sv_cut(&core, '.') : SV("0");
        while (part.len > 1 && part.ptr[0] == '0')
            part = sv_drop(part, 1);
        numbers =
            arena_printf(arena, "%.*s%s%.*s", SV_ARG(numbers), i > 0 ? "." : "", SV_ARG(part));
    }
    return arena_printf(arena, "%.*s%.*s", SV_ARG(numbers), SV_ARG(tail));
}

static int compare_identifiers(struct sv a, struct sv b) {
    bool has_numbers[] = {is_number_text(a), is_number_text(b)};
    if (has_numbers[0] != has_numbers[1])
        return has_numbers[0] ? -1 : 1;
    if (has_numbers[0] && a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return sv_compare(a, b);
}

/* A release comes behind what came before it. */
static int compare_before(struct sv a, struct sv b) {
    if (a.len == 0 || b.len == 0)
        return (a.len == 0) - (b.len == 0);
    while (a.len > 0 && b.len > 0) {
        struct sv left = sv_cut(&a, '.'), right = sv_cut(&b, '.');
        int order = compare_identifiers(left, right);
        if (order != 0)
            return order;
    }
    return (a.len > 0) - (b.len > 0);
}

bool cel_compare_versions(struct sv a, struct sv b, int *ret_order) {
    struct version left, right;
    if (!read_version(a, &left) || !read_version(b, &right))
        return false;
    *ret_order = 0;
    for (size_t i = 0; i < COUNT_OF(left.numbers) && *ret_order == 0; i++)
        *ret_order = (left.numbers[i] > right.numbers[i]) - (left.numbers[i] < right.numbers[i]);
    if (*ret_order == 0)
        *ret_order = compare_before(left.before, right.before);
    return true;
}

static bool take_version(CEL_ARGUMENTS, bool *ret_is_good) {
    struct version version;
    if (arguments[0].type != CEL_STRING || (count > 1 && arguments[1].type != CEL_BOOL))
        return cel_no_overload(evaluator);
    struct sv text = count > 1 && arguments[1].boolean
                         ? normalized(evaluator->arena, arguments[0].text)
                         : arguments[0].text;
    *ret_is_good = read_version(text, &version);
    *ret_value = (struct cel_value){.type = CEL_SEMVER, .text = text};
    return true;
}

static bool call_semver(CEL_ARGUMENTS) {
    bool is_good;
    return take_version(evaluator, arguments, count, ret_value, &is_good) &&
           (is_good || cel_fail(evaluator, "invalid semver: ", arguments[0].text));
}

static bool call_is_semver(CEL_ARGUMENTS) {
    bool is_good;
    return take_version(evaluator, arguments, count, ret_value, &is_good) &&
           cel_give(ret_value, cel_bool(is_good));
}

static bool give_number(CEL_ARGUMENTS, size_t index) {
    struct version version;
    if (!cel_are(arguments, count, CEL_SEMVER) || !read_version(arguments[0].text, &version))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_int(version.numbers[index]));
}

static bool call_major(CEL_ARGUMENTS) {
    return give_number(evaluator, arguments, count, ret_value, 0);
}

static bool call_minor(CEL_ARGUMENTS) {
    return give_number(evaluator, arguments, count, ret_value, 1);
}

static bool call_patch(CEL_ARGUMENTS) {
    return give_number(evaluator, arguments, count, ret_value, 2);
}

/* --- the table --- */

static const struct cel_function functions[] = {
    {SV("format.named"), false, true, 1, 1, call_named},
    {SV("validate"), true, false, 2, 2, call_validate},
#define X(name, check, is_prefix) {SV("format." #name), false, true, 0, 0, call_format_##name},
    FORMATS(X)
#undef X
        {SV("semver"), false, true, 1, 2, call_semver},
    {SV("isSemver"), false, true, 1, 2, call_is_semver},
    {SV("major"), true, false, 1, 1, call_major},
    {SV("minor"), true, false, 1, 1, call_minor},
    {SV("patch"), true, false, 1, 1, call_patch},
};

const struct cel_functions cel_name_functions = {functions, COUNT_OF(functions)};
