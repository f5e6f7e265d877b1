#!/bin/sh
# initialize.sh — make the first node's data directory with initdb; PostgreSQL is not started.
#
# Runs on:   the first node, as the PostgreSQL owner, read from standard input behind lib/flush.sh.
# Knows:     PGDATA PG_BINDIR TOOLKIT_STATE_DIR.
# Succeeds:  exit 0 with a fresh data directory, checksums on; its marker stands until initialized.sh has
#            flushed it. 73: something else lies there.
# Retry:     at any time: what an interrupted deployment has left is removed by its marker.
# Prints:    initdb's own lines.
set -eu
umask 077
PATH=/usr/local/bin:/usr/bin:/bin:${PATH:-}
export PATH

marker=$TOOLKIT_STATE_DIR/initializing
# shellcheck disable=SC3013  # every sh of Debian's knows -ef
server_runs() {
    read -r pid 2>/dev/null <"$PGDATA/postmaster.pid" && [ "/proc/$pid/cwd" -ef "$PGDATA" ]
}
if [ -e "$marker" ] && [ -d "$PGDATA" ] && ! server_runs; then
    # Nobody was promised anything on these files: the marker goes away before the cluster begins.
    find "$PGDATA" -mindepth 1 -delete
fi
if [ -d "$PGDATA" ] && [ -n "$(find "$PGDATA" -mindepth 1 -maxdepth 1 -print -quit)" ]; then
    printf '%s is not empty\n' "$PGDATA" >&2
    exit 73
fi
mkdir -p -- "${PGDATA%/*}" "$TOOLKIT_STATE_DIR"
: >"$marker"
sync -- "$TOOLKIT_STATE_DIR"
set --
if flushes_whole; then set -- --no-sync; fi
# Without TZ it tries every time zone there is, for a postgresql.conf that is not used.
TZ=UTC "$PG_BINDIR/initdb" --pgdata="$PGDATA" --username=postgres --data-checksums --encoding=UTF8 \
    --locale=C.UTF-8 --auth-local=peer --auth-host=scram-sha-256 --no-instructions "$@"
