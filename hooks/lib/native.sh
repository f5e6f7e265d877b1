#!/bin/sh
# native.sh — PostgreSQL as plain processes of this machine.
#
# Runs on:   the node, as the PostgreSQL owner, sourced by common.sh.
# Knows:     PGDATA PG_BINDIR TOOLKIT_CONFIG_FILE TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR TOOLKIT_SERVICE
# Succeeds:  defines functions only.
# Retry:     nothing to retry.
# Prints:    nothing by itself.

: "${marker:=}"

# Names of the settings that only node.conf and open.conf may hold, for grep and sed.
our_settings='primary_conninfo|primary_slot_name|restore_command|synchronous_standby_names|default_transaction_read_only|recovery_min_apply_delay|toolkit\.[a-z_]+'

real_path() { readlink -f -- "$1"; }

# Whether process $1 works in PGDATA: postmaster and backends do, a later owner of its number not. The
# quick way forks nothing; a directory that is gone has a name only. Every sh of Debian's knows -ef.
# shellcheck disable=SC3013
works_here() {
    [ ! "/proc/$1/cwd" -ef "$PGDATA" ] || return 0
    there=$(readlink -- "/proc/$1/cwd" 2>/dev/null) && [ "${there% (deleted)}" = "$(real_path "$PGDATA")" ]
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

# What the eighth line of postmaster.pid says: starting, stopping, ready (takes connections), standby
# (does not yet). Nothing forks: a start is watched by it.
postmaster_status() {
    {
        for _ in 1 2 3 4 5 6 7; do read -r status || return 0; done
        read -r status || return 0
    } 2>/dev/null <"$PGDATA/postmaster.pid" || return 0
    printf '%s\n' "$status"
}

in_recovery() { [ -e "$PGDATA/standby.signal" ] || [ -e "$PGDATA/recovery.signal" ]; }

# Prints every server process of this data directory, orphans of a killed postmaster too. Known by its
# name and its directory: the binary may have been replaced, removed, or the link to it re-pointed.
# Fails when the look can't be made; then nobody knows whether there is one.
server_processes() {
    home=$(real_path "$PGDATA") || return 1
    # Status 1 is no failure: some processes are another user's, some have just ended.
    found=$(find /proc/[0-9]*/cwd -maxdepth 0 -printf '%h %l\n' 2>/dev/null || [ $? = 1 ]) || return 1
    # A look that doesn't see the one who looks sees nobody.
    case $found in
        *"/proc/$$ "*) ;;
        *) return 1 ;;
    esac
    printf '%s\n' "$found" | while IFS= read -r line; do
        case ${line#* } in
            "$home" | "$home (deleted)") ;;
            *) continue ;;
        esac
        process=${line%% *}
        if runs_postgres "${process#/proc/}"; then printf '%s\n' "${process#/proc/}"; fi
    done
}

runs_postgres() {
    case $(readlink -- "/proc/$1/exe" 2>/dev/null) in
        */postgres | */'postgres (deleted)') ;;
        *) return 1 ;;
    esac
}

no_server_process() { processes=$(server_processes) && [ -z "$processes" ]; }

# Ends what a dead postmaster left: a backend in a loop of commits goes on without it. Each is looked
# at again before it is ended: its number may have become another's, and unless $1 still holds (true:
# whatever there is) another hand has started a server.
end_orphans() {
    orphans=$(server_processes) ||
        fail "the processes of $PGDATA can't be looked at: are find, /proc and the way to it there?"
    for pid in $orphans; do
        if ! works_here "$pid" || ! runs_postgres "$pid"; then continue; fi
        "$1" || fail "refused: PostgreSQL has just been started on $PGDATA by another hand"
        log "ending orphan $pid of a dead postmaster"
        kill -s KILL "$pid" 2>/dev/null || :
    done
    wait_until 5 no_server_process || fail "processes of $PGDATA can't be ended: look at their state (ps)"
}

# Leaves nothing of a dead server in the way of the next one.
clear_the_way() {
    no_server_process || end_orphans postmaster_gone
    # A postmaster that nobody has reaped keeps its number, and a foreign process may have got it:
    # PostgreSQL would take either for a running server.
    [ -r "$PGDATA/postmaster.pid" ] && read -r dead <"$PGDATA/postmaster.pid" || return 0
    if kill -s 0 "$dead" 2>/dev/null || [ -d "/proc/$dead" ]; then
        log "removing the lock files of $PGDATA: process $dead is no server of it"
        # Another hand may have started one since: a second server beside it would destroy the data.
        no_server_process || fail "refused: a server of $PGDATA has just been started by another hand"
        rm -f -- "$PGDATA/postmaster.pid"
        # The socket's lock names the same process, and on its second line whose it is.
        socket_lock=${PGHOST:-}/.s.PGSQL.${PGPORT:-}.lock
        if [ "$(sed -n 2p "$socket_lock" 2>/dev/null)" = "$PGDATA" ]; then
            rm -f -- "$socket_lock"
        fi
    fi
}

# Starts the server locked.
start_postgres() {
    [ ! -e "$marker" ] || fail "refused: $marker stands ($(cat -- "$marker")); rejoin or clone the node first"
    [ -e "$PGDATA/PG_VERSION" ] || fail "$PGDATA holds no PostgreSQL cluster; clone the node"
    clear_the_way
    rm -f -- "$TOOLKIT_RUNTIME_DIR/open.conf"
    launch
    wait_until "${1:-60}" postmaster_settled || retry_later "PostgreSQL is still starting"
    if ! postmaster_runs; then
        show_log
        fail "PostgreSQL did not start; the end of its log stands above"
    fi
    log "PostgreSQL started ($(postmaster_status))"
}

# Up, or dead.
postmaster_settled() {
    case $(postmaster_status) in
        ready | standby) postmaster_runs && return 0 ;;
    esac
    has_given_up
}

# Four words that systemd.sh and pg_ctlcluster.sh say in their own way.

# Starts a server process, in a session of its own: nothing that ends a hook ends it.
launch() {
    log_file=$TOOLKIT_STATE_DIR/postgres.log
    (
        unset PGHOST PGPORT PGPASSFILE
        # From its first moment on it is seen as a process of this directory.
        cd -- "$PGDATA" || exit 1
        exec setsid "$PG_BINDIR/postgres" -D "$PGDATA" -c "config_file=$TOOLKIT_CONFIG_FILE" \
            </dev/null >>"$log_file" 2>&1 3>&- 8>&- 9>&-
    ) &
    started=$!
}

has_given_up() { ! kill -s 0 "$started" 2>/dev/null || [ "$(process_state "$started")" = Z ]; }

show_log() { tail -n 20 -- "$log_file" >&2; }

# Asks the server to stop, in this mode.
ask_to_stop() { "$PG_BINDIR/pg_ctl" stop --pgdata="$PGDATA" --mode="$1" --no-wait >&2; }

# Tells what would start it again that it has to stay down.
keep_down() { :; }

# Ends the postmaster at once; its backends go with it, unless they are orphans then.
stop_at_once() {
    pid=$(postmaster_pid) || return 0
    log "stopping postmaster $pid of $PGDATA at once"
    kill -s QUIT "$pid" 2>/dev/null || :
    # A frozen process takes no SIGQUIT; SIGKILL it does take.
    wait_until 2 no_server_process || kill -s KILL "$pid" 2>/dev/null || :
}

process_state() {
    { read -r line; } 2>/dev/null <"/proc/$1/stat" || return 0
    # The name in parentheses may hold anything.
    line=${line##*) }
    printf '%s\n' "${line%% *}"
}

# stop_postgres fast|immediate|smart
stop_postgres() {
    if postmaster_runs; then
        ask_to_stop "$1" || :
        wait_until "${TOOLKIT_TIMEOUT_SECONDS:-60}" postmaster_gone || retry_later "PostgreSQL is still stopping"
    elif [ "$1" != smart ]; then
        # A start that waits for its turn, at boot or behind another, would come after this.
        keep_down || log "$TOOLKIT_SERVICE may start the server again, locked: allow its stop in sudoers"
    fi
    [ "$1" = smart ] || no_server_process || end_orphans postmaster_gone
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
    grep -qEi "^[[:space:]]*($our_settings)" "$file" || return 0
    sed -E "/^[[:space:]]*($our_settings)[[:space:]]*=?/Id" "$file" >"$file.new"
    sync -- "$file.new"
    mv -f -- "$file.new" "$file"
}

# Makes the data directory $1 a standby's, durably.
write_standby_signal() {
    : >"$1/standby.signal"
    sync -- "$1/standby.signal" "$1"
}

case ${TOOLKIT_SERVICE:-} in
    '') ;;
    *.service)
        # shellcheck source=hooks/lib/systemd.sh
        . "${here:?}/lib/systemd.sh"
        ;;
    */*)
        # shellcheck source=hooks/lib/pg_ctlcluster.sh
        . "${here:?}/lib/pg_ctlcluster.sh"
        ;;
    inside)
        # shellcheck source=hooks/lib/inside.sh
        . "${here:?}/lib/inside.sh"
        ;;
    *) fail "TOOLKIT_SERVICE is '$TOOLKIT_SERVICE': a unit (NAME.service) or a cluster of Debian's (15/main)" ;;
esac
