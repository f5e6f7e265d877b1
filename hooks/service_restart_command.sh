#!/bin/sh
# service_restart_command — stop PostgreSQL and start it, locked.
#
# Runs on:   a node, as the PostgreSQL owner.
# Knows:     PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR TOOLKIT_TIMEOUT_SECONDS
# Succeeds:  exit 0 once the server is up again. Refuses while a rewind or clone is unfinished. Safe to run twice.
# Retry:     exit 75 (still stopping or starting at the deadline).
# Prints:    one line per step on stderr.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=hooks/lib/common.sh
. "$here/lib/common.sh"
require PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR

dry_run "restart PostgreSQL on $PGDATA"
stop_postgres fast
start_postgres "${TOOLKIT_TIMEOUT_SECONDS:-60}"
