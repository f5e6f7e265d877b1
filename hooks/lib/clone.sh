#!/bin/sh
# clone.sh — the parts of a clone, used by clone_command.
#
# Runs on:   a fresh or broken standby, sourced after common.sh.
# Knows:     PGDATA PG_BINDIR TOOLKIT_PRIMARY_CONNINFO TOOLKIT_STATE_DIR
# Succeeds:  defines functions and `label` only.
# Retry:     nothing to retry.
# Prints:    toolkit:progress=NN% on stdout.

# shellcheck source=hooks/lib/flush.sh
. "${here:?}/lib/flush.sh"

ask_source() {
    "$PG_BINDIR/psql" --no-psqlrc --no-password --tuples-only --no-align --quiet \
        --dbname="$TOOLKIT_PRIMARY_CONNINFO application_name=toolkit_clone" --command="$1"
}

# Refuses what this clone can't do right, before anything is changed.
check_source() {
    answer=$(ask_source "select (select count(*) from pg_tablespace where spcname not in ('pg_default', 'pg_global')),
        (select coalesce(sum(pg_database_size(oid)), 0)::bigint from pg_database
            where has_database_privilege(oid, 'CONNECT') or pg_has_role('pg_read_all_stats', 'MEMBER'))") ||
        retry_later "the source of the clone can't be asked: see above"
    spaces=${answer%%|*} bytes=${answer#*|}
    [ "$spaces" = 0 ] ||
        fail "refused: the source has $spaces tablespaces of its own; clone by hand with pg_basebackup --tablespace-mapping"
    # The log that is written meanwhile comes on top: a tenth, and 64 MiB.
    need=$((bytes + bytes / 10 + 67108864))
    # The copy of an earlier try may be the only other one there is: it goes before the new one for want of room alone.
    [ "$(free_below "$1")" -ge "$need" ] || drop_unused_copy
    free=$(free_below "$1")
    [ "$free" -ge "$need" ] ||
        fail "refused: the clone needs $need bytes below $1 and $free are free; the old directory is kept, make room"
}

free_below() { echo $(($(stat --file-system --format='%a * %S' -- "$1"))); }

# Copies the source into $1, with its progress as result lines. Only the end of a whole copy leaves a
# word: whatever else ends the pipe has failed.
copy_source() {
    copied=$TOOLKIT_STATE_DIR/clone.copied target=$1
    rm -f -- "$copied"
    set --
    if flushes_whole; then set -- --no-sync; fi
    {
        if "$PG_BINDIR/pg_basebackup" --pgdata="$target" --wal-method=stream --checkpoint=fast --progress --no-password "$@" \
            --dbname="$TOOLKIT_PRIMARY_CONNINFO application_name=toolkit_clone" 2>&1; then : >"$copied"; fi
    } | tr '\r' '\n' | tee "$TOOLKIT_STATE_DIR/clone.log" |
        sed -u -n 's|.* (\([0-9]*\)%).*|toolkit:progress=\1%|p'
    if [ ! -e "$copied" ]; then
        grep -v ' kB (' "$TOOLKIT_STATE_DIR/clone.log" >&2 || :
        return 1
    fi
    rm -f -- "$copied"
}

# The label of the last copy. One whose server does not come up is copied anew, again and again, and
# would fill the disk with copies set aside.
label=$TOOLKIT_STATE_DIR/clone.label
label_copy() { cp -- "$1/backup_label" "$label" 2>/dev/null || rm -f -- "$label"; }

# The first recovery takes the label away, and no other copy, rewind or backup has the same one.
is_unused_copy() { cmp -s -- "$label" "$PGDATA/backup_label"; }

# Not removed in its place: a start would take what is left of it.
drop_unused_copy() {
    is_unused_copy || return 0
    log "removing the copy of an earlier try: its recovery never began"
    mv -T -- "$PGDATA" "$PGDATA.clone.0"
    rm -rf -- "$PGDATA.clone.0"
}

# Makes the copy $1 a standby's. It is whole on the disk after this, and only then.
finish_copy() {
    clean_auto_conf "$1"
    if flushes_whole; then
        : >"$1/standby.signal"
        sync --file-system -- "$1"
    else
        write_standby_signal "$1"
    fi
}
