/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_type: what a client sends and what it takes: Content-Type and Accept headers with the
 * parameters of Kubernetes (as=Table;v=v1;g=meta.k8s.io). Pure.
 */
#ifndef FAKEAPI_SERVER_MEDIA_TYPE_H
#define FAKEAPI_SERVER_MEDIA_TYPE_H

#include "core/base/base.h"
#include "core/base/sv.h"

enum encoding { ENCODING_JSON, ENCODING_YAML, ENCODING_PROTOBUF };
/* "application/json", … */
struct sv encoding_media_type(enum encoding encoding);

enum representation { AS_OBJECT, AS_METADATA, AS_TABLE };

struct acceptance {
    enum encoding encoding;
    enum representation representation;
    bool is_list_form;  /* AS_METADATA: PartialObjectMetadataList was asked for */
    bool is_beta_table; /* AS_TABLE: in v1beta1, which older clients know */
};

enum accept_result {
    ACCEPT_OK,
    ACCEPT_NO_TYPE,      /* none of the media types can be served */
    ACCEPT_NO_PARAMETERS /* a media type can, but not as what it asks for */
};

/* What is to be sent for an Accept header; SV("") is anything. JSON wins over protobuf wherever
 * it stands: clients that prefer protobuf take both, and answers cost less to make in JSON. */
enum accept_result accept_parse(struct sv header, struct acceptance *ret_acceptance);

/* The media type without parameters, as it was written; SV("") without a header. */
struct sv media_type_of(struct sv content_type);

#endif
