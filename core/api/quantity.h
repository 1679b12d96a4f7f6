/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quantity: Kubernetes' resource quantities ("1536Mi", "500m", "1e3"), exactly.
 *
 * A value is an integer number of nano-units (10^-9) in 128 bits, with the family of suffixes
 * that it was written in. What Go rounds up to nano is rounded up here. Pure.
 */
#ifndef CORE_API_QUANTITY_H
#define CORE_API_QUANTITY_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

enum quantity_format { QUANTITY_DECIMAL_SI, QUANTITY_BINARY_SI, QUANTITY_DECIMAL_EXPONENT };

struct quantity {
    __int128 nano;
    enum quantity_format format;
};

/* False when the text is no quantity; values are capped at 2^63-1 units as in Go. */
MUST_CHECK bool quantity_parse(struct sv text, struct quantity *ret_quantity);
/* Go's canonical text: same family, largest suffix that leaves an integer ("1024Mi" -> "1Gi"). */
struct sv quantity_format(struct quantity quantity, struct arena *arena);
/* What Go shows of a quantity that it has read from `text`: the canonical text, except that the
 * very text is kept where Go's parser takes it for canonical ("+5Gi", "12E6"). SV("") when it is
 * no quantity. */
struct sv quantity_text(struct sv text, struct arena *arena);
/* Negative, 0 or positive. */
int quantity_compare(struct quantity a, struct quantity b);
/* The sum, in the format of `a` unless that is zero. */
struct quantity quantity_add(struct quantity a, struct quantity b);
/* Whole units, rounded up. */
int64_t quantity_value(struct quantity quantity);
/* Thousandths, rounded up. */
int64_t quantity_milli_value(struct quantity quantity);
/* Whether both texts are quantities of the same value. */
bool quantity_texts_equal(struct sv a, struct sv b);

#endif
