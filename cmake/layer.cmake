# SPDX-License-Identifier: BSD-2-Clause
#
# layer.cmake  A folder of the library as a CMake library of its own, twice:
#
#     weir_<name>         objects, as they go into libweir
#     weir_<name>_test    static, WEIR_FAULTS=1 (core/sys.h then asks the fault plan) and asserts on, whatever the build type
#
#     weir_layer(NAME net SOURCES a.c b.c [TEST_SOURCES fault.c] [DEPENDS core] [DEFINES X=1])
#
# DEPENDS names the layers below. Includes do not need it (they carry their folder, "core/task.h"); it is the link order
# of the tests, and tests/tidy checks that nothing above is needed to link a layer.
#
#     weir_layer_objects(out)      the objects of all layers so far
include(CheckCCompilerFlag)
check_c_compiler_flag(-fstack-clash-protection have_stack_clash_protection)

function(weir_layer_options target)
    target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}/include" PRIVATE "${PROJECT_SOURCE_DIR}")
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE ${ARGN})
    target_link_libraries(${target} PRIVATE weir_warnings Libev::ev Threads::Threads)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
    # libweir is linked by programs and not loaded later, so thread-local variables need no call to find them.
    target_compile_options(${target} PRIVATE -ftls-model=initial-exec -fno-semantic-interposition)
    if(have_stack_clash_protection)     # a big frame touches the guard page below a task's stack and does not step over it
        target_compile_options(${target} PRIVATE -fstack-clash-protection)
    endif()
    if(WEIR_SANITIZE STREQUAL "")       # stacks are small; sanitizers blow up frames, and get larger stacks for it
        target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:C>:-Wframe-larger-than=2048>")
    endif()
endfunction()

function(weir_layer)
    cmake_parse_arguments(PARSE_ARGV 0 layer "" "NAME" "SOURCES;TEST_SOURCES;DEPENDS;DEFINES")
    if(NOT layer_SOURCES)
        message(STATUS "weir: ${layer_NAME}/ has no sources")
        return()
    endif()

    add_library(weir_${layer_NAME} OBJECT ${layer_SOURCES})
    weir_layer_options(weir_${layer_NAME} ${layer_DEFINES})
    set_property(GLOBAL APPEND PROPERTY WEIR_LAYERS ${layer_NAME})
    set_property(GLOBAL PROPERTY WEIR_LAYER_${layer_NAME}_DEPENDS ${layer_DEPENDS})

    if(BUILD_TESTING)
        add_library(weir_${layer_NAME}_test STATIC ${layer_SOURCES} ${layer_TEST_SOURCES})
        weir_layer_options(weir_${layer_NAME}_test ${layer_DEFINES})
        weir_compiled_for_tests(weir_${layer_NAME}_test)
        target_compile_definitions(weir_${layer_NAME}_test PUBLIC WEIR_FAULTS=1)
        target_compile_options(weir_${layer_NAME}_test PUBLIC -UNDEBUG)
        list(TRANSFORM layer_DEPENDS REPLACE "(.+)" "weir_\\1_test")
        target_link_libraries(weir_${layer_NAME}_test PUBLIC ${layer_DEPENDS})
    endif()
endfunction()

function(weir_layer_objects out)
    get_property(layers GLOBAL PROPERTY WEIR_LAYERS)
    if(NOT layers)
        message(FATAL_ERROR "weir: there are no sources to make a library of.")
    endif()
    list(TRANSFORM layers REPLACE "(.+)" "$<TARGET_OBJECTS:weir_\\1>")
    set(${out} ${layers} PARENT_SCOPE)
endfunction()
