#!/bin/sh
# service_status_command — say whether PostgreSQL runs.
#
# Runs on:   a node, as the PostgreSQL owner.
# Knows:     PGDATA
# Succeeds:  exit 0 running, 3 stopped. Changes nothing.
# Retry:     never.
# Prints:    toolkit:postmaster=PID and toolkit:status=ready|standby|starting|stopping on stdout.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=hooks/lib/common.sh
. "$here/lib/common.sh"
require PGDATA

if ! pid=$(postmaster_pid); then
    log "PostgreSQL is stopped"
    exit 3
fi
result postmaster "$pid"
result status "$(postmaster_status)"
