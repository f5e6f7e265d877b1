#!/bin/sh
# standby_disconnect_command — end this standby's WAL receiver.
#
# Runs on:   a standby whose configuration names no upstream any more, as the PostgreSQL owner.
# Knows:     TOOLKIT_NODE_NAME PGDATA
# Succeeds:  exit 0 once there is no WAL receiver. Without the reload before, it would come back. Safe to run twice.
# Retry:     exit 75 (it is still there).
# Prints:    one line per step on stderr.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=hooks/lib/common.sh
. "$here/lib/common.sh"
require TOOLKIT_NODE_NAME PGDATA

# Prints the pid of the WAL receiver, told by its title among the postmaster's children.
wal_receiver() {
    parent=$(postmaster_pid) || return 0
    children=$(cat "/proc/$parent/task/$parent/children")
    for pid in $children; do
        case $(tr -d '\000' <"/proc/$pid/cmdline" 2>/dev/null) in
            'postgres: '*'walreceiver' | 'postgres: '*'walreceiver ' | 'postgres: '*'walreceiver streaming '*) printf '%s\n' "$pid" ;;
        esac
    done
}
receiver_gone() { [ -z "$(wal_receiver)" ]; }

dry_run "end the WAL receiver of $TOOLKIT_NODE_NAME"
for receiver in $(wal_receiver); do
    log "ending WAL receiver $receiver of $TOOLKIT_NODE_NAME"
    kill -s TERM "$receiver" 2>/dev/null || :
done
wait_until 5 receiver_gone || retry_later "the WAL receiver of $TOOLKIT_NODE_NAME is still there"
log "$TOOLKIT_NODE_NAME has no WAL receiver"
