/* SPDX-License-Identifier: Apache-2.0 */
/* spdy_dictionary: what compressed headers of SPDY/3.1 refer to: words, each behind its length in
 * four bytes, and a text. */
#ifndef FAKEAPI_HTTP_SPDY_DICTIONARY_H
#define FAKEAPI_HTTP_SPDY_DICTIONARY_H

enum { SPDY_DICTIONARY_BYTES = 1423 };

/* Writes SPDY_DICTIONARY_BYTES bytes. */
void spdy_fill_dictionary(unsigned char *dictionary);

#endif
