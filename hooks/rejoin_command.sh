#!/bin/sh
# rejoin_command — bring an old primary back as a standby of the present one.
#
# Runs on:   the old primary, stopped, as the PostgreSQL owner; node.conf is locked and names the upstream.
# Knows:     TOOLKIT_REJOIN_METHOD (start or rewind) TOOLKIT_NODE_NAME TOOLKIT_PRIMARY_CONNINFO TOOLKIT_SWITCH_LSN
#            PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR TOOLKIT_TIMEOUT_SECONDS
# Succeeds:  exit 0 once the node runs as a standby. A rewind needs a CHECKPOINT on the primary before. Safe to run twice.
# Retry:     exit 75. Exit 77: a rewind is impossible or was interrupted while it copied: clone the node.
# Prints:    toolkit:rewound=yes, rewound_from (end of this node's own log), switch_lsn, set_aside on stdout.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=hooks/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=hooks/lib/rewind.sh
. "$here/lib/rewind.sh"
require TOOLKIT_REJOIN_METHOD TOOLKIT_NODE_NAME PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR

[ -e "$PGDATA/PG_VERSION" ] || need_clone "$PGDATA holds no PostgreSQL cluster"
case $TOOLKIT_REJOIN_METHOD in
    start)
        [ ! -e "$marker" ] || need_clone "refused: $marker stands ($(cat -- "$marker"))"
        if postmaster_runs && in_recovery; then
            log "$TOOLKIT_NODE_NAME runs as a standby already"
            exit 0
        fi
        ;;
    rewind) require TOOLKIT_PRIMARY_CONNINFO TOOLKIT_SWITCH_LSN ;;
    *) fail "TOOLKIT_REJOIN_METHOD is '$TOOLKIT_REJOIN_METHOD': start or rewind" ;;
esac
if postmaster_runs; then fail "refused: PostgreSQL runs on $TOOLKIT_NODE_NAME; fence or stop it first"; fi
dry_run "bring $TOOLKIT_NODE_NAME back as a standby ($TOOLKIT_REJOIN_METHOD)"
clear_the_way

if [ "$TOOLKIT_REJOIN_METHOD" = rewind ]; then
    if marker_is cloning; then need_clone "an unfinished clone stands: clone again"; fi
    if marker_is rewinding && [ "$(marker_phase)" = copying ]; then
        need_clone "a rewind was interrupted while it copied: this data directory can't be recovered"
    fi
    set_marker rewinding preparing
    set_wal_aside
    # Single-user recovery refuses standby mode.
    rm -f -- "$PGDATA/standby.signal" "$PGDATA/recovery.signal"
    recover_alone
    end=$(control 'Latest checkpoint location')
    # A trial run first: what fails here has changed nothing, and may be tried again.
    rewind_with --dry-run || need_clone "pg_rewind can't rewind $TOOLKIT_NODE_NAME: see above"
    set_marker rewinding copying
    rewind_with --progress || need_clone "pg_rewind failed: this data directory can't be recovered"
    clean_auto_conf "$PGDATA"
    result rewound yes
    result rewound_from "$end"
    result switch_lsn "$TOOLKIT_SWITCH_LSN"
fi
write_standby_signal "$PGDATA"
if [ "$TOOLKIT_REJOIN_METHOD" = rewind ]; then clear_marker; fi
start_postgres "${TOOLKIT_TIMEOUT_SECONDS:-60}"
log "$TOOLKIT_NODE_NAME runs as a standby"
