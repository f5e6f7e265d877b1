#!/bin/sh
# node-lib.sh — what node-apply and run-hook share; lies beside them in STATE_DIR/bin.
#
# Runs on:   the node, sourced, with STATE_DIR as the working directory; nothing here forks without need.
# Knows:     program, and where a function says so term and step.
# Succeeds:  defines functions only.
# Retry:     nothing to retry.
# Prints:    nothing.

: "${program:=node-lib}" "${term:=}" "${step:=}"

refuse() {
    status=$1
    shift
    printf '%s: %s\n' "$program" "$*" >&2
    exit "$status"
}

is_number() {
    case $1 in
        '' | *[!0-9]*) return 1 ;;
    esac
}

read_stamp() {
    old_term=0 old_step=0
    [ ! -e stamp ] || read -r old_term old_step <stamp || :
    if ! is_number "$old_term" || ! is_number "$old_step"; then
        refuse 70 "the file $PWD/stamp is damaged; restore it from the store's term and step"
    fi
}

# Leaves when somebody has accepted a higher pair than term and step. Needs the lock.
refuse_stale() {
    read_stamp
    [ "$term" -le "$old_term" ] || return 0
    if [ "$term" -lt "$old_term" ] || [ "$step" -lt "$old_step" ]; then
        refuse 76 "stale: $term.$step comes after $old_term.$old_step was accepted"
    fi
}

# Puts FILE.new into the place of each FILE, in this order, durably.
store() {
    for file; do shift && set -- "$@" "$file.new"; done
    sync -- "$@" || return 1
    for file; do
        mv -f -- "$file" "${file%.new}" || return 1
    done
}

# Sets start_time: with the boot id it tells a process from a later one of the same number.
start_time() {
    stat_line=
    { read -r stat_line <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The name in parentheses may hold anything; the start time is the 20th field after it.
    # shellcheck disable=SC2086
    set -- ${stat_line##*) }
    start_time=${20}
}

# SIGTERM to the group $1, SIGKILL to what is left of it after $2 fiftieths of a second. The group
# is asked, not its leader: children may ignore SIGTERM and be reparented.
end_group() {
    kill -s TERM -- "-$1" 2>/dev/null || kill -s TERM "$1" 2>/dev/null || return 0
    tries=0
    while kill -s 0 -- "-$1" 2>/dev/null && [ "$tries" -lt "$2" ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
    kill -s KILL -- "-$1" 2>/dev/null || :
}

# True, with hook_term and hook_group, while the hook that was recorded last still runs.
hook_runs() {
    [ -e hook.running ] || return 1
    read -r hook_term hook_step hook_group hook_start hook_boot <hook.running || return 1
    is_number "$hook_term" && is_number "$hook_step" && is_number "$hook_group" || return 1
    read -r boot </proc/sys/kernel/random/boot_id
    [ "$hook_boot" = "$boot" ] && start_time "$hook_group" && [ "$start_time" = "$hook_start" ]
}

# Whoever brings a higher term ends a hook that still runs for a lower one.
end_older_hook() {
    [ "$term" -gt "$old_term" ] || return 0
    if hook_runs && [ "$hook_term" -lt "$term" ]; then end_group "$hook_group" 10; fi
}
