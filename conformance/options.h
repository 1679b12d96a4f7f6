/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options: command lines from a table, which gives the help too. "--name VALUE", "--name=VALUE",
 * flags without a value, and "--" before operands that begin with a dash. Operands and options
 * may be mixed.
 */
#ifndef CONFORMANCE_OPTIONS_H
#define CONFORMANCE_OPTIONS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct buf;
struct error;

enum { OPERANDS_MAX = 256 };

enum option_type {
    OPTION_FLAG,   /* target: bool */
    OPTION_TEXT,   /* target: struct sv */
    OPTION_NUMBER, /* target: uint64_t */
    OPTION_CHOICE, /* target: int, the index of the choice */
};

struct option {
    struct sv name; /* "output", without the dashes */
    enum option_type type;
    struct sv value_name;     /* "FILE"; for a choice "text|json" */
    const struct sv *choices; /* OPTION_CHOICE */
    size_t choice_count;
    void *target; /* keeps its value when the option is not given */
    struct sv help;
};

/* Rows of a table of options; all but `target` are literals. */
#define TEXT_OPTION(name, value_name, target, help)                                                \
    { SV(name), OPTION_TEXT, SV(value_name), NULL, 0, target, SV(help) }
#define NUMBER_OPTION(name, target, help)                                                          \
    { SV(name), OPTION_NUMBER, SV("N"), NULL, 0, target, SV(help) }
#define FLAG_OPTION(name, target, help)                                                            \
    { SV(name), OPTION_FLAG, SV(""), NULL, 0, target, SV(help) }

struct operands {
    struct sv items[OPERANDS_MAX];
    size_t count;
};

/* False with ERROR_INVALID and a sentence that names the nearest option or the choices. Texts
 * point into `argv`. */
MUST_CHECK bool options_parse(const struct option *options, size_t option_count, int argc,
                              char *const *argv, struct operands *ret_operands, struct error *err);
/* A line for each option, two where the names of its values are long. */
MUST_CHECK bool options_help(struct buf *buf, const struct option *options, size_t option_count);

#endif
