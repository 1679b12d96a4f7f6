/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/re2_bridge.h"

#include <re2/re2.h>

#include <new>

struct re2_pattern {
    re2::RE2 regexp;
    re2_pattern(re2::StringPiece text, const re2::RE2::Options &options) : regexp(text, options) {
    }
};

struct re2_pattern *re2_pattern_new(const char *bytes, size_t len) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    return new (std::nothrow) re2_pattern(re2::StringPiece(bytes, len), options);
}

void re2_pattern_free(struct re2_pattern *pattern) {
    delete pattern;
}

static re2_fault fault_of(re2::RE2::ErrorCode code) {
    switch (code) {
    case re2::RE2::NoError:
        return RE2_FAULT_NONE;
    case re2::RE2::ErrorBadEscape:
        return RE2_FAULT_ESCAPE;
    case re2::RE2::ErrorBadCharClass:
    case re2::RE2::ErrorBadCharRange:
        return RE2_FAULT_RANGE;
    case re2::RE2::ErrorMissingBracket:
        return RE2_FAULT_MISSING_BRACKET;
    case re2::RE2::ErrorMissingParen:
        return RE2_FAULT_MISSING_PARENTHESIS;
    case re2::RE2::ErrorUnexpectedParen:
        return RE2_FAULT_UNEXPECTED_PARENTHESIS;
    case re2::RE2::ErrorTrailingBackslash:
        return RE2_FAULT_TRAILING_BACKSLASH;
    case re2::RE2::ErrorRepeatArgument:
        return RE2_FAULT_REPEAT_ARGUMENT;
    case re2::RE2::ErrorRepeatSize:
        return RE2_FAULT_REPEAT_COUNT;
    case re2::RE2::ErrorRepeatOp:
        return RE2_FAULT_REPEAT_OPERATOR;
    case re2::RE2::ErrorBadPerlOp:
        return RE2_FAULT_PERL_SYNTAX;
    case re2::RE2::ErrorBadUTF8:
        return RE2_FAULT_UTF8;
    case re2::RE2::ErrorBadNamedCapture:
        return RE2_FAULT_NAMED_CAPTURE;
    case re2::RE2::ErrorInternal:
    case re2::RE2::ErrorPatternTooLarge:
        break;
    }
    return RE2_FAULT_OTHER;
}

re2_fault re2_pattern_fault(const struct re2_pattern *pattern, const char **ret_part,
                            size_t *ret_len) {
    const std::string &part = pattern->regexp.error_arg();
    *ret_part = part.data();
    *ret_len = part.size();
    return fault_of(pattern->regexp.error_code());
}

bool re2_pattern_find(const struct re2_pattern *pattern, const char *text, size_t len,
                      size_t *ret_at, size_t *ret_len) {
    re2::StringPiece found;
    bool wants_place = ret_at && ret_len;
    if (!pattern->regexp.Match(re2::StringPiece(text, len), 0, len, re2::RE2::UNANCHORED,
                               wants_place ? &found : nullptr, wants_place ? 1 : 0))
        return false;
    if (wants_place) {
        *ret_at = static_cast<size_t>(found.data() - text);
        *ret_len = found.size();
    }
    return true;
}
