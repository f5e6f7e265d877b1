#!/bin/sh
# libvirt.sh — switch off the virtual machine of an old primary by its hypervisor.
#
# Runs on:   the scheduler: hooks/fence_command.sh, with `hooks: { fence_command: { command:
#            hooks/fence_command.sh, run_on: scheduler } }`. Needs `virsh`, and a key for the hypervisor.
# Knows:     TOOLKIT_NODE_NAME TOOLKIT_TIMEOUT_SECONDS
# Succeeds:  exit 0 once the machine was *seen* to be off, never because an order was taken. Safe to run twice.
# Retry:     exit 75 (not seen to be off in time).
# Prints:    one line per step on stderr; toolkit:fenced=yes on stdout.
set -eu

# Edit these: each node of cluster.yaml, and its machine. A node that is missing here is never fenced.
hypervisor=qemu+ssh://root@10.0.0.250/system
machine_of() {
    case $1 in
        node1) echo db1 ;;
        node2) echo db2 ;;
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

is_off() {
    state=$(LC_ALL=C virsh --connect "$hypervisor" domstate --domain "$machine") || return 1
    [ "$state" = 'shut off' ]
}
is_off || virsh --connect "$hypervisor" destroy --domain "$machine" >&2 ||
    log "the order was not taken: see above"
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
