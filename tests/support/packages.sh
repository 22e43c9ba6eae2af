# Sourced by tests/run.sh and examples/quickstart.sh: what is needed, from Debian's packages.

build_packages="gcc libc6-dev meson ninja-build pkg-config libcurl4-openssl-dev libcjson-dev libyaml-dev libsqlite3-dev libsodium-dev libpcre2-dev libpq-dev"
example_packages="haproxy python3"
test_packages="libcmocka-dev nginx-light prometheus python3-yaml locales abigail-tools valgrind g++ wrk"
test_packages="$test_packages python3-pycparser python3-click python3-pip python3-venv python3-setuptools python3-wheel mypy"
test_packages="$test_packages debhelper dh-python dpkg-dev fakeroot lintian man-db"
test_packages="$test_packages postgresql redis-server"
test_packages="$test_packages python3-jsonschema groff-base zsh fish systemd chromium tzdata python3-numpy"
# Any Go from 1.19 on will do, Debian's if there is none.
command -v go >/dev/null 2>&1 || [ -x /usr/local/go/bin/go ] || test_packages="$test_packages golang-go"

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "these need root or sudo: $*" >&2
        return 1
    fi
}

# install_missing PACKAGE...: says what it installs; says and does nothing when all are there.
install_missing() {
    missing=
    for package; do
        is_installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "this machine has no apt-get; going on without looking for:$missing" >&2
        return 0
    fi
    echo "installing:$missing"
    as_root apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null || echo "apt-get update failed; going on with the lists that are there" >&2
    # shellcheck disable=SC2086 # a list of names
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends $missing >/dev/null || {
        echo "could not install:$missing" >&2
        return 1
    }
}
