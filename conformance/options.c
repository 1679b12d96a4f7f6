/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/options.h"

#include "core/base/buf.h"
#include "core/base/error.h"

enum { OPTIONS_MAX = 32, HELP_COLUMN = 30 };

static const struct option *find_option(const struct option *options, size_t count,
                                        struct sv name) {
    for (size_t i = 0; i < count; i++) {
        if (sv_eq(options[i].name, name))
            return &options[i];
    }
    return NULL;
}

static bool fail_unknown(const struct option *options, size_t count, struct sv name,
                         struct error *err) {
    struct sv names[OPTIONS_MAX];
    assert(count <= COUNT_OF(names));
    for (size_t i = 0; i < count; i++)
        names[i] = options[i].name;
    struct sv nearest = sv_nearest(name, names, count);
    return error_set(err, ERROR_INVALID, "unknown option --%.*s%s%.*s%s", SV_ARG(name),
                     nearest.len ? "; did you mean --" : "", SV_ARG(nearest),
                     nearest.len ? "?" : "");
}

static bool set_number(const struct option *option, struct sv value, struct error *err) {
    uint64_t number = 0;
    bool is_number = value.len > 0;
    for (size_t i = 0; is_number && i < value.len; i++) {
        unsigned digit = (unsigned)(value.ptr[i] - '0');
        is_number = digit <= 9 && number <= (UINT64_MAX - digit) / 10;
        if (is_number)
            number = number * 10 + digit;
    }
    if (!is_number)
        return error_set(err, ERROR_INVALID, "--%.*s takes a number from 0 on, not \"%.*s\"",
                         SV_ARG(option->name), SV_ARG(value));
    *(uint64_t *)option->target = number;
    return true;
}

static bool set_choice(const struct option *option, struct sv value, struct error *err) {
    size_t index = sv_index_of(value, option->choices, option->choice_count);
    if (index == option->choice_count)
        return error_set(err, ERROR_INVALID, "--%.*s takes %.*s, not \"%.*s\"",
                         SV_ARG(option->name), SV_ARG(option->value_name), SV_ARG(value));
    *(int *)option->target = (int)index;
    return true;
}

static bool set_value(const struct option *option, struct sv value, struct error *err) {
    switch (option->type) {
    case OPTION_NUMBER:
        return set_number(option, value, err);
    case OPTION_CHOICE:
        return set_choice(option, value, err);
    case OPTION_TEXT:
        *(struct sv *)option->target = value;
        return true;
    case OPTION_FLAG:
        break;
    }
    return error_set(err, ERROR_INVALID, "--%.*s takes no value", SV_ARG(option->name));
}

/* Takes one option, and the next argument where that is its value. */
static bool take_option(const struct option *options, size_t option_count, int argc,
                        char *const *argv, int *index, struct error *err) {
    struct sv argument = sv_drop(sv_from(argv[*index]), 2);
    bool has_value = sv_find(argument, '=') < argument.len;
    struct sv value = argument;
    struct sv name = sv_cut(&value, '=');
    const struct option *option = find_option(options, option_count, name);
    if (!option)
        return fail_unknown(options, option_count, name, err);
    if (option->type == OPTION_FLAG && !has_value) {
        *(bool *)option->target = true;
        return true;
    }
    if (!has_value && *index + 1 >= argc)
        return error_set(err, ERROR_INVALID, "--%.*s needs a value: %.*s", SV_ARG(name),
                         SV_ARG(option->value_name));
    return set_value(option, has_value ? value : sv_from(argv[++*index]), err);
}

bool options_parse(const struct option *options, size_t option_count, int argc, char *const *argv,
                   struct operands *ret_operands, struct error *err) {
    struct operands operands = {.count = 0};
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        struct sv argument = sv_from(argv[i]);
        if (!only_operands && sv_eq(argument, SV("--"))) {
            only_operands = true;
        } else if (!only_operands && sv_starts_with(argument, SV("--"))) {
            if (!take_option(options, option_count, argc, argv, &i, err))
                return false;
        } else if (!only_operands && argument.len > 1 && argument.ptr[0] == '-') {
            return error_set(err, ERROR_INVALID, "unknown option %.*s: options begin with --",
                             SV_ARG(argument));
        } else if (operands.count == OPERANDS_MAX) {
            return error_set(err, ERROR_TOO_LARGE, "more than %d files", OPERANDS_MAX);
        } else {
            operands.items[operands.count++] = argument;
        }
    }
    *ret_operands = operands;
    return true;
}

bool options_help(struct buf *buf, const struct option *options, size_t option_count) {
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        int used = (int)(option->name.len + option->value_name.len) + 5;
        bool is_long = used >= HELP_COLUMN;
        if (!buf_printf(buf, "  --%.*s %.*s%s%*s%.*s\n", SV_ARG(option->name),
                        SV_ARG(option->value_name), is_long ? "\n" : "",
                        is_long ? HELP_COLUMN : HELP_COLUMN - used, "", SV_ARG(option->help)))
            return false;
    }
    return true;
}
