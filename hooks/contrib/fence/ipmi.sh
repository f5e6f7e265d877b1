#!/bin/sh
# ipmi.sh — switch off the server of an old primary by its management board.
#
# Runs on:   the scheduler: hooks/fence_command.sh, with `hooks: { fence_command: { command:
#            hooks/fence_command.sh, run_on: scheduler } }`. Needs `ipmitool`, and the file with its password.
# Knows:     TOOLKIT_NODE_NAME TOOLKIT_TIMEOUT_SECONDS
# Succeeds:  exit 0 once the machine was *seen* to be off, never because an order was taken. Safe to run twice.
# Retry:     exit 75 (not seen to be off in time).
# Prints:    one line per step on stderr; toolkit:fenced=yes on stdout.
set -eu

# Edit these: each node of cluster.yaml, and its machine. A node that is missing here is never fenced.
user=toolkit
password_file=/etc/toolkit/ipmi.password
machine_of() {
    case $1 in
        node1) echo 10.0.1.1 ;;
        node2) echo 10.0.1.2 ;;
        *) return 1 ;;
    esac
}

log() { printf '%s\n' "$*" >&2; }
fail() {
    log "$*"
    exit 1
}

name=${TOOLKIT_NODE_NAME:?}
machine=$(machine_of "$name") || fail "$name has no machine in this script: add it to machine_of"
if [ "${TOOLKIT_DRY_RUN:-0}" = 1 ]; then
    log "dry run: would switch off $machine, the machine of $name"
    exit 0
fi

board() { ipmitool -I lanplus -H "$machine" -U "$user" -f "$password_file" chassis "$@"; }
is_off() {
    state=$(board power status) || return 1
    [ "$state" = 'Chassis Power is off' ]
}
is_off || board power off >&2 || log "the order was not taken: see above"
tries=${TOOLKIT_TIMEOUT_SECONDS:-30}
until is_off; do
    [ "$tries" -gt 1 ] || {
        log "$machine was not seen to be off"
        exit 75
    }
    tries=$((tries - 1))
    sleep 1
done
log "$machine, the machine of $name, is off"
printf 'toolkit:fenced=yes\n'
