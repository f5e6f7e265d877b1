#!/bin/sh
# unfinished.sh — whether an initdb of ours has begun this node's data directory and has not ended.
#
# Runs on:   the node, read from standard input ahead of the scripts that ask it.
# Knows:     PGDATA TOOLKIT_STATE_DIR; for a docker node TOOLKIT_VOLUME.
# Succeeds:  defines functions and initdb_marker only.
# Retry:     nothing to retry.
# Prints:    nothing.

initdb_marker=$TOOLKIT_STATE_DIR/initializing

# The marker's lines: the place, and which directory that was; its birth tells it from a later one.
initdb_place() { printf '%s%s\n' "$PGDATA" "${TOOLKIT_VOLUME:+ in the volume $TOOLKIT_VOLUME}"; }
identity_of() { stat --format='%i %W' -- "$1"; }

# Under a scheduler's term the data count, whatever the marker says.
is_unfinished() {
    { IFS= read -r named && IFS= read -r made; } 2>/dev/null <"$initdb_marker" || return 1
    [ "$named" = "$(initdb_place)" ] || return 1
    if [ -e "$TOOLKIT_STATE_DIR/stamp" ]; then
        read -r term _ <"$TOOLKIT_STATE_DIR/stamp" && [ "$term" = 0 ] || return 1
    fi
    # What lies in a volume is not seen from everywhere: whoever erases there looks again.
    [ -n "${TOOLKIT_VOLUME:-}" ] || [ ! -d "$PGDATA" ] || is_what_was_made
}

# After is_unfinished, where the directory is seen.
is_what_was_made() { [ "$(identity_of "$PGDATA")" = "$made" ]; }
