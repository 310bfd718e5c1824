# SPDX-License-Identifier: BSD-2-Clause
#
# pgo.cmake  WEIR_PGO. A build with "generate" writes down, at the end of each process, how often which way was taken, into the
# folder WEIR_PROFILE; one with "use" is optimised by what lies there: what runs often is laid out together and inlined, which
# matters between two system calls, when most of the instruction cache is cold. bench/train.py runs what is typical, and
# "./dev release" does all of it. Functions that nobody ran are compiled as without a profile.
if(NOT WEIR_PGO STREQUAL "")
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "GNU" OR CMAKE_C_COMPILER_VERSION VERSION_LESS 12)
        message(FATAL_ERROR "WEIR_PGO needs gcc 12 or later; this is ${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}")
    endif()
    if(WEIR_PROFILE STREQUAL "")
        message(FATAL_ERROR "WEIR_PGO needs WEIR_PROFILE, the folder of the profile")
    endif()
    # Files of the profile are named after objects, as they are called within the build folder: so another one can use them.
    add_compile_options("-fprofile-prefix-path=${PROJECT_BINARY_DIR}")
    if(WEIR_PGO STREQUAL "generate")
        add_compile_options("-fprofile-generate=${WEIR_PROFILE}" -fprofile-update=prefer-atomic)
        add_link_options("-fprofile-generate=${WEIR_PROFILE}")
    elseif(WEIR_PGO STREQUAL "use")
        if(NOT IS_DIRECTORY "${WEIR_PROFILE}")
            message(FATAL_ERROR "WEIR_PROFILE is ${WEIR_PROFILE}, and there is no such folder")
        endif()
        # Nothing is said about files without a profile: tests and tools have none.
        add_compile_options("-fprofile-use=${WEIR_PROFILE}" -fprofile-partial-training -Wno-missing-profile)
    else()
        message(FATAL_ERROR "WEIR_PGO is \"${WEIR_PGO}\"; expected generate, use, or nothing")
    endif()
endif()
