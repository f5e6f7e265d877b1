#!/bin/sh
# clone_command — make this node a fresh standby by pg_basebackup; the old directory is moved aside.
#
# Runs on:   a fresh or broken standby, stopped, as the PostgreSQL owner; node.conf names the upstream.
# Knows:     TOOLKIT_NODE_NAME TOOLKIT_STEP TOOLKIT_PRIMARY_CONNINFO PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE
#            TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR TOOLKIT_TIMEOUT_SECONDS
# Succeeds:  exit 0 once the node runs as a standby. An interrupted clone leaves a marker and starts again. Safe to run twice.
# Retry:     exit 75 (the source can't be reached).
# Prints:    toolkit:progress=NN%, toolkit:cloned=yes, toolkit:aside=DIR (if there was an old one) on stdout.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=hooks/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=hooks/lib/clone.sh
. "$here/lib/clone.sh"
require TOOLKIT_NODE_NAME TOOLKIT_STEP TOOLKIT_PRIMARY_CONNINFO PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR

PGDATA=${PGDATA%/}
side=$PGDATA.clone.$TOOLKIT_STEP
aside=$PGDATA.aside.$TOOLKIT_STEP
if postmaster_runs; then fail "refused: PostgreSQL runs on $TOOLKIT_NODE_NAME; stop it first"; fi
dry_run "clone $TOOLKIT_NODE_NAME into $side and move $PGDATA to $aside"
mkdir -p -- "${PGDATA%/*}"
clear_the_way

# A copy that was interrupted is ours and holds nothing of its own.
for old in "$PGDATA".clone.*; do
    case ${old#"$PGDATA".clone.} in
        *[!0-9]*) ;;
        *) rm -rf -- "$old" ;;
    esac
done
check_source "${PGDATA%/*}"
set_marker cloning copying
log "cloning $TOOLKIT_NODE_NAME from its upstream"
copy_source "$side" || retry_later "pg_basebackup failed: see above"
finish_copy "$side"
# Only an empty directory and an unused copy are removed; anything else is moved aside.
drop_unused_copy
if [ -e "$PGDATA" ] && ! rmdir -- "$PGDATA" 2>/dev/null; then
    [ ! -e "$aside" ] || aside=$aside.$(date +%s)
    mv -T -- "$PGDATA" "$aside" || fail "can't move $PGDATA aside: is it a mount point? Put the cluster into a folder below"
    result aside "$aside"
fi
label_copy "$side"
mv -T -- "$side" "$PGDATA"
sync -- "${PGDATA%/*}"
clear_marker
result cloned yes
start_postgres "${TOOLKIT_TIMEOUT_SECONDS:-60}"
rm -f -- "$label"
log "$TOOLKIT_NODE_NAME runs as a standby"
