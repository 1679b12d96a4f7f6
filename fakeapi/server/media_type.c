/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/media_type.h"

static const struct sv media_types[] = {
    [ENCODING_JSON] = {"application/json", 16},
    [ENCODING_YAML] = {"application/yaml", 16},
    [ENCODING_PROTOBUF] = {"application/vnd.kubernetes.protobuf", 35},
};

struct sv encoding_media_type(enum encoding encoding) {
    return media_types[encoding];
}

struct sv media_type_of(struct sv content_type) {
    return sv_trim(sv_cut(&content_type, ';'));
}

static bool find_encoding(struct sv media_type, enum encoding *ret_encoding) {
    if (sv_eq(media_type, SV("*/*"))) {
        *ret_encoding = ENCODING_JSON;
        return true;
    }
    size_t index = sv_index_of(media_type, media_types, COUNT_OF(media_types));
    if (index == COUNT_OF(media_types))
        return false;
    *ret_encoding = (enum encoding)index;
    return true;
}

struct parameters {
    struct sv as, group, version;
};

static struct parameters read_parameters(struct sv rest) {
    struct parameters parameters = {SV(""), SV(""), SV("")};
    while (rest.len > 0) {
        struct sv value = sv_trim(sv_cut(&rest, ';'));
        struct sv name = sv_cut(&value, '=');
        if (sv_eq(name, SV("as")))
            parameters.as = value;
        else if (sv_eq(name, SV("g")))
            parameters.group = value;
        else if (sv_eq(name, SV("v")))
            parameters.version = value;
    }
    return parameters;
}

static bool find_representation(const struct parameters *parameters,
                                struct acceptance *acceptance) {
    static const struct sv names[] = {
        {"PartialObjectMetadata", 21}, {"PartialObjectMetadataList", 25}, {"Table", 5}};
    static const enum representation representations[] = {AS_METADATA, AS_METADATA, AS_TABLE};
    acceptance->representation = AS_OBJECT;
    acceptance->is_beta_table = false;
    if (parameters->as.len == 0)
        return true;
    size_t index = sv_index_of(parameters->as, names, COUNT_OF(names));
    if (index == COUNT_OF(names) || !sv_eq(parameters->group, SV("meta.k8s.io")))
        return false;
    bool is_table = representations[index] == AS_TABLE;
    bool is_beta = is_table && sv_eq(parameters->version, SV("v1beta1"));
    if (!is_beta && !sv_eq(parameters->version, SV("v1")))
        return false;
    acceptance->representation = representations[index];
    acceptance->is_beta_table = is_beta;
    return true;
}

enum accept_result accept_parse(struct sv header, struct acceptance *ret_acceptance) {
    struct acceptance fallback = {0};
    bool has_fallback = false, has_type = false;
    if (sv_trim(header).len == 0) {
        *ret_acceptance = fallback;
        return ACCEPT_OK;
    }
    for (struct sv rest = header; rest.len > 0;) {
        struct sv clause = sv_cut(&rest, ',');
        struct sv media_type = sv_trim(sv_cut(&clause, ';'));
        struct parameters parameters = read_parameters(clause);
        struct acceptance acceptance;
        if (!find_encoding(media_type, &acceptance.encoding))
            continue;
        has_type = true;
        if (!find_representation(&parameters, &acceptance))
            continue;
        acceptance.is_list_form = sv_eq(parameters.as, SV("PartialObjectMetadataList"));
        /* Tables have no protobuf form. */
        if (acceptance.encoding == ENCODING_PROTOBUF && acceptance.representation == AS_TABLE)
            continue;
        if (acceptance.encoding != ENCODING_PROTOBUF) {
            *ret_acceptance = acceptance;
            return ACCEPT_OK;
        }
        if (!has_fallback)
            fallback = acceptance;
        has_fallback = true;
    }
    if (has_fallback)
        *ret_acceptance = fallback;
    return has_fallback ? ACCEPT_OK : has_type ? ACCEPT_NO_PARAMETERS : ACCEPT_NO_TYPE;
}
