# SPDX-License-Identifier: Apache-2.0
# All from the distribution (Debian 12 is the reference); ci/install-dependencies installs them.
find_package(PkgConfig REQUIRED)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1>=0.2.5)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
pkg_check_modules(GNUTLS REQUIRED IMPORTED_TARGET gnutls>=3.7)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib>=1.2.13)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.40)
pkg_check_modules(CUNIT REQUIRED IMPORTED_TARGET cunit>=2.1)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson>=1.7.15)
pkg_check_modules(NETTLE REQUIRED IMPORTED_TARGET nettle>=3.8)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4>=1.9.4)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash>=0.8.1)

# Debian's wslay carries no pkg-config file.
find_path(WSLAY_INCLUDE_DIR wslay/wslay.h REQUIRED)
find_library(WSLAY_LIBRARY wslay REQUIRED)
add_library(wslay UNKNOWN IMPORTED)
set_target_properties(wslay PROPERTIES IMPORTED_LOCATION ${WSLAY_LIBRARY}
                      INTERFACE_INCLUDE_DIRECTORIES ${WSLAY_INCLUDE_DIR})

# Of crctl, for its simulations; it works without, more slowly. A sanitizer has its own malloc().
add_library(heap_library INTERFACE)
if(NOT SANITIZE AND NOT CMAKE_C_FLAGS MATCHES "-fsanitize")
  find_package(mimalloc 2.0 QUIET CONFIG)
  if(NOT mimalloc_FOUND)
    message(STATUS "mimalloc is not there: simulations of thousands of runtimes will be slower")
  endif()
endif()
if(mimalloc_FOUND)
  target_link_libraries(heap_library INTERFACE mimalloc)
  target_compile_definitions(heap_library INTERFACE HAS_MIMALLOC=1)
else()
  target_compile_definitions(heap_library INTERFACE HAS_MIMALLOC=0)
endif()
