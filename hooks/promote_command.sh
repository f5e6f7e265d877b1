#!/bin/sh
# promote_command — end recovery on this node; the scheduler opens it afterwards.
#
# Runs on:   the node being promoted, as the PostgreSQL owner.
# Knows:     TOOLKIT_NODE_NAME PGDATA PG_BINDIR
# Succeeds:  exit 0 once PostgreSQL has taken the request; the scheduler watches the rest. Safe to run twice.
# Retry:     exit 75 (still starting). Any other status is a failure and stops the failover.
# Prints:    one line per step on stderr; stdout is kept in the event log (last 64 KiB).
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=hooks/lib/common.sh
. "$here/lib/common.sh"
require TOOLKIT_NODE_NAME PGDATA PG_BINDIR

postmaster_runs || fail "PostgreSQL does not run on $TOOLKIT_NODE_NAME: start it, or promote another node"
if ! in_recovery; then
    log "$TOOLKIT_NODE_NAME has left recovery already"
    exit 0
fi
[ "$(postmaster_status)" != starting ] || retry_later "PostgreSQL is still starting on $TOOLKIT_NODE_NAME"
dry_run "ask $TOOLKIT_NODE_NAME to end recovery"
"$PG_BINDIR/pg_ctl" promote --pgdata="$PGDATA" --no-wait >&2
log "$TOOLKIT_NODE_NAME asked to promote"
