#!/bin/sh
# service_reload_command — make PostgreSQL read its configuration again.
#
# Runs on:   a node, as the PostgreSQL owner.
# Knows:     PGDATA
# Succeeds:  exit 0 once the postmaster was told; whether it liked the files is read back by SQL. Safe to run twice.
# Retry:     never.
# Prints:    one line per step on stderr.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=hooks/lib/common.sh
. "$here/lib/common.sh"
require PGDATA

pid=$(postmaster_pid) || fail "PostgreSQL does not run on $PGDATA: start it first"
dry_run "tell postmaster $pid to read its configuration"
kill -s HUP "$pid"
log "postmaster $pid reads its configuration"
