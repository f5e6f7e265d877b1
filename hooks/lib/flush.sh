#!/bin/sh
# flush.sh — how a fresh data directory gets onto the disk.
#
# Runs on:   where one is made: sourced by clone.sh, sent ahead of initialize.sh.
# Knows:     nothing.
# Succeeds:  defines functions only.
# Retry:     nothing to retry.
# Prints:    nothing.

# Whether its file system may be flushed at once, instead of a thousand files one after the other.
flushes_whole() { read -r _ _ release _ </proc/version && tells_of_lost_writes "$release"; }

# From Linux 5.8 on syncfs(2) does; $1 is the kernel's release.
tells_of_lost_writes() {
    minor=${1#*.}
    minor=${minor%%[!0-9]*}
    case ${1%%.*} in
        [1-4] | '' | *[!0-9]*) return 1 ;;
        5) [ "${minor:-0}" -ge 8 ] ;;
    esac
}
