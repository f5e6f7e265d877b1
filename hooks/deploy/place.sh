#!/bin/sh
# place.sh — make folders and put files in place on a node: each file whole, or as it was.
#
# Runs on:   the node, as the PostgreSQL owner, read from standard input: nothing is installed.
# Knows:     with_folders, set ahead of it, which calls a function with the files' folders; behind it come
#            its calls: folder PATH, with_folders begin, file PATH CONTENTS, mode MODE PATHS, with_folders placed.
# Succeeds:  exit 0, and all of it is on disk. 73: something can't be written, and is named.
# Retry:     at any time.
# Prints:    nothing.
#
# New files lie in a folder beside the old ones, so that a handful of processes moves them all. No name
# begins with a dot.
set -eu
umask 077
PATH=/usr/local/bin:/usr/bin:/bin:${PATH:-}
LC_ALL=C
export PATH LC_ALL

new_folder=.toolkit-new

clean_up() {
    for folder; do
        shift
        if [ -e "$folder/$new_folder" ]; then set -- "$@" "$folder/$new_folder"; fi
    done
    [ "$#" = 0 ] || rm -rf -- "$@"
}
trap 'with_folders clean_up' EXIT
trap 'exit 1' HUP INT TERM

unwritten() {
    printf 'cannot write %s\n' "$1" >&2
    exit 73
}

folder() { [ -d "$1" ] || mkdir -p -- "$1" || unwritten "$1"; }

# What an interrupted run has left would lend its mode.
begin() {
    clean_up "$@" || unwritten "$*"
    for folder; do shift && set -- "$@" "$folder/$new_folder"; done
    mkdir -- "$@" || unwritten "$*"
}

# As the umask has it made: with mode 0600.
file() { printf '%s' "$2" >"${1%/*}/$new_folder/${1##*/}" || unwritten "$1"; }

mode() {
    mode=$1
    shift
    for path; do shift && set -- "$@" "${path%/*}/$new_folder/${path##*/}"; done
    chmod -- "$mode" "$@" || unwritten "$*"
}

placed() {
    flush_new "$@"
    for folder; do mv -f -- "$folder/$new_folder"/* "$folder/" || unwritten "$folder"; done
    sync -- "$@"
}

flush_new() {
    for folder; do shift && set -- "$@" "$folder/$new_folder"/*; done
    sync -- "$@" || unwritten "$*"
}
