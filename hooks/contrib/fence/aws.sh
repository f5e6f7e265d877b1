#!/bin/sh
# aws.sh — stop the instance of an old primary by the API of AWS.
#
# Runs on:   the scheduler: hooks/fence_command.sh, with `hooks: { fence_command: { command:
#            hooks/fence_command.sh, run_on: scheduler } }`. Needs `aws` with ec2:StopInstances and ec2:DescribeInstances.
# Knows:     TOOLKIT_NODE_NAME TOOLKIT_TIMEOUT_SECONDS
# Succeeds:  exit 0 once the machine was *seen* to be off, never because an order was taken. Safe to run twice.
# Retry:     exit 75 (not seen to be off in time).
# Prints:    one line per step on stderr; toolkit:fenced=yes on stdout.
set -eu

# Edit these: each node of cluster.yaml, and its machine. A node that is missing here is never fenced.
region=eu-central-1
machine_of() {
    case $1 in
        node1) echo i-00000000000000001 ;;
        node2) echo i-00000000000000002 ;;
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
    state=$(aws --region "$region" ec2 describe-instances --instance-ids "$machine" \
        --query 'Reservations[0].Instances[0].State.Name' --output text) || return 1
    [ "$state" = stopped ] || [ "$state" = terminated ]
}
is_off || aws --region "$region" ec2 stop-instances --force --instance-ids "$machine" >&2 ||
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
