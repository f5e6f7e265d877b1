/// Programs of PostgreSQL's names that write down how they were called, as `NAME NUL ARGUMENT NUL …`
/// and a byte 1 behind each call. A server is a process of that name that sleeps in its directory.
enum RecordingPrograms {
    static let names = [
        "pg_ctl", "psql", "postgres", "pg_basebackup", "pg_rewind", "pg_controldata",
    ]

    /// One script for all of them; `RECORD` names the file, `OUT` holds a sleeper called postgres.
    static let script = #"""
        #!/bin/sh
        set -eu
        name=${0##*/}
        printf '%s\0' "$name" "$@" >>"$RECORD"
        printf '\001' >>"$RECORD"
        case $name in
            postgres)
                if [ "$1" = --single ]; then exit 0; fi
                printf '%s\n' "$$" "$2" 1 1 /tmp 127.0.0.1 1 'ready   ' >"$2/postmaster.pid.new"
                cd -- "$2"
                mv postmaster.pid.new postmaster.pid
                exec "$OUT/sleeper/postgres" 60
                ;;
            pg_ctl)
                if [ "$1" = stop ]; then
                    read -r pid <"${2#--pgdata=}/postmaster.pid"
                    kill "$pid"
                fi
                ;;
            psql) echo 0 ;;
            pg_basebackup)
                mkdir -p -- "${1#--pgdata=}"
                echo 15 >"${1#--pgdata=}/PG_VERSION"
                ;;
            pg_controldata)
                echo "Database cluster state:               shut down"
                echo "Latest checkpoint location:           0/3000028"
                echo "Latest checkpoint's TimeLineID:       1"
                echo "Bytes per WAL segment:                16777216"
                ;;
        esac
        """#

    /// Before a hook: its directories, and a server where it needs one.
    static let preparation = #"""
        set -eu
        prepare() {
            mkdir -p -- "${PGDATA%/*}" "$TOOLKIT_STATE_DIR" "$TOOLKIT_RUNTIME_DIR" "${PG_BINDIR%/*}"
            ln -s -- "$OUT/programs" "$PG_BINDIR"
            : >"$TOOLKIT_RUNTIME_DIR/open.conf"
            [ "$1" != clone_command ] || return 0
            mkdir -p -- "$PGDATA/pg_wal"
            echo 15 >"$PGDATA/PG_VERSION"
            case $1 in
                rejoin_command | service_start_command) return 0 ;;
                promote_command | follow_command) : >"$PGDATA/standby.signal" ;;
            esac
            # No background job of this shell: that would ignore SIGQUIT.
            RECORD=/dev/null setsid --fork "$PG_BINDIR/postgres" -D "$PGDATA" </dev/null >/dev/null 2>&1
            until [ -e "$PGDATA/postmaster.pid" ]; do sleep 0.01; done
        }
        # Its status, and what it said of itself, behind what the programs have written.
        finish() {
            printf 'status\0%s\0\001' "$1" >>"$RECORD"
            for file in "$TOOLKIT_RUNTIME_DIR/open.conf" "$PGDATA/standby.signal"; do
                if [ -e "$file" ]; then printf 'file\0%s\0\001' "${file##*/}" >>"$RECORD"; fi
            done
            if read -r pid _ 2>/dev/null <"$PGDATA/postmaster.pid"; then
                kill -s KILL "$pid" 2>/dev/null || :
            fi
        }
        """#
}
