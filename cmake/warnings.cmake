# SPDX-License-Identifier: BSD-2-Clause
#
# warnings.cmake  The warnings all of our C is compiled with, as weir_warnings. Errors with WEIR_WERROR.
add_library(weir_warnings INTERFACE)
set(warnings -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wpointer-arith)
if(WEIR_WERROR)
    list(APPEND warnings -Werror)
endif()
target_compile_options(weir_warnings INTERFACE "$<$<COMPILE_LANGUAGE:C>:${warnings}>")
