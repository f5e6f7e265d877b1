#!/bin/sh
# native.sh — PostgreSQL as plain processes of this machine.
#
# Runs on:   the node, as the PostgreSQL owner, sourced by common.sh.
# Knows:     PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR
# Succeeds:  defines functions only.
# Retry:     nothing to retry.
# Prints:    nothing by itself.

: "${marker:=}"

# Names of the settings that only node.conf and open.conf may hold, for grep and sed.
our_settings='primary_conninfo|primary_slot_name|restore_command|synchronous_standby_names|default_transaction_read_only|recovery_min_apply_delay|toolkit\.[a-z_]+'

real_path() { readlink -f -- "$1"; }

# Whether process $1 works in PGDATA: postmaster and backends do, a later owner of its number not.
works_here() {
    there=$(readlink -- "/proc/$1/cwd" 2>/dev/null) && [ "$there" = "$(real_path "$PGDATA")" ]
}

# Prints the pid of this node's postmaster; false when none runs.
postmaster_pid() {
    [ -r "$PGDATA/postmaster.pid" ] || return 1
    read -r pid <"$PGDATA/postmaster.pid" || return 1
    case $pid in
        '' | *[!0-9]*) return 1 ;;
    esac
    works_here "$pid" && printf '%s\n' "$pid"
}

postmaster_runs() { postmaster_pid >/dev/null; }
postmaster_gone() { ! postmaster_runs; }

# What postmaster.pid says: starting, stopping, ready (takes connections), standby (does not yet).
postmaster_status() {
    sed -n '8s/ *$//p' "$PGDATA/postmaster.pid" 2>/dev/null || :
}

in_recovery() { [ -e "$PGDATA/standby.signal" ] || [ -e "$PGDATA/recovery.signal" ]; }

# Prints every server process of this data directory, orphans of a killed postmaster too. One program
# for all of them: whoever waits for the end of a server asks often, while others want the processor.
server_processes() {
    home=$(real_path "$PGDATA") && program=$(real_path "$PG_BINDIR/postgres") || return 0
    find /proc/[0-9]*/cwd /proc/[0-9]*/exe -maxdepth 0 -printf '%f %h %l\n' 2>/dev/null | {
        at_home=' '
        while IFS= read -r line; do
            link=${line%% *} line=${line#* }
            process=${line%% *} target=${line#* }
            case $link in
                cwd) [ "$target" != "$home" ] || at_home="$at_home$process " ;;
                exe)
                    # A binary that was upgraded under its processes reads as deleted.
                    case $target in
                        "$program" | "$program (deleted)") ;;
                        *) continue ;;
                    esac
                    case $at_home in *" $process "*) printf '%s\n' "${process#/proc/}" ;; esac
                    ;;
            esac
        done
    }
}

no_server_process() { [ -z "$(server_processes)" ]; }

# Ends what a dead postmaster left: a backend in a loop of commits goes on without it.
end_orphans() {
    for pid in $(server_processes); do
        log "ending orphan $pid of a dead postmaster"
        kill -s KILL "$pid" 2>/dev/null || :
    done
    wait_until 5 no_server_process || fail "processes of $PGDATA can't be ended: look at their state (ps)"
}

# Leaves nothing of a dead server in the way of the next one.
clear_the_way() {
    no_server_process || end_orphans
    # A postmaster that nobody has reaped keeps its number, and a foreign process may have got it:
    # PostgreSQL would take either for a running server. That none runs is sure here.
    [ -r "$PGDATA/postmaster.pid" ] && read -r dead <"$PGDATA/postmaster.pid" || return 0
    if kill -s 0 "$dead" 2>/dev/null || [ -d "/proc/$dead" ]; then
        log "removing the lock files of $PGDATA: process $dead is no server of it"
        rm -f -- "$PGDATA/postmaster.pid"
        # The socket's lock names the same process, and on its second line whose it is.
        socket_lock=${PGHOST:-}/.s.PGSQL.${PGPORT:-}.lock
        if [ "$(sed -n 2p "$socket_lock" 2>/dev/null)" = "$PGDATA" ]; then
            rm -f -- "$socket_lock"
        fi
    fi
}

# Starts the server locked, in a session of its own: nothing that ends a hook ends it.
start_postgres() {
    [ ! -e "$marker" ] || fail "refused: $marker stands ($(cat -- "$marker")); rejoin or clone the node first"
    [ -e "$PGDATA/PG_VERSION" ] || fail "$PGDATA holds no PostgreSQL cluster; clone the node"
    clear_the_way
    rm -f -- "$TOOLKIT_RUNTIME_DIR/open.conf"
    log_file=$TOOLKIT_STATE_DIR/postgres.log
    (
        unset PGHOST PGPORT PGPASSFILE
        exec setsid "$PG_BINDIR/postgres" -D "$PGDATA" -c "config_file=$TOOLKIT_CONFIG_FILE" \
            </dev/null >>"$log_file" 2>&1 3>&- 8>&- 9>&-
    ) &
    started=$!
    wait_until "${1:-60}" postmaster_settled || retry_later "PostgreSQL is still starting"
    if ! postmaster_runs; then
        tail -n 20 -- "$log_file" >&2
        fail "PostgreSQL did not start; the end of $log_file stands above"
    fi
    log "PostgreSQL started ($(postmaster_status))"
}

# Up, or dead.
postmaster_settled() {
    case $(postmaster_status) in
        ready | standby) postmaster_runs && return 0 ;;
    esac
    ! kill -s 0 "$started" 2>/dev/null || [ "$(process_state "$started")" = Z ]
}

process_state() { sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null || :; }

# stop_postgres fast|immediate|smart
stop_postgres() {
    if postmaster_runs; then
        "$PG_BINDIR/pg_ctl" stop --pgdata="$PGDATA" --mode="$1" --no-wait >&2 || :
        wait_until "${TOOLKIT_TIMEOUT_SECONDS:-60}" postmaster_gone || retry_later "PostgreSQL is still stopping"
    fi
    [ "$1" = smart ] || no_server_process || end_orphans
    log "PostgreSQL is stopped"
}

# One field of pg_controldata, by its name.
control() {
    LC_ALL=C "$PG_BINDIR/pg_controldata" -D "$PGDATA" | sed -n "s|^$1: *||p"
}

# What pg_rewind and pg_basebackup brought along from their source must not bind this node.
clean_auto_conf() {
    file=$1/postgresql.auto.conf
    [ -e "$file" ] || return 0
    sed -E "/^[[:space:]]*($our_settings)[[:space:]]*=?/Id" "$file" >"$file.new"
    sync -- "$file.new"
    mv -f -- "$file.new" "$file"
}

# Makes the data directory $1 a standby's, durably.
write_standby_signal() {
    : >"$1/standby.signal"
    sync -- "$1/standby.signal" "$1"
}
