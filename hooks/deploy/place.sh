#!/bin/sh
# place.sh — make folders and put files in place on a node: each file whole, or as it was.
#
# Runs on:   the node, as the PostgreSQL owner, read from standard input: nothing is installed.
# Knows:     its arguments, the files' paths, set ahead of it; behind it come its calls: folder PATH,
#            file PATH with the contents in base64, mode MODE PATHS, and placed with all paths.
# Succeeds:  exit 0, and all of it is on disk. 73: something can't be written, and is named.
# Retry:     at any time.
# Prints:    nothing.
set -eu
umask 077
PATH=/usr/local/bin:/usr/bin:/bin:${PATH:-}
LC_ALL=C
export PATH LC_ALL

clean_up() {
    for path; do shift && set -- "$@" "$path.toolkit-new"; done
    rm -f -- "$@"
}
trap 'clean_up "$@"' EXIT
trap 'exit 1' HUP INT TERM

unwritten() {
    printf 'cannot write %s\n' "$1" >&2
    exit 73
}

folder() { [ -d "$1" ] || mkdir -p -- "$1" || unwritten "$1"; }

# As the umask has it made: with mode 0600.
file() { base64 -d >"$1.toolkit-new" || unwritten "$1"; }

mode() {
    mode=$1
    shift
    for path; do shift && set -- "$@" "$path.toolkit-new"; done
    chmod -- "$mode" "$@" || unwritten "$*"
}

placed() {
    for path; do shift && set -- "$@" "$path.toolkit-new"; done
    sync -- "$@" || unwritten "$*"
    for new; do mv -fT -- "$new" "${new%.toolkit-new}" || unwritten "${new%.toolkit-new}"; done
    for new; do shift && set -- "$@" "${new%/*}"; done
    sync -- "$@"
}

# What an interrupted run has left would lend its mode.
clean_up "$@" || unwritten "$*"
