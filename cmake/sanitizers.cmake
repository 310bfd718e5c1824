# SPDX-License-Identifier: BSD-2-Clause
#
# sanitizers.cmake  WEIR_SANITIZE, for everything in the build: a program and its libraries must agree.
if(WEIR_SANITIZE STREQUAL "address")
    set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(WEIR_SANITIZE STREQUAL "thread")
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "WEIR_SANITIZE=thread needs clang (-DCMAKE_C_COMPILER=clang): "
                            "gcc's ThreadSanitizer takes 831 KiB for each task, so nothing real can be tested with it.")
    endif()
    set(sanitize -fsanitize=thread)
elseif(NOT WEIR_SANITIZE STREQUAL "")
    message(FATAL_ERROR "WEIR_SANITIZE is \"${WEIR_SANITIZE}\"; it can be \"address\", \"thread\" or empty.")
endif()

if(sanitize)
    add_compile_options(${sanitize} -fno-omit-frame-pointer)
    add_link_options(${sanitize})
endif()
