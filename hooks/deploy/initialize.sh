#!/bin/sh
# initialize.sh — make the first node's data directory with initdb; PostgreSQL is not started.
#
# Runs on:   the first node, as the PostgreSQL owner, read from standard input behind lib/flush.sh.
# Knows:     PGDATA PG_BINDIR TOOLKIT_STATE_DIR.
# Succeeds:  exit 0 with a fresh data directory, checksums on, and the node sealed meanwhile by another
#            hand. 73: something else lies there.
# Retry:     at any time: what an interrupted initdb has left is removed by its marker.
# Prints:    initdb's own lines.
set -eu
umask 077
PATH=/usr/local/bin:/usr/bin:/bin:${PATH:-}
export PATH

# It names the directory: data_dir may have become another's. A scheduler's term shows that the data count.
marker=$TOOLKIT_STATE_DIR/initializing
stamp=$TOOLKIT_STATE_DIR/stamp
place=$PGDATA${TOOLKIT_VOLUME:+ in the volume $TOOLKIT_VOLUME}
is_marked() {
    [ -r "$marker" ] && [ "$(cat -- "$marker")" = "$place" ] || return 1
    [ ! -e "$stamp" ] || { read -r term _ <"$stamp" && [ "$term" = 0 ]; }
}
if is_marked && [ -d "$PGDATA" ] && [ ! -e "$PGDATA/postmaster.pid" ]; then
    # Nothing has ever run on these files: the marker goes away before the first start.
    find "$PGDATA" -mindepth 1 -delete
fi
if [ -d "$PGDATA" ] && [ -n "$(find "$PGDATA" -mindepth 1 -maxdepth 1 -print -quit)" ]; then
    printf '%s is not empty\n' "$PGDATA" >&2
    exit 73
fi
mkdir -p -- "${PGDATA%/*}" "$TOOLKIT_STATE_DIR"
printf '%s\n' "$place" >"$marker"
sync -- "$marker"
sync -- "$TOOLKIT_STATE_DIR"
set --
if flushes_whole; then set -- --no-sync; fi
# Without TZ it tries every time zone there is, for a postgresql.conf that is not used.
TZ=UTC "$PG_BINDIR/initdb" --pgdata="$PGDATA" --username=postgres --data-checksums --encoding=UTF8 \
    --locale=C.UTF-8 --auth-local=peer --auth-host=scram-sha-256 --no-instructions "$@"
[ "$#" = 0 ] || sync --file-system -- "$PGDATA"
# Data without a stamp would count as another's.
tries=0
until [ -e "$stamp" ]; do
    if [ "$((tries += 1))" -gt 3000 ]; then
        printf 'the node has not been sealed: there is no %s\n' "$stamp" >&2
        exit 1
    fi
    sleep 0.02
done
rm -f -- "$marker"
sync -- "$TOOLKIT_STATE_DIR"
