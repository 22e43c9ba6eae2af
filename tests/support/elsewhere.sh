#!/bin/sh
# Runs a program as on somebody else's machine: decimal commas, a zone with odd rules, a tight umask, and nobody at standard input.
LC_ALL=de_DE.UTF-8
TZ=Pacific/Apia
export LC_ALL TZ
umask 077
exec "$@" <&-
