# SPDX-License-Identifier: Apache-2.0
# Kubernetes' types as C tables, written at build time from fakeapi/schema/data.
add_executable(schema_gen fakeapi/schema/gen/schema_gen.c)
target_link_libraries(schema_gen PRIVATE cr_data)
set(SCHEMA_DATA ${CMAKE_SOURCE_DIR}/fakeapi/schema/data)
set(SCHEMA_TABLES ${CMAKE_BINARY_DIR}/generated/schema_tables.c)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
add_custom_command(
  OUTPUT ${SCHEMA_TABLES}
  COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0
          $<TARGET_FILE:schema_gen> ${SCHEMA_DATA}/openapi-definitions.json
          ${SCHEMA_DATA}/discovery.json ${SCHEMA_DATA}/protobuf-fields.json ${SCHEMA_TABLES}
  DEPENDS schema_gen ${SCHEMA_DATA}/openapi-definitions.json ${SCHEMA_DATA}/discovery.json
          ${SCHEMA_DATA}/protobuf-fields.json)
add_executable(protobuf_gen fakeapi/schema/gen/protobuf_gen.c)
target_link_libraries(protobuf_gen PRIVATE cr_data)
set(PROTOBUF_TABLES ${CMAKE_BINARY_DIR}/generated/protobuf_tables.c)
add_custom_command(
  OUTPUT ${PROTOBUF_TABLES}
  COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0
          $<TARGET_FILE:protobuf_gen> ${SCHEMA_DATA}/protobuf-fields.json ${PROTOBUF_TABLES}
  DEPENDS protobuf_gen ${SCHEMA_DATA}/protobuf-fields.json)
add_executable(text_gen fakeapi/schema/gen/text_gen.c)
target_link_libraries(text_gen PRIVATE cr_data)
set(BUILTIN_TEXTS ${CMAKE_BINARY_DIR}/generated/builtin_texts.c)
add_custom_command(
  OUTPUT ${BUILTIN_TEXTS}
  COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0
          $<TARGET_FILE:text_gen> ${BUILTIN_TEXTS} discovery ${SCHEMA_DATA}/discovery.json
          definitions ${SCHEMA_DATA}/openapi-definitions.json
          rbac_defaults ${SCHEMA_DATA}/rbac-defaults.json
  DEPENDS text_gen ${SCHEMA_DATA}/discovery.json ${SCHEMA_DATA}/openapi-definitions.json
          ${SCHEMA_DATA}/rbac-defaults.json)
add_library(fa_schema_tables STATIC ${SCHEMA_TABLES} ${PROTOBUF_TABLES} ${BUILTIN_TEXTS})
# Tables only: nothing to instrument.
target_compile_options(fa_schema_tables PRIVATE -O0 -g0 -fno-sanitize=all)

# Our CRDs, with references to Kubernetes' types expanded, for core/api/crds.h.
add_executable(crd_gen fakeapi/schema/gen/crd_gen.c)
target_link_libraries(crd_gen PRIVATE cr_data)
file(GLOB CRD_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/core/api/crds/*.yaml)
set(CRD_TEXTS ${CMAKE_BINARY_DIR}/generated/crds.c)
add_custom_command(
  OUTPUT ${CRD_TEXTS}
  COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0
          $<TARGET_FILE:crd_gen> ${SCHEMA_DATA}/openapi-definitions.json ${CRD_TEXTS} ${CRD_SOURCES}
  DEPENDS crd_gen ${SCHEMA_DATA}/openapi-definitions.json ${CRD_SOURCES})
add_library(cr_crds STATIC ${CRD_TEXTS})
target_compile_options(cr_crds PRIVATE -O0 -g0 -fno-sanitize=all)
target_link_libraries(cr_crds PUBLIC cr_base)
