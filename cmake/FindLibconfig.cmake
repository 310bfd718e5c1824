# SPDX-License-Identifier: BSD-2-Clause
#
# FindLibconfig.cmake  libconfig as Libconfig::config: the syntax of the program's config files. Only the program needs it.
find_path(LIBCONFIG_INCLUDE_DIR libconfig.h)
find_library(LIBCONFIG_LIBRARY config)
mark_as_advanced(LIBCONFIG_INCLUDE_DIR LIBCONFIG_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libconfig REQUIRED_VARS LIBCONFIG_LIBRARY LIBCONFIG_INCLUDE_DIR
    REASON_FAILURE_MESSAGE "The weir program needs libconfig 1.5. On Debian: apt-get install libconfig-dev.")

if(Libconfig_FOUND AND NOT TARGET Libconfig::config)
    add_library(Libconfig::config UNKNOWN IMPORTED)
    set_target_properties(Libconfig::config PROPERTIES IMPORTED_LOCATION "${LIBCONFIG_LIBRARY}"
                                                       INTERFACE_INCLUDE_DIRECTORIES "${LIBCONFIG_INCLUDE_DIR}")
endif()
