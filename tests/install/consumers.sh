# Sourced: what a stranger builds against the installed library.
# wants: $here, this folder; $folder, where to build; the functions ok and quietly; pkg-config that finds nipops.

# shellcheck disable=SC2046 # flags are words
build_consumers() {
    quietly cc -std=c99 -pedantic -Wall -Wextra -Werror "$here/consumer.c" $(pkg-config --cflags --libs nipops) -o "$folder/c99"
    quietly "$folder/c99"
    ok "C99 through pkg-config"
    quietly c++ -std=c++17 -x c++ -Wall -Wextra -Werror "$here/consumer.c" -x none $(pkg-config --cflags --libs nipops) -o "$folder/cpp"
    quietly "$folder/cpp"
    ok "C++17 through pkg-config"
}

# build_static LIBRARY: its own code inside, the libraries that it needs shared.
# shellcheck disable=SC2046
build_static() {
    quietly cc "$here/consumer.c" $(pkg-config --cflags nipops) "$1" \
        $(pkg-config --libs $(pkg-config --print-requires-private nipops)) -lm -pthread -o "$folder/static"
    quietly "$folder/static"
    if ldd "$folder/static" | grep -q libnipops; then
        echo "failed: the static consumer asks for the shared library"
        exit 1
    fi
    ok "C, static"
}
