#!/bin/sh
# service_start_command — start PostgreSQL, locked: a start never opens a node.
#
# Runs on:   a node, as the PostgreSQL owner.
# Knows:     PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR TOOLKIT_TIMEOUT_SECONDS
# Succeeds:  exit 0 once the server is up, or was already. Refuses while a rewind or clone is unfinished. Safe to run twice.
# Retry:     exit 75 (still starting at the deadline).
# Prints:    one line per step on stderr.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=hooks/lib/common.sh
. "$here/lib/common.sh"
require PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR

if postmaster_runs; then
    log "PostgreSQL runs already"
    exit 0
fi
dry_run "start PostgreSQL on $PGDATA"
start_postgres "${TOOLKIT_TIMEOUT_SECONDS:-60}"
