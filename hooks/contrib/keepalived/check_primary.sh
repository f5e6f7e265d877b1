#!/bin/sh
# check_primary.sh — whether this node takes writes: keepalived gives it the virtual address.
#
# Runs on:   every node, by keepalived (keepalived.conf.example); it is no hook. It follows switchovers,
#            failovers and hand-made changes alike, because it asks the server.
# Knows:     $1 the socket's folder, $2 the port, $3 the role; keepalived hands them over.
# Succeeds:  exit 0 on the opened primary alone; 1 on a locked or stopped node.
# Retry:     keepalived asks again.
# Prints:    nothing.
set -eu

answer=$(timeout 2 psql --no-psqlrc --no-password --quiet --tuples-only --no-align \
    --host="${1:-/var/run/postgresql}" --port="${2:-5432}" --username="${3:-postgres}" --dbname=postgres \
    --command='show transaction_read_only' 2>/dev/null) || exit 1
[ "$answer" = off ]
