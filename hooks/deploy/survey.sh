#!/bin/sh
# survey.sh — look at a node's machine for `toolkit check` and `toolkit deploy`; changes nothing.
#
# Runs on:   the node, as the PostgreSQL owner, read from standard input behind unfinished.sh: nothing is
#            installed.
# Knows:     PGDATA PGHOST PGPORT PG_BINDIR TOOLKIT_CONFIG_DIR TOOLKIT_STATE_DIR
#            TOOLKIT_RUNTIME_DIR TOOLKIT_SERVICE; arguments: files whose mode and SHA-256 are asked for. TOOLKIT_PART: all,
#            or for a docker node machine (with TOOLKIT_CONTAINER TOOLKIT_IMAGE TOOLKIT_NETWORK), then
#            server, where it runs.
# Succeeds:  exit 0; the last line is end=yes.
# Retry:     at any time.
# Prints:    key=value, one per line.
set -eu
PATH=/usr/local/bin:/usr/bin:/bin:${PATH:-}
LC_ALL=C
export PATH LC_ALL

say() { printf '%s=%s\n' "$1" "$2"; }

: "${TOOLKIT_PART:=all}"

is_alive() {
    case $1 in '' | *[!0-9]*) return 1 ;; esac
    [ -d "/proc/$1" ]
}

# A stale file may name somebody else's process; a container numbers its few anew.
works_here() {
    is_alive "$1" && [ "$(readlink -- "/proc/$1/cwd")" = "$(readlink -f -- "$PGDATA")" ]
}

# NAME PATH …: what is at each path, or at the closest folder above it. All owners in one process.
places() {
    names='' left=$#
    while [ "$left" -gt 0 ]; do
        place "$1" "$2"
        names="$names $1" left=$((left - 2))
        shift 2
        set -- "$@" "$near"
    done
    owners=$(stat -c %U -- "$@")
    spaces=$(stat -f -c '%a %b %S %T' -- "$@")
    for name in $names; do
        say "$name.owner" "${owners%%"$newline"*}"
        say "$name.space" "${spaces%%"$newline"*}"
        owners=${owners#*"$newline"} spaces=${spaces#*"$newline"}
    done
}
newline='
'

place() {
    near=$2
    while [ ! -e "$near" ] && [ "$near" != / ]; do
        near=${near%/*}
        near=${near:-/}
    done
    if [ "$near" = "$2" ]; then say "$1.exists" yes; else say "$1.exists" no; fi
    if [ -d "$near" ] && [ -w "$near" ] && [ -x "$near" ]; then
        say "$1.usable" yes
    else
        say "$1.usable" no
    fi
    say "$1.nearest" "$near"
}

data_directory() {
    if [ ! -e "$PGDATA" ]; then
        say data missing
    elif [ ! -d "$PGDATA" ] || [ ! -r "$PGDATA" ] || [ ! -x "$PGDATA" ]; then
        say data unreadable
    elif [ -f "$PGDATA/PG_VERSION" ]; then
        say data pgdata
        say data.version "$(cat "$PGDATA/PG_VERSION")"
        "$PG_BINDIR/pg_controldata" -D "$PGDATA" 2>/dev/null |
            sed -n -e 's/^Database system identifier: */data.system_identifier=/p' \
                -e 's/^Data page checksum version: */data.checksums=/p' \
                -e 's/^Database cluster state: */data.state=/p' \
                -e 's/^wal_log_hints setting: */data.hints=/p' || :
        if [ -e "$PGDATA/standby.signal" ] || [ -e "$PGDATA/recovery.signal" ]; then
            say data.standby yes
        fi
        auto_conf
    elif [ -n "$(find "$PGDATA" -mindepth 1 -maxdepth 1 -print -quit)" ]; then
        say data foreign
    else
        say data empty
    fi
}

# Our settings where ALTER SYSTEM has put them: they would win over ours.
auto_conf() {
    names='primary_conninfo|primary_slot_name|synchronous_standby_names|restore_command'
    names="$names|default_transaction_read_only|recovery_min_apply_delay|synchronous_commit"
    names="$names|data_directory|hba_file|ident_file|port|listen_addresses"
    names="$names|unix_socket_directories"
    [ -r "$PGDATA/postgresql.auto.conf" ] || return 0
    found=$(sed -nE "s/^[[:space:]]*($names)[[:space:]]*(=|[[:space:]]).*/\1/p" \
        "$PGDATA/postgresql.auto.conf" | tr '\n' ' ')
    say data.overridden "$found"
}

tools() {
    missing=''
    for tool; do
        command -v "$tool" >/dev/null || missing="$missing $tool"
    done
}

# What Docker knows of the node; what it complains of when it does not answer.
engine() {
    if ! answer=$(docker version --format '{{.Server.Version}}' 2>&1); then
        say docker.complaint "$(printf '%s\n' "$answer" | tail -n 1)"
        return
    fi
    say docker.version "$answer"
    say docker.image "$(docker image inspect --format '{{.Id}}' "$TOOLKIT_IMAGE" 2>/dev/null || :)"
    say docker.network "$(docker network inspect --format '{{.Id}}' "$TOOLKIT_NETWORK" 2>/dev/null || :)"
    # What could not be asked is not missing: the look fails.
    names=$(docker ps --all --format '{{.Names}}')
    if printf '%s\n' "$names" | grep -q -x -F -e "$TOOLKIT_CONTAINER"; then
        found=$(docker container inspect --format \
            '{{.State.Status}} {{.HostConfig.RestartPolicy.Name}} {{index .Config.Labels "io.toolkit.definition"}}' \
            "$TOOLKIT_CONTAINER")
        say docker.container "$found"
    fi
    hash=$(sha256sum <"$TOOLKIT_CONFIG_DIR/docker-run.sh" 2>/dev/null || :)
    say docker.definition "${hash%% *}"
}

programs() {
    tools timeout flock base64 sync stat find mv cmp od sed awk grep tail
    say binaries.tools "${missing# }"
    missing=''
    for program in postgres initdb pg_ctl pg_controldata pg_rewind pg_basebackup psql; do
        [ -x "$PG_BINDIR/$program" ] || missing="$missing $program"
    done
    say binaries.missing "${missing# }"
    say binaries.version "$("$PG_BINDIR/postgres" --version 2>/dev/null || :)"
}

server() {
    say server.supervisors "$(supervisors)"
    pid=''
    [ ! -r "$PGDATA/postmaster.pid" ] || read -r pid <"$PGDATA/postmaster.pid" || :
    works_here "$pid" || pid=''
    other=''
    lock=$PGHOST/.s.PGSQL.$PGPORT.lock
    [ ! -r "$lock" ] || read -r other <"$lock" || :
    if is_alive "$other" && [ "$other" != "$pid" ]; then say server.port_taken_by "$other"; fi
    [ -n "$pid" ] || return 0
    say server.running "$pid"
    PGCONNECT_TIMEOUT=3
    export PGCONNECT_TIMEOUT
    if ! facts=$(ask_server); then
        say server.silent yes
        return
    fi
    printf '%s\n' "$facts"
    closed=''
    for name in config_file hba_file; do
        file=$(printf '%s\n' "$facts" | sed -n "s/^server\.$name=//p")
        file=$(readlink -f -- "$file") || {
            closed="$closed ${file:-$name}"
            continue
        }
        if [ ! -w "$file" ] || [ ! -w "${file%/*}" ]; then closed="$closed $file"; fi
    done
    say server.closed "${closed# }"
}

# `server.own` are the settings of its files, `server.pinned` those of the lock that its command line holds,
# `server.faults` what is wrong in its files.
ask_server() {
    timeout 10 "$PG_BINDIR/psql" --no-psqlrc --quiet --tuples-only --no-align --field-separator== \
        --host="$PGHOST" --port="$PGPORT" --username=postgres --dbname=postgres --no-password \
        --command="SELECT 'server.' || name, replace(setting, chr(10), ' ') FROM pg_settings WHERE name IN (
            'wal_log_hints', 'data_checksums', 'full_page_writes', 'fsync', 'wal_level',
            'max_wal_senders', 'max_replication_slots', 'hot_standby', 'config_file', 'hba_file',
            'listen_addresses', 'max_connections', 'max_locks_per_transaction',
            'max_prepared_transactions', 'max_worker_processes')
            UNION ALL SELECT 'server.pending_restart', string_agg(name, ' ')
            FROM pg_settings WHERE pending_restart
            UNION ALL SELECT 'server.own', string_agg(name, ' ' ORDER BY name)
            FROM pg_settings WHERE source = 'configuration file' AND setting <> boot_val
            UNION ALL SELECT 'server.pinned', string_agg(name, ' ' ORDER BY name)
            FROM pg_settings WHERE source = 'command line' AND name IN (
                'synchronous_standby_names', 'default_transaction_read_only', 'primary_conninfo',
                'primary_slot_name', 'restore_command')
            UNION ALL SELECT 'server.faults', string_agg(fault, '; ') FROM (
                SELECT concat_ws(' ', sourcefile, sourceline, name, error) AS fault
                FROM pg_file_settings AS file
                WHERE error IS NOT NULL AND NOT (error = 'setting could not be applied' AND EXISTS (
                    SELECT FROM pg_settings AS known
                    WHERE known.name = lower(file.name) AND context = 'postmaster'))
                UNION ALL SELECT concat_ws(' ', 'pg_hba.conf line', line_number, error)
                FROM pg_hba_file_rules WHERE error IS NOT NULL) AS faults
            UNION ALL SELECT 'server.toolkit_term', current_setting('toolkit.term', true)" \
        </dev/null 2>/dev/null
}

# Programs of this user that start, stop and promote servers on their own.
supervisors() {
    for process in /proc/[0-9]*; do
        { read -r program <"$process/comm"; } 2>/dev/null || continue
        case $program in
            python*) ! grep -qa patroni "$process/cmdline" 2>/dev/null || program=patroni ;;
        esac
        case $program in
            repmgrd | patroni | pg_autoctl)
                # Of another user, or dead: its program can't be seen.
                if readlink -- "$process/exe" >/dev/null 2>&1; then
                    printf '%s (pid %s) ' "$program" "${process#/proc/}"
                fi
                ;;
        esac
    done
}

# What starts the server: ready, missing, unlocked (it leaves an opening where it is), closed (sudo says
# no), unseen.
service() {
    case $TOOLKIT_SERVICE in
        *.service)
            # Whoever is not root asks by D-Bus, which a machine may lack.
            if ! unit=$(systemctl cat -- "$TOOLKIT_SERVICE" 2>&1); then
                case $unit in *'No files found'*) say service missing ;; *) say service unseen ;; esac
            elif ! printf '%s\n' "$unit" | grep -v '^#' | grep -qF -e "$TOOLKIT_RUNTIME_DIR/open.conf"; then
                say service unlocked
            elif [ "$(id -u)" != 0 ] &&
                ! sudo --non-interactive --list systemctl start -- "$TOOLKIT_SERVICE" >/dev/null 2>&1; then
                say service closed
            else
                say service ready
            fi
            ;;
        */*) if [ -e "/etc/postgresql/$TOOLKIT_SERVICE/postgresql.conf" ]; then say service ready; else say service missing; fi ;;
    esac
}

# The data of a container were looked at where they lie.
machine_places() {
    set -- config "$TOOLKIT_CONFIG_DIR" state "$TOOLKIT_STATE_DIR" runtime "$TOOLKIT_RUNTIME_DIR" socket "$PGHOST"
    if [ "$TOOLKIT_PART" = all ]; then set -- data "$PGDATA" "$@"; fi
    places "$@"
}

if [ "$TOOLKIT_PART" != machine ]; then
    programs
    data_directory
    server
    if [ "$TOOLKIT_PART" = server ]; then
        places data "$PGDATA"
        say end yes
        exit 0
    fi
fi
stat --printf='user=%U\ngroup=%G\n' -- /proc/self/
say clock "$(date +%s%3N)"
while read -r name value _; do
    if [ "$name" = MemTotal: ]; then say memory "$value"; fi
done </proc/meminfo
say cores "$(nproc)"
if read -r _ _ release _ </proc/version; then say kernel "$release"; fi
tools timeout flock base64 sync setsid stat find mv cmp sha256sum
say tools.missing "${missing# }"
[ "$TOOLKIT_PART" = all ] || engine
[ -z "${TOOLKIT_SERVICE:-}" ] || service
machine_places
if [ -r "$TOOLKIT_STATE_DIR/node.env" ]; then
    # shellcheck disable=SC2016  # the inner shell's
    say deployed.data "$(sh -c '. "$1" && printf %s "$PGDATA"' sh "$TOOLKIT_STATE_DIR/node.env" </dev/null)"
fi
if [ -r "$TOOLKIT_STATE_DIR/stamp" ]; then say stamp "$(cat "$TOOLKIT_STATE_DIR/stamp")"; fi
if is_unfinished; then say initializing yes; fi
number=0
for file; do
    if [ -f "$file" ] && [ -r "$file" ]; then
        hash=$(sha256sum <"$file")
        say "file.$number" "$(stat -c %a -- "$file") ${hash%% *}"
    fi
    number=$((number + 1))
done
say end yes
