#!/bin/sh
# Runs a command in a root that looks like this machine's; what is written there is gone afterwards, but for what is written below FOLDER.
# usage: scratch.sh FOLDER COMMAND...     (as root)
set -eu
folder=$1
[ "${NIPOPS_SCRATCH:-}" = inside ] || exec env NIPOPS_SCRATCH=inside unshare --mount sh "$0" "$@"
shift
mount --make-rprivate /
mkdir -p "$folder/root"
mount -t tmpfs tmpfs "$folder/root"
cd "$folder/root"
mkdir upper work root
mount -t overlay overlay -o "lowerdir=/,upperdir=upper,workdir=work" root
mount --rbind /dev root/dev
mount -t proc proc root/proc
mkdir -p "root$folder"
mount --bind "$folder" "root$folder"
exec chroot root "$@"
