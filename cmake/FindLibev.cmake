# SPDX-License-Identifier: BSD-2-Clause
#
# FindLibev.cmake  libev as Libev::ev. Debian's package has no pkg-config file, so header and library are looked for by name.
find_path(LIBEV_INCLUDE_DIR ev.h PATH_SUFFIXES libev)
find_library(LIBEV_LIBRARY ev)
mark_as_advanced(LIBEV_INCLUDE_DIR LIBEV_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libev REQUIRED_VARS LIBEV_LIBRARY LIBEV_INCLUDE_DIR
    REASON_FAILURE_MESSAGE "weir needs libev 4. On Debian: apt-get install libev-dev. Elsewhere point CMAKE_PREFIX_PATH at it.")

if(Libev_FOUND AND NOT TARGET Libev::ev)
    add_library(Libev::ev UNKNOWN IMPORTED)
    set_target_properties(Libev::ev PROPERTIES IMPORTED_LOCATION "${LIBEV_LIBRARY}"
                                               INTERFACE_INCLUDE_DIRECTORIES "${LIBEV_INCLUDE_DIR}"
                                               INTERFACE_LINK_LIBRARIES m)
endif()
