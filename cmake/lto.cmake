# SPDX-License-Identifier: BSD-2-Clause
#
# lto.cmake  WEIR_LTO. The objects keep their machine code beside the intermediate one (fat), because libweir.a is linked
# by people whose compiler cannot read ours.
# What Check suites are linked with has the fault plan, so it is not what is shipped: that is what scripts start. Without LTO
# two hundred links take a third of the time.
function(weir_compiled_for_tests target)
    set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
endfunction()

if(WEIR_LTO)
    include(CheckIPOSupported)
    check_ipo_supported(RESULT lto_works OUTPUT lto_output LANGUAGES C)
    if(NOT lto_works)
        message(FATAL_ERROR "WEIR_LTO is on, but ${CMAKE_C_COMPILER} cannot do it here: ${lto_output}")
    endif()
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        set(CMAKE_C_COMPILE_OPTIONS_IPO -flto=auto -ffat-lto-objects)
    endif()
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()
