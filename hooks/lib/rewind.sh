#!/bin/sh
# rewind.sh — the parts of a rewind, used by rejoin_command.
#
# Runs on:   the old primary, sourced after common.sh.
# Knows:     PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE TOOLKIT_STATE_DIR TOOLKIT_SWITCH_LSN TOOLKIT_PRIMARY_CONNINFO
# Succeeds:  defines functions only.
# Retry:     nothing to retry.
# Prints:    nothing by itself.

# Copies the WAL past the switch point into STATE_DIR/set-aside, durably: what this node alone has
# written, on every timeline that it was on since its last checkpoint.
set_wal_aside() {
    timeline=$(control "Latest checkpoint's TimeLineID")
    bytes=$(control "Bytes per WAL segment")
    high=$((0x${TOOLKIT_SWITCH_LSN%/*}))
    low=$((0x${TOOLKIT_SWITCH_LSN#*/}))
    per_file=$((0x100000000 / bytes))
    switch=$((high * per_file + low / bytes))
    aside=$TOOLKIT_STATE_DIR/set-aside/$timeline-$(printf '%s' "$TOOLKIT_SWITCH_LSN" | tr / -)
    mkdir -p -- "$aside"
    copied=0
    for segment in "$PGDATA"/pg_wal/????????????????????????; do
        is_past_switch "${segment##*/}" || continue
        if [ "$copied" -ge "${TOOLKIT_SET_ASIDE_SEGMENTS:-64}" ]; then
            log "there are more WAL segments from $TOOLKIT_SWITCH_LSN on: TOOLKIT_SET_ASIDE_SEGMENTS is reached"
            break
        fi
        copy_durably "$segment" "$aside/${segment##*/}"
        copied=$((copied + 1))
    done
    sync -- "$aside" "$TOOLKIT_STATE_DIR/set-aside" "$TOOLKIT_STATE_DIR"
    log "set aside $copied WAL segments from $TOOLKIT_SWITCH_LSN on, from timeline $timeline on, in $aside"
    result set_aside "$aside"
}

# Whether segment $1 holds log from the switch point on, on the checkpoint's timeline or a later one.
is_past_switch() {
    case $1 in
        *[!0-9A-F]*) return 1 ;;
    esac
    rest=${1#????????}
    number=$((0x${rest%????????} * per_file + 0x${rest#????????}))
    [ $((0x${1%????????????????})) -ge "$timeline" ] && [ "$number" -ge "$switch" ] || return 1
    # A recycled segment carries the address of its former life: it holds nothing yet.
    address=$(od -A n -t u8 -j 8 -N 8 -- "$PGDATA/pg_wal/$1" | tr -d ' ')
    [ "$address" = $((number * bytes)) ]
}

copy_durably() {
    [ ! -e "$2" ] || return 0
    cp --reflink=auto -- "$1" "$2.part"
    sync -- "$2.part"
    mv -f -- "$2.part" "$2"
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
