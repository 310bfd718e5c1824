#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# install.sh BUILD_DIR CMAKE CC  What README promises after "cmake --install": a program outside the tree builds with
# cc hello.c $(pkg-config --cflags --libs weir), also statically, also with find_package, and runs.
set -euo pipefail
build=$1 cmake=$2 cc=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# Moved after installing: nothing in an installed tree may remember where it was built or put.
"$cmake" --install "$build" --prefix "$folder/first" >install.log || { cat install.log; exit 1; }
mv first prefix
places=(-e "$build" -e "$folder/first" -e "$(dirname "$(dirname "$here")")")
if grep -rlF "${places[@]}" prefix --include='*.pc' --include='*.cmake' --include='*.h'; then
    echo "install: these files name a folder of this machine"
    exit 1
fi
lib=$(dirname "$(find "$folder/prefix" -name libweir.so)")
export PKG_CONFIG_PATH=$lib/pkgconfig

step() {
    local name=$1 output
    shift
    output=$("$@") || { echo "install: $name: failed: $*"; exit 1; }
    echo "install: $name: $output"
    if [[ $output != "weir $(pkg-config --modversion weir), 0 passes left" ]]; then
        echo "install: $name: that is not what hello prints"
        exit 1
    fi
}

cp "$here/hello.c" .
read -ra shared_flags <<<"$(pkg-config --cflags --libs weir)"
read -ra static_flags <<<"$(pkg-config --static --cflags --libs weir)"

"$cc" hello.c "${shared_flags[@]}" -o hello
step "shared, by pkg-config" env LD_LIBRARY_PATH="$lib" ./hello
readelf -d hello | grep -q 'libweir\.so\.0' || { echo "install: hello does not ask for libweir.so.0"; exit 1; }

# libc warns that a static getaddrinfo loads libraries at run time; that is known.
"$cc" -static hello.c "${static_flags[@]}" -o hello_static 2>static.log || { cat static.log; exit 1; }
step "static, by pkg-config" ./hello_static

mkdir with_cmake
cp hello.c with_cmake
cp "$here/find_package.cmake" with_cmake/CMakeLists.txt
if ! { "$cmake" -S with_cmake -B with_cmake/build -G Ninja -DCMAKE_PREFIX_PATH="$folder/prefix" -DCMAKE_C_COMPILER="$cc" &&
    "$cmake" --build with_cmake/build; } >cmake.log 2>&1; then
    cat cmake.log
    exit 1
fi
step "shared, by find_package" with_cmake/build/hello_shared
step "static, by find_package" with_cmake/build/hello_static

# Nothing but what is meant to be installed.
unknown=$(cd prefix && find . -type f ! -path './include/weir/*.h' ! -name 'libweir.*' ! -name 'weir*.cmake' ! -name weir.pc \
    ! -path './share/doc/weir/*' ! -path ./bin/weir ! -path './lib*/weir/plugins/*.so' ! -path './share/man/man[15]/weir*')
if [[ -n $unknown ]]; then
    echo "install: unexpected: $unknown"
    exit 1
fi
