#!/bin/sh
# initialize.sh — make the first node's data directory with initdb; PostgreSQL is not started.
#
# Runs on:   the first node, as the PostgreSQL owner, read from standard input behind lib/flush.sh and
#            unfinished.sh.
# Knows:     PGDATA PG_BINDIR TOOLKIT_STATE_DIR; for a docker node TOOLKIT_VOLUME.
# Succeeds:  exit 0 with a fresh data directory, checksums on, and the node sealed meanwhile by another
#            hand. 73: something else lies there. 75: an earlier one is still at work.
# Retry:     at any time: what an interrupted initdb has left is removed by its marker.
# Prints:    initdb's own lines.
set -eu
umask 077
PATH=/usr/local/bin:/usr/bin:/bin:${PATH:-}
export PATH

: "${initdb_marker:?}"
mkdir -p -- "${PGDATA%/*}" "$TOOLKIT_STATE_DIR"
# A deployment that was cut off may go on here. In a volume the second one has ended the first.
if [ -z "${TOOLKIT_VOLUME:-}" ]; then
    exec 9>>"$TOOLKIT_STATE_DIR/initialize.lock"
    if ! flock --nonblock 9; then
        printf 'the initdb of an earlier deployment is still at work on %s\n' "$PGDATA" >&2
        exit 75
    fi
fi

# initdb's own programs lock the directory, too, by the negative of their number.
# shellcheck disable=SC3013  # every sh of Debian's knows -ef
is_at_work() {
    read -r pid 2>/dev/null <"$PGDATA/postmaster.pid" && [ "/proc/${pid#-}/cwd" -ef "$PGDATA" ]
}
if [ -d "$PGDATA" ] && is_unfinished && is_what_was_made && ! is_at_work; then
    # Nobody has ever worked with these files: the marker goes away before the first start.
    find "$PGDATA" -mindepth 1 -delete
fi
if [ -d "$PGDATA" ] && [ -n "$(find "$PGDATA" -mindepth 1 -maxdepth 1 -print -quit)" ]; then
    printf '%s is not empty\n' "$PGDATA" >&2
    exit 73
fi
[ -d "$PGDATA" ] || mkdir -- "$PGDATA"
{ initdb_place && identity_of "$PGDATA"; } >"$initdb_marker"
sync -- "$initdb_marker" "$TOOLKIT_STATE_DIR"
set --
if flushes_whole; then set -- --no-sync; fi
# Without TZ it tries every time zone there is, for a postgresql.conf that is not used.
TZ=UTC "$PG_BINDIR/initdb" --pgdata="$PGDATA" --username=postgres --data-checksums --encoding=UTF8 \
    --locale=C.UTF-8 --auth-local=peer --auth-host=scram-sha-256 --no-instructions "$@"
[ "$#" = 0 ] || sync --file-system -- "$PGDATA"
# Data without a stamp would count as another's.
tries=0
until [ -e "$TOOLKIT_STATE_DIR/stamp" ]; do
    if [ "$((tries += 1))" -gt 3000 ]; then
        printf 'the node has not been sealed: there is no %s\n' "$TOOLKIT_STATE_DIR/stamp" >&2
        exit 1
    fi
    sleep 0.02
done
rm -f -- "$initdb_marker"
sync -- "$TOOLKIT_STATE_DIR"
