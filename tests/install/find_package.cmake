# SPDX-License-Identifier: BSD-2-Clause
#
# find_package.cmake  The CMakeLists.txt of a user who has weir installed; both libraries, by their package names.
cmake_minimum_required(VERSION 3.25)
project(hello LANGUAGES C)
find_package(weir 0.1 REQUIRED)
add_executable(hello_shared hello.c)
target_link_libraries(hello_shared PRIVATE weir::weir)
add_executable(hello_static hello.c)
target_link_libraries(hello_static PRIVATE weir::weir_static)
