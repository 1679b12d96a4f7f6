/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/pem.h"

#include "core/base/test.h"

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
#define KEY(body) "-----BEGIN EC PRIVATE KEY-----\n" body "-----END EC PRIVATE KEY-----\n"

#define ENCRYPTED "holds a key that is encrypted, and there is nobody to ask for its password"

static const struct {
    const char *text, *problem; /* NULL: none */
} cases[] = {
    {CERTIFICATE, NULL},
    {"Subject: words before it\n" CERTIFICATE "and behind\n" CERTIFICATE, NULL},
    {"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" KEY(
         "M\nAA\r\n=\n"),
     NULL},
    {KEY("Proc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nMAA=\n"), ENCRYPTED},
    {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
     ENCRYPTED},
    {"", "holds no PEM block (-----BEGIN …)"},
    {"MAA=", "holds no PEM block (-----BEGIN …)"},
    {"-----BEGIN CERTIFICATE", "holds a PEM block that is cut off"},
    {"-----BEGIN CERTIFICATE-----\nMAA=\n", "holds a PEM block that is cut off"},
    {CERTIFICATE "-----BEGIN CERTIFICATE-----\nMA", "holds a PEM block that is cut off"},
    {"-----BEGIN CERTIFICATE-----\nMAA=\n-----END KEY-----\n",
     "holds a PEM block whose end does not fit its beginning"},
    {KEY("M*A="), "holds a PEM block whose content is damaged"},
    {KEY(""), "holds a PEM block whose content is damaged"},
    {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
     "holds a PEM block whose content is damaged"},
};

TEST(says_what_is_wrong_with_a_copy) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *problem = pem_problem(sv_from(cases[i].text));
        CHECK((problem == NULL) == (cases[i].problem == NULL));
        CHECK_SV(sv_from(problem ? problem : ""),
                 sv_from(cases[i].problem ? cases[i].problem : ""));
    }
}
