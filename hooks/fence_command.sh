#!/bin/sh
# fence_command — stop this old primary at once, and take its opening away.
#
# Runs on:   the old primary, as the PostgreSQL owner. A node that can't be reached needs a hook of yours
#            that asks its hypervisor or power switch.
# Knows:     TOOLKIT_NODE_NAME PGDATA PG_BINDIR TOOLKIT_RUNTIME_DIR TOOLKIT_SERVICE
# Succeeds:  exit 0 once open.conf is gone and no server process of this data directory is left. Safe to run twice.
# Retry:     never; a failure means that the node is not fenced.
# Prints:    one line per step on stderr; toolkit:fenced=yes on stdout.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=hooks/lib/common.sh
. "$here/lib/common.sh"
require TOOLKIT_NODE_NAME PGDATA PG_BINDIR TOOLKIT_RUNTIME_DIR

dry_run "stop PostgreSQL on $TOOLKIT_NODE_NAME at once, and take its opening away"
rm -f -- "$TOOLKIT_RUNTIME_DIR/open.conf"
stop_at_once
keep_down || log "$TOOLKIT_SERVICE may start the server again, locked: allow its stop in sudoers"
no_server_process || end_orphans true
# Twice: one that was just being started is seen a moment later.
sleep 0.1
no_server_process || end_orphans true
log "$TOOLKIT_NODE_NAME is fenced: no server process is left"
result fenced yes
