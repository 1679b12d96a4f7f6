/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/template_dump.h"

#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/data/json.h"
#include "fakeapi/cluster/template_dump_parts.h"

struct dump {
    struct arena *arena;
    struct joiner text;
};

/* With its type in front; items of lists and maps go without. */
static void write_value(struct dump *dump, struct sv type, const struct cJSON *item,
                        bool shows_type);

static const struct go_type *find_type(struct sv name) {
    size_t low = 0, high = template_type_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = sv_compare(template_types[middle].name, name);
        if (order == 0)
            return &template_types[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* --- quantities and what is a number or a text --- */

/* What a suffix stands for: a power of ten or of two, and how it is called. */
static const struct {
    struct sv text, format;
    int power_of_ten, power_of_two;
} suffixes[] = {
    {SV(""), SV("DecimalSI"), 0, 0},   {SV("n"), SV("DecimalSI"), -9, 0},
    {SV("u"), SV("DecimalSI"), -6, 0}, {SV("m"), SV("DecimalSI"), -3, 0},
    {SV("k"), SV("DecimalSI"), 3, 0},  {SV("M"), SV("DecimalSI"), 6, 0},
    {SV("G"), SV("DecimalSI"), 9, 0},  {SV("T"), SV("DecimalSI"), 12, 0},
    {SV("P"), SV("DecimalSI"), 15, 0}, {SV("E"), SV("DecimalSI"), 18, 0},
    {SV("Ki"), SV("BinarySI"), 0, 10}, {SV("Mi"), SV("BinarySI"), 0, 20},
    {SV("Gi"), SV("BinarySI"), 0, 30}, {SV("Ti"), SV("BinarySI"), 0, 40},
    {SV("Pi"), SV("BinarySI"), 0, 50}, {SV("Ei"), SV("BinarySI"), 0, 60},
};

/* The amount as Go's parser has it; it keeps a text that it takes for canonical. */
static void write_quantity(struct dump *dump, struct sv text) {
    size_t digits = 0, suffix = 0;
    while (digits < text.len &&
           (text.ptr[digits] == '-' || (text.ptr[digits] >= '0' && text.ptr[digits] <= '9')))
        digits++;
    struct sv rest = sv_drop(text, digits);
    struct sv format = SV("DecimalSI"), kept = text;
    int64_t value = 0;
    int scale = 0;
    sv_to_int64(sv_prefix(text, digits), &value);
    if (rest.len > 1 && (rest.ptr[0] == 'e' || rest.ptr[0] == 'E')) {
        int64_t power = 0;
        sv_to_int64(sv_drop(rest, 1), &power);
        format = SV("DecimalExponent");
        scale = (int)power;
    } else {
        while (suffix < COUNT_OF(suffixes) && !sv_eq(suffixes[suffix].text, rest))
            suffix++;
        suffix = suffix < COUNT_OF(suffixes) ? suffix : 0;
        format = suffixes[suffix].format;
        scale = suffixes[suffix].power_of_ten;
        bool is_odd = (value & 7) != 0;
        kept = suffixes[suffix].power_of_two > 0 && !is_odd ? SV("") : text;
        value = (int64_t)((uint64_t)value << suffixes[suffix].power_of_two);
    }
    joiner_printf(&dump->text,
                  "{i:(resource.int64Amount){value:(int64)%lld scale:(resource.Scale)%d} "
                  "d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)%.*s "
                  "Format:(resource.Format)%.*s}",
                  (long long)value, scale, SV_ARG(kept), SV_ARG(format));
}

static void write_int_or_string(struct dump *dump, const struct cJSON *item) {
    bool is_text = json_is_string(item);
    struct sv number = is_text || !item ? SV("0") : json_text(item);
    joiner_printf(&dump->text, "{Type:(intstr.Type)%d IntVal:(int32)%.*s StrVal:(string)%.*s}",
                  is_text, SV_ARG(number), SV_ARG(is_text ? json_text(item) : SV("")));
}

/* `base` is the scalar that the type is a name of. */
static void write_scalar(struct dump *dump, struct sv base, const struct cJSON *item) {
    bool is_text = sv_eq(base, SV("string"));
    if (json_is_bool(item))
        joiner_add(&dump->text, json_is_true(item) ? SV("true") : SV("false"));
    else if (item && !json_is_null(item))
        joiner_add(&dump->text, json_text(item));
    else if (!is_text)
        joiner_add(&dump->text, sv_eq(base, SV("bool")) ? SV("false") : SV("0"));
}

/* --- what has parts --- */

/* There are hundreds in a template, mostly of what is unset. */
static void write_name(struct dump *dump, struct sv name) {
    joiner_add(&dump->text, name);
    joiner_add(&dump->text, SV(":"));
}

static void write_type(struct dump *dump, struct sv type) {
    joiner_add(&dump->text, SV("("));
    joiner_add(&dump->text, type);
    joiner_add(&dump->text, SV(")"));
}

static void write_list(struct dump *dump, struct sv type, const struct cJSON *list) {
    joiner_add(&dump->text, SV("["));
    JSON_EACH (item, list) {
        joiner_add(&dump->text, item == list->child ? SV("") : SV(" "));
        write_value(dump, type, item, false);
    }
    joiner_add(&dump->text, SV("]"));
}

static void write_map(struct dump *dump, struct sv type, const struct cJSON *map) {
    struct cJSON *sorted = json_copy(dump->arena, map);
    json_sort(sorted);
    joiner_add(&dump->text, SV("map["));
    JSON_EACH (item, sorted) {
        joiner_add(&dump->text, item == sorted->child ? SV("") : SV(" "));
        write_name(dump, json_key(item));
        write_value(dump, type, item, false);
    }
    joiner_add(&dump->text, SV("]"));
}

/* Where a field of that name stands in JSON, unless the table says so. */
static struct sv mechanical_name(struct dump *dump, struct sv name) {
    char *text = arena_alloc(dump->arena, name.len + 1);
    memcpy(text, name.ptr, name.len);
    text[name.len] = 0;
    if (text[0] >= 'A' && text[0] <= 'Z')
        text[0] = (char)(text[0] - 'A' + 'a');
    return (struct sv){text, name.len};
}

static void write_struct(struct dump *dump, const struct go_type *type, const struct cJSON *map) {
    struct sv rest = type->fields;
    joiner_add(&dump->text, SV("{"));
    while (rest.len > 0) {
        struct sv json_name = sv_cut(&rest, ';');
        struct sv name = sv_cut(&json_name, ' '), field_type = sv_cut(&json_name, ' ');
        bool is_inlined = sv_eq(json_name, SV("."));
        if (json_name.len == 0)
            json_name = mechanical_name(dump, name);
        write_name(dump, name);
        write_value(dump, field_type, is_inlined ? map : json_get(map, json_name), true);
        joiner_add(&dump->text, rest.len > 0 ? SV(" ") : SV(""));
    }
    joiner_add(&dump->text, SV("}"));
}

static void write_parts(struct dump *dump, struct sv type, const struct cJSON *item) {
    bool is_map = sv_starts_with(type, SV("map[string]")) || sv_eq(type, SV("v1.ResourceList"));
    bool is_list = sv_starts_with(type, SV("[]"));
    if ((is_map || is_list) && (!item || !item->child))
        joiner_add(&dump->text, SV("<nil>"));
    else if (is_list)
        write_list(dump, sv_drop(type, 2), item);
    else
        write_map(dump,
                  sv_starts_with(type, SV("map[")) ? sv_drop(type, strlen("map[string]"))
                                                   : SV("resource.Quantity"),
                  item);
}

static void write_value(struct dump *dump, struct sv type, const struct cJSON *item,
                        bool shows_type) {
    struct sv base = type, name = sv_cut(&base, '=');
    if (shows_type)
        write_type(dump, name);
    if (sv_starts_with(name, SV("*"))) {
        if (!item || json_is_null(item))
            joiner_add(&dump->text, SV("<nil>"));
        else
            write_value(dump, sv_drop(name, 1), item, false);
        return;
    }
    const struct go_type *declared = find_type(name);
    if (declared)
        write_struct(dump, declared, item);
    else if (sv_eq(name, SV("resource.Quantity")))
        write_quantity(dump, json_text(item));
    else if (sv_eq(name, SV("intstr.IntOrString")))
        write_int_or_string(dump, item);
    else if (sv_starts_with(name, SV("[]")) || sv_starts_with(name, SV("map[")) ||
             sv_eq(name, SV("v1.ResourceList")))
        write_parts(dump, name, item);
    else
        write_scalar(dump, base.len > 0 ? base : name, item);
}

struct sv template_dump(const struct cJSON *template, struct arena *arena) {
    struct dump dump = {.arena = arena};
    joiner_init(&dump.text, arena);
    write_value(&dump, SV("v1.PodTemplateSpec"), template, true);
    return joiner_text(&dump.text);
}
