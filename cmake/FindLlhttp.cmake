# SPDX-License-Identifier: BSD-2-Clause
#
# FindLlhttp.cmake  llhttp as the target Llhttp::llhttp, compiled here from the C sources that the system has: Debian's package
# node-llhttp carries them and no library. Static, for shared objects.
find_path(LLHTTP_INCLUDE_DIR llhttp.h PATHS /usr/share/include PATH_SUFFIXES llhttp)
find_path(LLHTTP_SOURCE_DIR llhttp.c PATHS /usr/share PATH_SUFFIXES llhttp llhttp/src)
mark_as_advanced(LLHTTP_INCLUDE_DIR LLHTTP_SOURCE_DIR)
if(LLHTTP_INCLUDE_DIR)
    file(STRINGS "${LLHTTP_INCLUDE_DIR}/llhttp.h" version REGEX "^#define LLHTTP_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
    list(TRANSFORM version REPLACE "^.* ([0-9]+)$" "\\1")
    list(JOIN version "." LLHTTP_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Llhttp REQUIRED_VARS LLHTTP_SOURCE_DIR LLHTTP_INCLUDE_DIR VERSION_VAR LLHTTP_VERSION
    REASON_FAILURE_MESSAGE "The http plugin needs llhttp's C sources. On Debian: apt-get install node-llhttp.")

# Optimised and without our warnings in every build: it is generated code, and not ours to mend. Sanitizers stay on.
# The strict mode is the one without llhttp's concessions to broken peers, which are what request smuggling lives on.
if(Llhttp_FOUND AND NOT TARGET Llhttp::llhttp)
    add_library(llhttp STATIC "${LLHTTP_SOURCE_DIR}/llhttp.c" "${LLHTTP_SOURCE_DIR}/api.c" "${LLHTTP_SOURCE_DIR}/http.c")
    add_library(Llhttp::llhttp ALIAS llhttp)
    target_include_directories(llhttp SYSTEM PUBLIC "${LLHTTP_INCLUDE_DIR}")
    target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
    target_compile_options(llhttp PRIVATE -w -O2)
    set_target_properties(llhttp PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
endif()
