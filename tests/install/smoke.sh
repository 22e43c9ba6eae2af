#!/bin/sh
# Installs the packages beside this file, uses what they bring, purges them, and shows that nothing is left behind.
# usage: smoke.sh     (as root)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$here
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
. "$here/report.sh"
. "$here/consumers.sh"
packages="libnipops0 libnipops-dev nipops python3-nipops"
for package in $packages; do
    if dpkg-query -W "$package" >/dev/null 2>&1; then
        echo "$package is installed here already: what is somebody's is not touched"
        exit 1
    fi
done

# everything: the names of all files where packages put theirs, but for dpkg's own notes.
everything() {
    find /etc /lib /usr /var -xdev \( -path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path /tmp -o -path /var/tmp \) -prune -o -print | sort
}

purge() {
    # shellcheck disable=SC2086 # names
    dpkg --purge $packages >"$folder/log" 2>&1
}

everything >"$folder/before"
trap 'purge || true' EXIT
quietly dpkg --path-include='/usr/share/man/*' -i "$here"/*.deb # images of containers leave manual pages out
ok "installed"

quietly nipops --version
quietly nipops init --help
man1=$(man -w nipops)
man5=$(man -w nipops-documents)
there "$man1" "$man5" /usr/share/bash-completion/completions/nipops.bash /lib/systemd/system/nipops-resume.timer
quietly man nipops
ok "the command and its manual pages"

build_consumers
build_static "$(pkg-config --variable=libdir nipops)/libnipops.a"
quietly /usr/bin/python3 -c 'import nipops; assert nipops.__file__.startswith("/usr/lib/python3/"); print(nipops.library_version())'
ok "import nipops"

quietly purge
trap - EXIT
everything >"$folder/after"
if ! diff "$folder/before" "$folder/after"; then
    echo "failed: purging does not bring back what was there before"
    exit 1
fi
left=$(find /var/lib/dpkg /etc /usr /lib -xdev -name '*nipops*')
[ -z "$left" ] || {
    echo "left behind: $left"
    exit 1
}
ok "purged, and nothing is left behind"
