#!/bin/sh
# Writes what the command says about itself into docs/.
#
#   sh docs/generate.sh NIPOPS             writes reference-command.md and reference-documents.md
#   sh docs/generate.sh NIPOPS --check     fails, and shows the difference, when one of them is not what it would write
set -eu
nipops=$1
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$nipops" help --format markdown >"$folder/reference-command.md"
"$nipops" schema --format markdown >"$folder/reference-documents.md"
for page in reference-command.md reference-documents.md; do
    if [ "${2:-}" != --check ]; then
        cp "$folder/$page" "$here/$page"
    elif ! diff -u "$here/$page" "$folder/$page"; then
        echo "docs/$page is stale: sh docs/generate.sh BUILD/bindings/cli/nipops" >&2
        exit 1
    fi
done
