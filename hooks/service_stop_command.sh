#!/bin/sh
# service_stop_command — stop PostgreSQL.
#
# Runs on:   a node, as the PostgreSQL owner.
# Knows:     PGDATA PG_BINDIR TOOLKIT_STOP_MODE (fast, immediate, smart; default fast) TOOLKIT_TIMEOUT_SECONDS
# Succeeds:  exit 0 once no server process is left, or none was. Safe to run twice.
# Retry:     exit 75 (still stopping at the deadline).
# Prints:    one line per step on stderr.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=hooks/lib/common.sh
. "$here/lib/common.sh"
require PGDATA PG_BINDIR

mode=${TOOLKIT_STOP_MODE:-fast}
case $mode in
    fast | immediate | smart) ;;
    *) fail "TOOLKIT_STOP_MODE is '$mode': fast, immediate or smart" ;;
esac
dry_run "stop PostgreSQL on $PGDATA ($mode)"
stop_postgres "$mode"
