/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/options.h"

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/test.h"

static bool flag;
static struct sv text;
static uint64_t number;
static int choice;

static const struct sv choices[] = {SV("text"), SV("json")};
static const struct option options[] = {
    {SV("static"), OPTION_FLAG, SV(""), NULL, 0, &flag, SV("")},
    {SV("name"), OPTION_TEXT, SV("NAME"), NULL, 0, &text, SV("")},
    {SV("seed"), OPTION_NUMBER, SV("N"), NULL, 0, &number, SV("")},
    {SV("output"), OPTION_CHOICE, SV("text|json"), choices, COUNT_OF(choices), &choice, SV("")},
};

static const struct {
    char arguments[4][24];
    const char *message; /* "" when it is accepted */
} refused[] = {
    {{"--sed", "1"}, "unknown option --sed; did you mean --seed?"},
    {{"--wholly-other"}, "unknown option --wholly-other"},
    {{"--seed"}, "--seed needs a value: N"},
    {{"--seed", "-1"}, "--seed takes a number from 0 on, not \"-1\""},
    {{"--seed", "18446744073709551616"},
     "--seed takes a number from 0 on, not \"18446744073709551616\""},
    {{"--output", "xml"}, "--output takes text|json, not \"xml\""},
    {{"--static=yes"}, "--static takes no value"},
    {{"-v"}, "unknown option -v: options begin with --"},
};

TEST(refuses_with_a_sentence) {
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        char storage[4][24];
        memcpy(storage, refused[i].arguments, sizeof(storage));
        char *argv[4];
        int argc = 0;
        while (argc < 4 && storage[argc][0]) {
            argv[argc] = storage[argc];
            argc++;
        }
        struct operands operands;
        struct error err = {0};
        CHECK(!options_parse(options, COUNT_OF(options), argc, argv, &operands, &err));
        CHECK_SV(sv_from(err.message), sv_from(refused[i].message));
    }
}

TEST(takes_options_and_operands_in_any_order) {
    char a[] = "class.yaml", b[] = "--seed=18446744073709551615", c[] = "--output", d[] = "json",
         e[] = "--static", f[] = "--name", g[] = "x=y", h[] = "--", i[] = "--file";
    char *argv[] = {a, b, c, d, e, f, g, h, i};
    struct operands operands;
    struct error err = {0};
    REQUIRE(options_parse(options, COUNT_OF(options), COUNT_OF(argv), argv, &operands, &err));
    CHECK(flag);
    CHECK(number == UINT64_MAX);
    CHECK(choice == 1);
    CHECK_SV(text, SV("x=y"));
    REQUIRE(operands.count == 2);
    CHECK_SV(operands.items[0], SV("class.yaml"));
    CHECK_SV(operands.items[1], SV("--file"));
}

TEST(the_help_of_every_option_begins_in_one_column) {
    static const struct option rows[] = {
        {SV("seed"), OPTION_NUMBER, SV("N"), NULL, 0, NULL, SV("of the simulation")},
        {SV("output"), OPTION_CHOICE, SV("text|json|junit|sarif"), NULL, 0, NULL, SV("its form")},
    };
    struct buf buf;
    buf_init(&buf, 4096);
    CHECK(options_help(&buf, rows, COUNT_OF(rows)));
    CHECK_SV(buf_view(&buf), SV("  --seed N                    of the simulation\n"
                                "  --output text|json|junit|sarif\n"
                                "                              its form\n"));
    buf_release(&buf);
}
