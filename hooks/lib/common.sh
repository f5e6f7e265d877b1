#!/bin/sh
# common.sh — words that every hook uses.
#
# Runs on:   wherever a hook runs, sourced as its first act.
# Knows:     the environment of the hook.
# Succeeds:  defines functions, then sources the back-end of TOOLKIT_RUNTIME.
# Retry:     nothing to retry.
# Prints:    nothing by itself; log writes to stderr, result to stdout.
umask 077
: "${here:?}" "${TOOLKIT_STATE_DIR:?run this hook by toolkit hook run}"

# A step, for people.
log() { printf '%s\n' "$*" >&2; }

# A result, for the scheduler: key, value.
result() { printf 'toolkit:%s=%s\n' "$1" "$2"; }

fail() {
    log "$*"
    exit 1
}

# Not ready yet: the scheduler tries again.
retry_later() {
    log "$*"
    exit 75
}

# A rewind can't bring this node back: the scheduler clones it.
need_clone() {
    log "$*"
    exit 77
}

# Each argument names a variable that must be set.
require() {
    ! printenv -- "$@" >/dev/null || return 0
    for name; do
        printenv -- "$name" >/dev/null || fail "$name is not set: run this hook by 'toolkit hook run'"
    done
}

# With --dry-run says what would be done, and ends.
dry_run() {
    [ "${TOOLKIT_DRY_RUN:-0}" = 1 ] || return 0
    log "dry run: would $*"
    exit 0
}

# wait_until SECONDS command… — polls 100 times a second; false when the time is over.
wait_until() {
    tries=$(($1 * 100))
    shift
    until "$@"; do
        [ "$tries" -gt 0 ] || return 1
        tries=$((tries - 1))
        sleep 0.01
    done
}

# Work that stands between its beginning and its end; a start refuses over it.
marker=$TOOLKIT_STATE_DIR/marker
marker_is() { [ -e "$marker" ] && read -r word _ <"$marker" && [ "$word" = "$1" ]; }
marker_phase() { read -r _ phase <"$marker" && printf '%s\n' "$phase"; }
set_marker() {
    printf '%s\n' "$*" >"$marker.new"
    sync -- "$marker.new"
    mv -f -- "$marker.new" "$marker"
    sync -- "$TOOLKIT_STATE_DIR"
}
clear_marker() {
    rm -f -- "$marker"
    sync -- "$TOOLKIT_STATE_DIR"
}

case ${TOOLKIT_RUNTIME:-native} in
    native)
        # shellcheck source=hooks/lib/native.sh
        . "$here/lib/native.sh"
        ;;
    docker)
        # shellcheck source=hooks/lib/docker.sh
        . "$here/lib/docker.sh"
        ;;
    *) fail "there is no back-end for TOOLKIT_RUNTIME=$TOOLKIT_RUNTIME" ;;
esac
