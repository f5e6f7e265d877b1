#!/bin/sh
# repoint.sh — point PgBouncer at the node that was opened.
#
# Runs on:   the machine of the scheduler and of PgBouncer, as a user that may write the file below:
#            hooks/event_notification_command.d/post-pgbouncer
# Knows:     TOOLKIT_CLUSTER TOOLKIT_EVENT TOOLKIT_SUCCESS TOOLKIT_NODE_NAME TOOLKIT_NODE_HOST TOOLKIT_NODE_PORT
# Succeeds:  exit 0 once PgBouncer was told to reload; other events are none of its business. Safe to run twice.
# Retry:     exit 75 (PgBouncer does not answer).
# Prints:    one line per step on stderr.
set -eu

# Edit these. pgbouncer.ini includes that file, as the rendered one does; its [databases] has none of these names.
databases_file=/etc/pgbouncer/toolkit-${TOOLKIT_CLUSTER:-}.ini
databases='app'
admin='host=/var/run/postgresql port=6432 dbname=pgbouncer user=pgbouncer'

log() { printf '%s\n' "$*" >&2; }
fail() {
    log "$*"
    exit 1
}

# An event of each kind comes here: only a node that was opened moves the clients.
[ "${TOOLKIT_EVENT:-}" = open ] && [ "${TOOLKIT_SUCCESS:-}" = 1 ] || exit 0
case ${TOOLKIT_NODE_HOST:-} in
    '' | -* | *[!A-Za-z0-9._:-]*) fail "'${TOOLKIT_NODE_HOST:-}' is no address" ;;
esac
case ${TOOLKIT_NODE_PORT:-} in
    '' | *[!0-9]*) fail "'${TOOLKIT_NODE_PORT:-}' is no port" ;;
esac
if [ "${TOOLKIT_DRY_RUN:-0}" = 1 ]; then
    log "dry run: would point PgBouncer at $TOOLKIT_NODE_HOST:$TOOLKIT_NODE_PORT"
    exit 0
fi

{
    printf '[databases]\n'
    for database in $databases; do
        printf '%s = host=%s port=%s\n' "$database" "$TOOLKIT_NODE_HOST" "$TOOLKIT_NODE_PORT"
    done
} >"$databases_file.new"
mv -f -- "$databases_file.new" "$databases_file"
for order in RELOAD RECONNECT; do
    psql --no-psqlrc --no-password --quiet --dbname="$admin" --command="$order" >&2 || {
        log "PgBouncer does not take $order: see above"
        exit 75
    }
done
log "PgBouncer sends its clients to ${TOOLKIT_NODE_NAME:-?} ($TOOLKIT_NODE_HOST:$TOOLKIT_NODE_PORT)"
