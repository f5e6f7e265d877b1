#!/bin/sh
# follow_command — stream from the upstream that node.conf names.
#
# Runs on:   a standby, as the PostgreSQL owner, after node-apply has pointed it.
# Knows:     TOOLKIT_NODE_NAME TOOLKIT_PRIMARY_NAME PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR
# Succeeds:  exit 0 once a running standby has read its configuration. Safe to run twice.
# Retry:     exit 75 (still starting).
# Prints:    one line per step on stderr.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=hooks/lib/common.sh
. "$here/lib/common.sh"
require TOOLKIT_NODE_NAME PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR

in_recovery || fail "$TOOLKIT_NODE_NAME is no standby (no standby.signal): rejoin it instead"
dry_run "make $TOOLKIT_NODE_NAME stream from ${TOOLKIT_PRIMARY_NAME:-its upstream}"
if pid=$(postmaster_pid); then
    kill -s HUP "$pid"
    log "$TOOLKIT_NODE_NAME reads its configuration"
else
    start_postgres "${TOOLKIT_TIMEOUT_SECONDS:-60}"
fi
