/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/media_type.h"

#include "core/base/test.h"

#define KUBECTL_TABLE                                                                              \
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;"            \
    "g=meta.k8s.io,application/json"

static const struct {
    struct sv header;
    enum accept_result result;
    struct acceptance acceptance;
} cases[] = {
    {SV(""), ACCEPT_OK, {ENCODING_JSON, AS_OBJECT, false, false}},
    {SV("*/*"), ACCEPT_OK, {ENCODING_JSON, AS_OBJECT, false, false}},
    {SV("application/*"), ACCEPT_NO_TYPE, {ENCODING_JSON, AS_OBJECT, false, false}},
    {SV("application/json, */*"), ACCEPT_OK, {ENCODING_JSON, AS_OBJECT, false, false}},
    {SV("application/yaml"), ACCEPT_OK, {ENCODING_YAML, AS_OBJECT, false, false}},
    {SV("text/html,application/yaml;q=0.9"), ACCEPT_OK, {ENCODING_YAML, AS_OBJECT, false, false}},
    {SV(KUBECTL_TABLE), ACCEPT_OK, {ENCODING_JSON, AS_TABLE, false, false}},
    /* Who takes JSON besides protobuf gets JSON. */
    {SV("application/vnd.kubernetes.protobuf,application/json"),
     ACCEPT_OK,
     {ENCODING_JSON, AS_OBJECT, false, false}},
    {SV("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"),
     ACCEPT_OK,
     {ENCODING_JSON, AS_TABLE, false, true}},
    {SV("application/json;as=PartialObjectMetadata;v=v1beta1;g=meta.k8s.io"),
     ACCEPT_NO_PARAMETERS,
     {ENCODING_JSON, AS_OBJECT, false, false}},
    {SV("application/vnd.kubernetes.protobuf"),
     ACCEPT_OK,
     {ENCODING_PROTOBUF, AS_OBJECT, false, false}},
    {SV("application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"),
     ACCEPT_OK,
     {ENCODING_JSON, AS_METADATA, true, false}},
    {SV("text/plain"), ACCEPT_NO_TYPE, {ENCODING_JSON, AS_OBJECT, false, false}},
    {SV("application/json;as=Nothing;g=meta.k8s.io;v=v1"),
     ACCEPT_NO_PARAMETERS,
     {ENCODING_JSON, AS_OBJECT, false, false}},
};

TEST(what_is_sent_for_an_accept_header) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct acceptance acceptance = {0};
        CHECK(accept_parse(cases[i].header, &acceptance) == cases[i].result);
        if (cases[i].result != ACCEPT_OK)
            continue;
        CHECK(acceptance.encoding == cases[i].acceptance.encoding);
        CHECK(acceptance.representation == cases[i].acceptance.representation);
        CHECK(acceptance.is_list_form == cases[i].acceptance.is_list_form);
        CHECK(acceptance.is_beta_table == cases[i].acceptance.is_beta_table);
    }
}

TEST(parameters_of_a_content_type_are_left_out) {
    CHECK_SV(media_type_of(SV("application/json; charset=utf-8")), SV("application/json"));
    CHECK_SV(media_type_of(SV("")), SV(""));
}
