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
    "timestamp('2026-01-01T10:00:00Z').getHours('Europe/Berlin') == 11",
    "timestamp('2026-07-01T23:30:00Z').getDayOfMonth('Europe/Berlin') == 1",
    "timestamp('2026-07-01T10:00:00Z').getHours('UTC') == 10",
    "self.list.transformList(i, v, i * 10 + v) == [1, 12, 23]",
    "self.list.transformList(i, v, i > 0, v) == [2, 3]",
    "sets.equivalent(self.labels.transformList(k, v, k + v), ['kv', 'longlonger'])",
    "self.labels.transformMap(k, v, v.size()) == {'k': 1, 'long': 6}",
    "self.labels.transformMap(k, v, k != 'k', v + '!') == {'long': 'longer!'}",
    "self.list.transformMap(i, v, v * 2)[2] == 6",
    "self.ports.transformMapEntry(i, p, {p.name: i}) == {'http': 0, 'dns': 1}",
    "self.ports.transformMapEntry(i, p, p.port < 80, {p.name: p.port}) == {'dns': 53}",
    "self.?size.optMap(x, x + 1).orValue(0) == 4 && !self.?absent.optMap(x, x + 1).hasValue()",
    "self.?labels.optFlatMap(l, l[?'k']).orValue('') == 'v'",
    "!self.?labels.optFlatMap(l, l[?'z']).hasValue()",
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
    /* addresses */
    "ip('10.0.0.1').family() == 4 && ip('::1').family() == 6 && ip('10.0.0.1') != ip('10.0.0.2')",
    "isIP('::ffff:0') && !isIP('::ffff:1.2.3.4') && !isIP('1.2.3') && !isIP('01.2.3.4')",
    "ip('2001:DB8::1') == ip('2001:db8:0::1') && string(ip('2001:DB8::1')) == '2001:db8::1'",
    "ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1')",
    "ip('127.0.0.1').isLoopback() && ip('::1').isLoopback() && !ip('10.0.0.1').isLoopback()",
    "ip('0.0.0.0').isUnspecified() && ip('169.254.1.1').isLinkLocalUnicast()",
    "ip('224.0.0.1').isLinkLocalMulticast() && ip('8.8.8.8').isGlobalUnicast()",
    "cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))",
    "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.1.0.0/16').containsCIDR("
    "cidr('10.0.0.0/8'))",
    "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.1.2.3/8').prefixLength() == 8",
    "cidr('10.1.2.3/8').ip() == ip('10.1.2.3') && isCIDR('::/0') && !isCIDR('10.0.0.0/33')",
    "['10.0.0.1'].all(ip, isIP(ip) && ip.size() == 8)",
    /* URLs */
    "url('https://u@example.com:80/a%20b?x=1&y=2&x=3').getHost() == 'example.com:80'",
    "url('https://[::1]:80/').getHostname() == '::1' && url('https://[::1]:80/').getPort() == "
    "'80'",
    "url('https://h/a%20b?q').getEscapedPath() == '/a%20b' && url('https://h').getScheme() == "
    "'https'",
    "url('https://h/?x=1&y=%20&x=3').getQuery() == {'x': ['1', '3'], 'y': [' ']}",
    "isURL('/path') && isURL('mailto:a') && !isURL('a b') && !isURL('../a') && !isURL('http://a "
    "b')",
    /* sets and lists */
    "sets.contains([1, 2, 3], [3, 1]) && !sets.contains([1], [2])",
    "sets.equivalent([1, 1, 2], [2, 1]) && sets.intersects([1], [2, 1]) && !sets.intersects([], "
    "[1])",
    "[1, 2].first().value() == 1 && [1, 2].last().value() == 2 && ![].first().hasValue()",
    "[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2",
    /* texts */
    "'%s is %d, %.2f, %x and %b%%'.format(['a', 3, 1.5, 255, 5]) == 'a is 3, 1.50, ff and 101%'",
    "strings.quote('a\"b\\n') == '\"a\\\\\"b\\\\n\"'",
    /* formats */
    "!format.dns1123Label().validate('web').hasValue() && "
    "format.dns1123Label().validate('We').hasValue()",
    "!format.named('dns1123LabelPrefix').value().validate('web-').hasValue()",
    "!format.named('nothing').hasValue() && format.date().validate('2026-13-01').hasValue()",
    "!format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()",
    /* versions */
    "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-alpha').compareTo("
    "semver('1.0.0')) == -1",
    "semver('1.0.0-alpha.1').isLessThan(semver('1.0.0-alpha.beta')) && isSemver('1.2.3+b')",
    "!isSemver('1.2') && !isSemver('01.2.3') && isSemver('v1.2', true)",
    "semver('v01.2', true) == semver('1.2.0') && semver('1.2.3').minor() == 2",
    /* times */
    "timestamp('2026-03-01T04:05:06Z').getFullYear() == 2026 && "
    "timestamp('2026-03-01T04:05:06Z').getMonth() == 2",
    "timestamp('2026-03-01T04:05:06Z').getDate() == 1 && "
    "timestamp('2026-03-01T04:05:06Z').getDayOfMonth() == 0",
    "timestamp('2026-03-01T04:05:06Z').getDayOfWeek() == 0 && "
    "timestamp('2024-12-31T00:00:00Z').getDayOfYear() == 365",
    "timestamp('2026-03-01T04:05:06Z').getHours() == 4 && "
    "timestamp('2026-03-01T04:05:06Z').getMinutes('+01:30') == 35",
    "timestamp('2026-01-01T00:30:00Z').getFullYear('-01:00') == 2025 && "
    "timestamp('2026-03-01T04:05:06Z').getSeconds() == 6",
    /* optionals */
    "!optional.ofNonZeroValue('').hasValue() && optional.ofNonZeroValue(1).value() == 1",
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
    {"ip('x') == ip('y')", "IP Address parse error during conversion from string: x"},
    {"url(':') == url(':')", "URL parse error during conversion from string: :"},
    {"'%d'.format(['a']) == ''", "no such overload"},
    {"'%d %d'.format([1]) == ''", "index out of range: a clause without an argument"},
    {"semver('1') == semver('1')", "invalid semver: 1"},
    {"timestamp('2026-01-01T00:00:00Z').getHours('Mars') == 0", "unknown time zone Mars"},
    {"timestamp('2026-01-01T00:00:00Z').getHours('+15:00') == 0", "unknown time zone +15:00"},
    {"self.absent == 1 || false", "no such key: absent"},
    {"self.list.transformMapEntry(i, v, {'a': v}).size() == 1",
     "insert failed: key a already exists"},
    {"self.list.transformMapEntry(i, v, {}).size() == 1",
     "transformMapEntry needs a map of one entry"},
    {"self.size.transformList(i, v, v) == []", "no such overload"},
    {"self.size.optMap(x, x).hasValue()", "no such overload"},
    {"self.?size.optFlatMap(x, x).hasValue()", "no such overload"},
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
    {"(self.size", "11: Syntax error: missing ')'"},
    {"self.size.(", "11: Syntax error: no viable alternative at input '.('"},
    {"self.", "6: Syntax error: no viable alternative at input '.<EOF>'"},
    {"self.size $ 3", "11: Syntax error: unexpected '$'"},
    {"other == 1", "1: undeclared reference to 'other' (in container '')"},
    {"authorizer.path(self.name)", "1: undeclared reference to 'authorizer' (in container '')"},
    {"math.greatest(1, 2) == 2", "14: undeclared reference to 'math.greatest' (in container '')"},
    /* Lists that Kubernetes 1.34 knows, but takes from 1.35 on. */
    {"[1].slice(0, 1) == []", "10: undeclared reference to 'slice' (in container '')"},
    {"lists.range(3) == []", "12: undeclared reference to 'lists.range' (in container '')"},
    {"quantity('1').sign() == 1", "19: found no matching overload for 'sign'"},
    {"self.name.size(1) == 1", "15: found no matching overload for 'size'"},
    {"self.list.all(1, true)", "15: the first argument of a macro must be a name, in 'all'"},
    {"self.list.all(x)", "17: too few arguments for macro 'all'"},
    {"has(self)", "10: invalid argument to has() macro"},
    {"'abc", "1: Syntax error: a text does not end"},
    {"self.name.matches('(')", "23: cannot compile the regular expression '('"},
    {"", "1: Syntax error: the expression ends too early"},
    {"1 == 'a'", "3: found no matching overload for '_==_' applied to '(int, string)'"},
    {"1 < 'a'", "3: found no matching overload for '_<_' applied to '(int, string)'"},
    {"1 + 'a' == 2", "3: found no matching overload for '_+_' applied to '(int, string)'"},
    {"true && 1", "6: found no matching overload for '_&&_' applied to '(bool, int)'"},
    {"'a' || true", "5: found no matching overload for '_||_' applied to '(string, bool)'"},
    {"(1 == 1) == 1", "10: found no matching overload for '_==_' applied to '(bool, int)'"},
    {"2.5 % 2.0 == 0.5", "5: found no matching overload for '_%_' applied to '(double, double)'"},
    {"self.list.all(x, x > 0) > 1",
     "25: found no matching overload for '_>_' applied to '(bool, int)'"},
};

TEST(expressions_that_cannot_run_are_refused_with_their_position) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct error err = {0};
        CHECK(!cel_compile(arena, sv_from(refused[i].rule), NULL, false, &err));
        CHECK_SV(sv_from(err.message), sv_from(refused[i].message));
    }
}

TEST(a_failure_shows_the_line_and_the_place) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct sv text = SV("true &&\n  other");
    CHECK(!cel_compile(arena, text, NULL, false, &err));
    CHECK_SV(cel_failure_text(arena, text, &err),
             SV("compilation failed: ERROR: <input>:2:3: undeclared reference to 'other' (in "
                "container '')\n |   other\n | ..^"));
}

static const struct {
    const char *rule, *type; /* "" where it is not known before it runs */
} typed[] = {
    {"true", "bool"},
    {"1", "int"},
    {"'a' + 'b'", "string"},
    {"self.size > 1", "bool"},
    {"!self.on", "bool"},
    {"has(self.name)", "bool"},
    {"[1].all(x, true)", "bool"},
    {"[1].map(x, x)", ""},
    {"self.size", ""},
    {"size('a')", ""},
    {"1.5 * 2.0", "double"},
    {"true ? 1 : 2", ""},
};

TEST(the_type_of_a_result_is_known_where_it_can_be) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(typed); i++) {
        struct error err = {0};
        const struct cel_program *program =
            cel_compile(arena, sv_from(typed[i].rule), NULL, false, &err);
        REQUIRE(program != NULL);
        CHECK_SV(cel_result_type(program), sv_from(typed[i].type));
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
