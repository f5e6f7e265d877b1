#!/bin/sh
# remove.sh — take a node's files away for `toolkit undeploy`; the data only when told so.
#
# Runs on:   the node, as the PostgreSQL owner, read from standard input: nothing is installed.
# Knows:     TOOLKIT_DRY_RUN TOOLKIT_REMOVE_DATA TOOLKIT_CONFIG_DIR TOOLKIT_STATE_DIR
#            TOOLKIT_RUNTIME_DIR PGDATA.
# Succeeds:  exit 0; the last line is end. 3: refused, because a server runs.
# Retry:     at any time: what is gone is gone.
# Prints:    `+ COMMAND` for each change, `note: TEXT`, `server: PID` while one of ours runs.
set -eu
PATH=/usr/local/bin:/usr/bin:/bin:${PATH:-}
LC_ALL=C
export PATH LC_ALL
# Root's own folder, where this may begin, is closed to the owner.
cd /

say() { printf '%s\n' "$*"; }

# As one could type it.
quoted() {
    for word; do
        case $word in
            *[!A-Za-z0-9/._:,@=+-]* | '') printf " '%s'" "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
}

run() {
    say "+$(quoted "$@")"
    [ "$TOOLKIT_DRY_RUN" = 1 ] || "$@" </dev/null >&2
}

holds_anything() { # FOLDER
    [ -d "$1" ] && [ -n "$(find "$1" -mindepth 1 -maxdepth 1 -print -quit)" ]
}

# Nothing but this tells the node's data from another's.
is_ours() { [ -e "$TOOLKIT_STATE_DIR/stamp" ]; }

postmaster() {
    pid=''
    [ ! -r "$PGDATA/postmaster.pid" ] || read -r pid <"$PGDATA/postmaster.pid" || :
    case $pid in '' | *[!0-9]*) return 0 ;; esac
    if [ -d "/proc/$pid" ]; then say "$pid"; fi
}

remove_data() {
    is_ours || {
        [ ! -e "$PGDATA" ] || say "note: $PGDATA stays: nothing shows any more whose it is"
        return 0
    }
    for folder in "$PGDATA" "$PGDATA".aside.*; do
        [ -d "$folder" ] || continue
        if holds_anything "$folder/pg_tblspc"; then
            say "note: the tablespaces of $folder stay: $(find "$folder/pg_tblspc" -type l -printf '%l ')"
        fi
        if [ -f "$folder/PG_VERSION" ]; then run rm -rf -- "$folder"; fi
    done
    if holds_anything "$TOOLKIT_STATE_DIR/set-aside"; then run rm -rf -- "$TOOLKIT_STATE_DIR/set-aside"; fi
}

keep_data() {
    for folder in "$PGDATA" "$PGDATA".aside.* "$TOOLKIT_STATE_DIR/set-aside"; do
        if holds_anything "$folder"; then say "note: $folder stays"; fi
    done
}

remove_files() {
    for folder in "$TOOLKIT_RUNTIME_DIR" "$TOOLKIT_CONFIG_DIR"; do
        if holds_anything "$folder"; then run find "$folder" -mindepth 1 -delete; fi
    done
    if [ -d "$TOOLKIT_STATE_DIR" ] &&
        [ -n "$(find "$TOOLKIT_STATE_DIR" -mindepth 1 -maxdepth 1 ! -name set-aside -print -quit)" ]; then
        run find "$TOOLKIT_STATE_DIR" -mindepth 1 -maxdepth 1 ! -name set-aside ! -name stamp \
            -exec rm -rf -- '{}' +
        # Last: until then this node is ours.
        run rm -f -- "$TOOLKIT_STATE_DIR/stamp"
    fi
    [ "$TOOLKIT_DRY_RUN" = 1 ] || remove_folders
}

# Those that stand in one of root's stay, empty.
remove_folders() {
    for folder in "$TOOLKIT_RUNTIME_DIR" "$TOOLKIT_CONFIG_DIR" "$TOOLKIT_STATE_DIR"; do
        for one in "$folder" "${folder%/*}" "${folder%/*/*}"; do
            if [ -d "$one" ] && ! holds_anything "$one" && [ -w "${one%/*}" ]; then rmdir -- "$one"; fi
        done
    done
}

server=$(postmaster)
if [ -n "$server" ] && is_ours; then
    say "server: $server"
    if [ "$TOOLKIT_DRY_RUN" = 0 ]; then
        say "refused: PostgreSQL (pid $server) runs on $PGDATA again"
        say "next: see who started it, then undeploy again"
        exit 3
    fi
fi
if [ "$TOOLKIT_REMOVE_DATA" = 1 ]; then
    [ -z "$server" ] || is_ours || {
        say "refused: PostgreSQL (pid $server) runs on $PGDATA, and is not ours"
        say "next: stop it, or leave --remove-data out"
        exit 3
    }
    remove_data
else
    keep_data
fi
remove_files
say end
