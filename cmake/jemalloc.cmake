# SPDX-License-Identifier: BSD-2-Clause
#
# jemalloc.cmake  The allocator of our programs, as weir_program_malloc. The library never asks for one: it calls malloc.
add_library(weir_program_malloc INTERFACE)
if(WEIR_JEMALLOC AND WEIR_SANITIZE STREQUAL "" AND (WEIR_EXAMPLES OR WEIR_BENCH OR WEIR_PROGRAM))    # a sanitizer brings its own
    find_library(JEMALLOC_LIBRARY jemalloc)
    mark_as_advanced(JEMALLOC_LIBRARY)
    if(NOT JEMALLOC_LIBRARY)
        message(FATAL_ERROR "The program, examples and benchmarks use jemalloc. On Debian: apt-get install libjemalloc-dev. "
                            "Or configure with -DWEIR_JEMALLOC=OFF.")
    endif()
    # Nothing of ours names a function of it, so a linker that drops unused libraries must be told to keep it.
    target_link_libraries(weir_program_malloc INTERFACE -Wl,--push-state,--no-as-needed ${JEMALLOC_LIBRARY} -Wl,--pop-state)
endif()
