/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/cel.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

#define SELF                                                                                       \
    "{\"name\":\"web\",\"size\":3,\"half\":0.5,\"on\":true,\"none\":null,\"a.b\":1,\"list\":[1,2," \
    "3]"                                                                                           \
    ",\"names\":[\"x\",\"y\"],\"ports\":[{\"name\":\"http\",\"port\":80},{\"name\":\"dns\","       \
    "\"port\":53}],\"labels\":{\"k\":\"v\",\"long\":\"longer\"},\"memory\":\"1Gi\",\"at\":"        \
    "\"2026-01-01T00:00:00Z\",\"namespace\":\"ns\"}"
#define OLD "{\"name\":\"web\",\"size\":2}"

static const char *const true_rules[] = {
    "true",
    "self.size == 3",
    "self.size != 4 && self.size >= 3 && self.size <= 3 && !(self.size < 3)",
    "1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && 7 / 2 == 3 && 7 % 2 == 1 && -3 + 3 == 0",
    "self.half * 2.0 == 1.0 && self.half < 1",
    "self.name == 'web' && self.name + \"x\" == 'webx'",
    "has(self.name) && !has(self.absent)",
    "self.none == null",
    "self.a__dot__b == 1 && self['a.b'] == 1",
    "self.__namespace__ == 'ns'",
    "'http' in self.ports.map(p, p.name) && 'k' in self.labels && !('z' in self.labels)",
    "3 in self.list && !(4 in self.list)",
    "self.list.all(x, x > 0) && self.list.exists(x, x == 2) && self.list.exists_one(x, x == 2)",
    "self.list.filter(x, x > 1) == [2, 3] && self.list.map(x, x > 1, x * 2) == [4, 6]",
    "self.labels.all(k, k.size() <= 4 && self.labels[k].startsWith('v') || k == 'long')",
    "size(self.list) == 3 && self.name.size() == 3 && {'a': 1}.size() == 1 && '\\u00e9'.size() == "
    "1",
    "self.name.matches('^[a-z]+$') && self.name.startsWith('w') && self.name.endsWith('b')",
    "self.name.contains('e') && 'AbC'.lowerAscii() == 'abc' && 'ab'.upperAscii() == 'AB'",
    "'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c']",
    "'a-b'.replace('-', '+') == 'a+b' && ['a', 'b'].join('-') == 'a-b' && ' x '.trim() == 'x'",
    "'hello'.substring(1, 3) == 'el' && 'hello'.charAt(0) == 'h' && 'hello'.indexOf('l') == 2",
    "'hello'.lastIndexOf('l') == 3 && 'abc 12'.find('[0-9]+') == '12' && 'x'.indexOf('z') == -1",
    "int('12') == 12 && string(12) == '12' && double('1.5') == 1.5 && string(1.5) == '1.5'",
    "type(self.size) == int && type(self.name) == string && type(1.0) == double",
    "duration('90s') < duration('2m') && duration('1h').getMinutes() == 60",
    "timestamp(self.at) < timestamp('2026-01-02T00:00:00Z')",
    "timestamp('2026-01-01T00:01:00Z') - timestamp(self.at) == duration('60s')",
    "[1, 2].isSorted() && [3, 1].min() == 1 && [3, 1].max() == 3 && [1, 2, 3].sum() == 6",
    "quantity(self.memory).isGreaterThan(quantity('512Mi')) && isQuantity('1k') && "
    "!isQuantity('k')",
    "quantity('1024Mi') == quantity('1Gi') && quantity('1k').asInteger() == 1000",
    "self.size > oldSelf.size && self.name == oldSelf.name",
    "self.?absent.orValue('z') == 'z' && self.?name.orValue('z') == 'web' && self.?absent == "
    "optional.none()",
    "self.labels[?'k'].hasValue() && !self.labels[?'z'].hasValue()",
    "self.list.all(i, v, v == i + 1) && self.labels.exists(k, v, k == 'k' && v == 'v')",
    "'abcabc'.indexOf('c', 3) == 5 && 'aaa'.replace('', '-') == '-a-a-a-'",
    "string(duration('90s')) == '90s' && string(duration('1500ms')) == '1.5s'",
    "[duration('1s'), duration('2s')].sum() == duration('3s')",
    "'abc 12 34'.findAll('[0-9]+') == ['12', '34'] && 'WEB'.matches('(?i)^web$')",
    "'\\u00e9'.matches('^.$') && !'\\u00e9'.matches('^..$')",
    "quantity('1').add(quantity('2')).sub(1) == quantity('2')",
    "self.size > 2 ? self.on : false",
    "true || self.absent.deep == 1",
    "self.absent == 1 || true",
    "self.list.exists(x, self.list[x] == 3)",
    "'a' + 'b' == \"ab\" && r'\\d' == '\\\\d' && '''a'b''' == \"a'b\" && '\\x41' == 'A'",
    "0x10 == 16 && 5u == 5u && 1e3 == 1000.0 // a comment\n && true",
    "[1, 2] + [3] == self.list && {'a': 1, 'b': [2]} == {'b': [2], 'a': 1}",
    "dyn(self.size) == 3",
};

static const struct cJSON *parse(struct arena *arena, const char *text) {
    struct error err = {0};
    const struct cJSON *tree = json_read(arena, sv_from(text), &err);
    assert(tree);
    return tree;
}

TEST(rules_that_hold) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *self = parse(arena, SELF), *old = parse(arena, OLD);
    for (size_t i = 0; i < COUNT_OF(true_rules); i++) {
        struct error err = {0};
        bool value = false;
        const struct cel_program *program =
            cel_compile(arena, sv_from(true_rules[i]), NULL, false, &err);
        bool held = program && cel_evaluate_bool(program, self, old, arena, &value, &err);
        CHECK(held && value);
        if (!held || !value)
            printf("%s\n  %s\n", true_rules[i], err.message);
    }
}

static const struct {
    const char *rule, *message;
} failing[] = {
    {"self.absent == 1", "no such key: absent"},
    {"self.list[9] == 1", "index out of bounds: 9"},
    {"self.labels['z'] == ''", "no such key: z"},
    {"self.size / 0 == 1", "division by zero"},
    {"self.size + 'a' == 'a'", "no such overload"},
    {"9223372036854775807 + 1 > 0", "integer overflow"},
    {"int('x') == 1", "type conversion error from 'string' to 'int'"},
    {"self.size", "the rule is of type int, not bool"},
    {"self.absent == 1 || false", "no such key: absent"},
    {"self.list.map(a, self.list.map(b, self.list.map(c, self.list.map(d, self.list.map(e, "
     "self.list.map(f, self.list.map(g, self.list.map(h, self.list.map(i, self.list.map(j, "
     "self.list.map(k, self.list.map(l, self.list.map(m, a))))))))))))).size() > 0",
     "operation cancelled: actual cost limit exceeded"},
};

TEST(evaluations_that_fail_say_why) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *self = parse(arena, SELF);
    for (size_t i = 0; i < COUNT_OF(failing); i++) {
        struct error err = {0};
        bool value;
        const struct cel_program *program =
            cel_compile(arena, sv_from(failing[i].rule), NULL, false, &err);
        REQUIRE(program != NULL);
        CHECK(!cel_evaluate_bool(program, self, NULL, arena, &value, &err));
        CHECK_SV(sv_from(err.message), sv_from(failing[i].message));
    }
}

static const struct {
    const char *rule, *message;
} refused[] = {
    {"self.size ==", "13: Syntax error: the expression ends too early"},
    {"(self.size", "11: Syntax error: missing \")\""},
    {"self.size $ 3", "11: Syntax error: unexpected \"$\""},
    {"other == 1", "7: undeclared reference to \"other\""},
    {"url(self.name).getHost() == ''", "15: function is not supported by this server: \"url\""},
    {"self.name.size(1) == 1", "19: found no matching overload for \"size\""},
    {"self.list.all(1, true)", "15: the first argument of a macro must be a name, in \"all\""},
    {"self.list.all(x)", "17: too few arguments for macro \"all\""},
    {"has(self)", "10: invalid argument to has() macro"},
    {"'abc", "1: Syntax error: a text does not end"},
    {"self.name.matches('(')", "23: cannot compile the regular expression \"(\""},
    {"", "1: Syntax error: the expression ends too early"},
    {"1 == 'a'", "9: found no matching overload for \"_==_ applied to (int, string)\""},
    {"sets.contains([1], [1])", "24: function is not supported by this server: \"sets.contains\""},
};

TEST(expressions_that_cannot_run_are_refused_with_their_position) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct error err = {0};
        CHECK(!cel_compile(arena, sv_from(refused[i].rule), NULL, false, &err));
        CHECK_SV(sv_from(err.message), sv_from(refused[i].message));
    }
}

TEST(what_is_too_deep_or_too_long_is_refused) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    char deep[CEL_DEPTH_MAX * 2 + 8], *end = deep;
    for (int i = 0; i < CEL_DEPTH_MAX + 1; i++)
        *end++ = '(';
    *end = 0;
    CHECK(!cel_compile(arena, sv_from(deep), NULL, false, &err));
    CHECK(err.code == ERROR_TOO_LARGE);
    char *text = arena_alloc(arena, CEL_TEXT_BYTES_MAX + 2);
    memset(text, ' ', CEL_TEXT_BYTES_MAX + 1);
    CHECK(!cel_compile(arena, (struct sv){text, CEL_TEXT_BYTES_MAX + 1}, NULL, false, &err));
}

TEST(transition_rules_are_known) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    CHECK(cel_uses_old(cel_compile(arena, SV("self == oldSelf"), NULL, false, &err)));
    CHECK(!cel_uses_old(cel_compile(arena, SV("self == self"), NULL, false, &err)));
    bool value = false;
    const struct cel_program *program =
        cel_compile(arena, SV("oldSelf.hasValue() ? false : true"), NULL, true, &err);
    REQUIRE(program != NULL);
    CHECK(cel_evaluate_bool(program, parse(arena, "{}"), NULL, arena, &value, &err) && value);
}
