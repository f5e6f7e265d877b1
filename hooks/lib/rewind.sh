#!/bin/sh
# rewind.sh — the parts of a rewind, used by rejoin_command.
#
# Runs on:   the old primary, sourced after common.sh.
# Knows:     PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE TOOLKIT_STATE_DIR TOOLKIT_SWITCH_LSN TOOLKIT_PRIMARY_CONNINFO
# Succeeds:  defines functions only.
# Retry:     nothing to retry.
# Prints:    nothing by itself.

# Copies the WAL past the switch point into STATE_DIR/set-aside: what this node alone has written.
set_wal_aside() {
    timeline=$(control "Latest checkpoint's TimeLineID")
    bytes=$(control "Bytes per WAL segment")
    high=$((0x${TOOLKIT_SWITCH_LSN%/*}))
    low=$((0x${TOOLKIT_SWITCH_LSN#*/}))
    per_file=$((0x100000000 / bytes))
    number=$((high * per_file + low / bytes))
    aside=$TOOLKIT_STATE_DIR/set-aside/$timeline-$(printf '%s' "$TOOLKIT_SWITCH_LSN" | tr / -)
    mkdir -p -- "$aside"
    copied=0
    while [ "$copied" -lt "${TOOLKIT_SET_ASIDE_SEGMENTS:-64}" ]; do
        segment=$(printf '%08X%08X%08X' "$timeline" $((number / per_file)) $((number % per_file)))
        [ -e "$PGDATA/pg_wal/$segment" ] || break
        # A recycled segment carries the address of its former life: the log ends before it.
        address=$(od -A n -t u8 -j 8 -N 8 -- "$PGDATA/pg_wal/$segment" | tr -d ' ')
        [ "$address" = $((number * bytes)) ] || break
        if [ ! -e "$aside/$segment" ]; then
            cp --reflink=auto -- "$PGDATA/pg_wal/$segment" "$aside/$segment.part"
            mv -f -- "$aside/$segment.part" "$aside/$segment"
        fi
        copied=$((copied + 1))
        number=$((number + 1))
    done
    log "set aside $copied WAL segments from $TOOLKIT_SWITCH_LSN on timeline $timeline in $aside"
    result set_aside "$aside"
}

# pg_rewind needs a cleanly stopped target, and can't make one itself: it knows no config_file.
recover_alone() {
    case $(control 'Database cluster state') in
        'shut down' | 'shut down in recovery') return 0 ;;
    esac
    log "recovering alone"
    if ! "$PG_BINDIR/postgres" --single -D "$PGDATA" -c "config_file=$TOOLKIT_CONFIG_FILE" template1 \
        </dev/null >"$TOOLKIT_STATE_DIR/single-user.log" 2>&1; then
        tail -n 20 -- "$TOOLKIT_STATE_DIR/single-user.log" >&2
        need_clone "crash recovery failed: see above"
    fi
}

# Runs pg_rewind with the arguments; "no rewind required" is a failure: the node has diverged.
rewind_with() {
    output=$TOOLKIT_STATE_DIR/rewind.log
    rewound=yes
    "$PG_BINDIR/pg_rewind" --no-ensure-shutdown --target-pgdata="$PGDATA" \
        --source-server="$TOOLKIT_PRIMARY_CONNINFO application_name=toolkit_rewind" "$@" \
        >"$output" 2>&1 || rewound=no
    cat -- "$output" >&2
    if grep -q 'no rewind required' "$output"; then
        need_clone "pg_rewind found nothing to rewind: it compares numbers of timelines; clone the node"
    fi
    [ "$rewound" = yes ]
}
