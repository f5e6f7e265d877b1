#!/bin/sh
# check_archive.sh — warn when the new primary does not archive its WAL.
#
# Runs on:   the promoted node: hooks/promote_command.d/post-archive. As a post- it stops nothing: a
#            failure is a warning in the events.
# Knows:     PGHOST PGPORT PG_BINDIR TOOLKIT_NODE_NAME
# Succeeds:  exit 0 when archiving is on and its last attempt succeeded, and pgBackRest agrees. Safe to run twice.
# Retry:     never.
# Prints:    one line per step on stderr.
set -eu

# Edit this: pgBackRest's stanza; empty without pgBackRest.
stanza=
role=postgres

log() { printf '%s\n' "$*" >&2; }
fail() {
    log "$*"
    exit 1
}

ask() {
    "${PG_BINDIR:?}/psql" --no-psqlrc --no-password --quiet --tuples-only --no-align --host="${PGHOST:?}" \
        --port="${PGPORT:?}" --username="$role" --dbname=postgres --command="$1"
}

node=${TOOLKIT_NODE_NAME:?}
if [ "${TOOLKIT_DRY_RUN:-0}" = 1 ]; then
    log "dry run: would look at the archive of $node"
    exit 0
fi

mode=$(ask 'show archive_mode') || fail "$node can't be asked: see above"
[ "$mode" != off ] || fail "$node archives no WAL: archive_mode is off"
state=$(ask "select case when last_failed_time > coalesce(last_archived_time, '-infinity') then last_failed_wal end
    from pg_stat_archiver")
[ -z "$state" ] || fail "$node could not archive $state: look at its log and at archive_command"
if [ -n "$stanza" ]; then
    pgbackrest --stanza="$stanza" check >&2 || fail "pgBackRest's check of $stanza fails on $node: see above"
fi
log "$node archives its WAL"
