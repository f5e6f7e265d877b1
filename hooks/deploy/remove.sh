#!/bin/sh
# remove.sh — take a node's files away for `toolkit undeploy`; the data only when told so.
#
# Runs on:   the node, as the PostgreSQL owner, read from standard input behind unfinished.sh: nothing
#            is installed. For a docker node behind remove-container.sh, too.
# Knows:     TOOLKIT_DRY_RUN TOOLKIT_REMOVE_DATA TOOLKIT_CONFIG_DIR TOOLKIT_STATE_DIR
#            TOOLKIT_RUNTIME_DIR TOOLKIT_NODES (all of the cluster) PGDATA TMPFILES_PATH (empty when
#            root goes on after this); for a docker node TOOLKIT_CONTAINER and TOOLKIT_VOLUME.
# Succeeds:  exit 0; the last line is end. 3: refused, because a server runs.
# Retry:     at any time: what is gone is gone.
# Prints:    `+ COMMAND` for each change, `note: TEXT`, `kept: TEXT` for data that were asked for and
#            stay, `stamp: TERM STEP`, `server: PID` while one of ours runs.
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

# Nothing but what a deployment has left here tells this node's data from another's. After an interrupted
# initdb files and stamp may be missing.
is_ours() {
    { [ -e "$TOOLKIT_STATE_DIR/stamp" ] && [ "$(recorded)" = "$place" ]; } || is_unfinished
}

# Where its data are: a folder of the machine, or of a volume that its container has.
place=$PGDATA${TOOLKIT_CONTAINER:+ in the volume $TOOLKIT_VOLUME of the container $TOOLKIT_CONTAINER}

recorded() {
    if [ -r "$TOOLKIT_STATE_DIR/node.env" ]; then
        # shellcheck disable=SC2016  # the inner shell's
        env -u TOOLKIT_CONTAINER sh -c '. "$1" &&
            printf %s "$PGDATA${TOOLKIT_CONTAINER:+ in the volume $TOOLKIT_VOLUME of the container $TOOLKIT_CONTAINER}"' \
            sh "$TOOLKIT_STATE_DIR/node.env" </dev/null
    fi
}

# A number may have become another process's.
postmaster() {
    pid=''
    [ ! -r "$PGDATA/postmaster.pid" ] || read -r pid <"$PGDATA/postmaster.pid" || :
    case $pid in '' | *[!0-9]*) return 0 ;; esac
    if [ "$(readlink -- "/proc/$pid/cwd")" = "$(readlink -f -- "$PGDATA")" ]; then say "$pid"; fi
}

refuse() { # TEXT NEXT
    say "refused: $1"
    say "next: $2"
    exit 3
}

has_files() {
    for folder in "$TOOLKIT_RUNTIME_DIR" "$TOOLKIT_CONFIG_DIR" "$TOOLKIT_STATE_DIR"; do
        if holds_anything "$folder"; then return 0; fi
    done
    return 1
}

look_at_server() {
    server=$(postmaster)
    if [ -z "$server" ]; then return 0; fi
    if is_ours; then
        say "server: $server"
        [ "$TOOLKIT_DRY_RUN" = 1 ] ||
            refuse "PostgreSQL (pid $server) runs on $PGDATA again" "see who started it, then undeploy again"
    elif has_files; then
        refuse "PostgreSQL (pid $server) runs on $PGDATA, and nothing shows that it is ours" \
            "correct data_dir in cluster.yaml, or stop that server"
    fi
}

remove_data() {
    if [ -n "${TOOLKIT_CONTAINER:-}" ]; then remove_volume; else remove_data_folders; fi
    if is_ours && [ -d "$TOOLKIT_STATE_DIR/set-aside" ]; then
        run rm -rf -- "$TOOLKIT_STATE_DIR/set-aside"
    fi
}

remove_data_folders() {
    for folder in "$PGDATA" "$PGDATA".aside.* "$PGDATA".clone.*; do
        [ -d "$folder" ] || continue
        if ! is_ours; then
            say "kept: $folder: nothing shows that it is of this node"
            continue
        fi
        if holds_anything "$folder/pg_tblspc"; then
            say "kept: the tablespaces of $folder: $(find "$folder/pg_tblspc" -type l -printf '%l ')"
        fi
        delete_data "$folder"
    done
}

# What tells a cluster's data goes last, so that this can be gone on with.
delete_data() { # FOLDER, or a link to it
    real=$(readlink -f -- "$1")
    if holds_anything "$real" && [ ! -f "$real/PG_VERSION" ] && ! is_unfinished; then
        case $1 in
            "$PGDATA".clone.*) ;;
            *)
                say "kept: $1 holds no PostgreSQL cluster"
                return 0
                ;;
        esac
    fi
    # First: no server starts on half of its data.
    if [ -e "$real/global/pg_control" ]; then run rm -f -- "$real/global/pg_control"; fi
    if [ -n "$(find "$real" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -print -quit)" ]; then
        run find "$real" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec rm -rf -- '{}' +
    fi
    run rm -rf -- "$real"
    if [ -L "$1" ]; then run rm -f -- "$1"; fi
}

keep_data() {
    if [ -n "${TOOLKIT_CONTAINER:-}" ]; then
        keep_volume
        set --
    else
        set -- "$PGDATA" "$PGDATA".aside.*
    fi
    for folder in "$@" "$TOOLKIT_STATE_DIR/set-aside"; do
        if holds_anything "$folder"; then say "note: $folder stays"; fi
    done
}

# The configuration of a server that was adopted while it ran.
give_back() {
    [ -r "$TOOLKIT_STATE_DIR/adopted" ] || return 0
    while IFS= read -r file; do
        grep -q '^# toolkit: from here its own lines' "$file" 2>/dev/null || continue
        [ "$(grep -c '^# toolkit: from here its own lines' "$file")" = "$(grep -c '^# toolkit: end of its lines' "$file")" ] ||
            refuse "$file has one of the two lines around what toolkit has put there" "take its lines out by hand"
        run sed -i '/^# toolkit: from here its own lines/,/^# toolkit: end of its lines/d' "$file"
        say "note: $file.before-toolkit is that file as it was"
    done <"$TOOLKIT_STATE_DIR/adopted"
}

remove_files() {
    give_back
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
    for folder in "$TOOLKIT_RUNTIME_DIR" "$TOOLKIT_CONFIG_DIR" "$TOOLKIT_STATE_DIR"; do
        if [ "$TOOLKIT_DRY_RUN" = 1 ]; then foresee_folders "$folder"; else remove_folders "$folder"; fi
    done
}

# Those that stand in one of root's stay, empty.
remove_folders() { # FOLDER
    for one in "$1" "${1%/*}" "${1%/*/*}"; do
        # Another node's turn on this machine may be at the same folder.
        if rmdir -- "$one" 2>/dev/null; then say "+$(quoted rmdir -- "$one")"; fi
    done
}

# Which of them will go once all nodes of this machine had their turn, and root's where root goes on.
foresee_folders() { # FOLDER
    stays=set-aside
    if [ "$TOOLKIT_REMOVE_DATA" = 1 ] && is_ours; then stays=''; fi
    for one in "$1" "${1%/*}" "${1%/*/*}"; do
        [ -d "$one" ] || continue
        [ -w "${one%/*}" ] || [ -z "$TMPFILES_PATH" ] || return 0
        # A name that no node can have becomes one that is none.
        for entry in $(find "$one" -mindepth 1 -maxdepth 1 -printf '%f ' | tr -c 'a-z0-9_ -' /); do
            case $one in
                "$1") [ "$entry" != "$stays" ] || return 0 ;;
                "${1%/*}")
                    case " $TOOLKIT_NODES " in *" $entry "*) ;; *) return 0 ;; esac
                    [ -z "$stays" ] || [ ! -e "$one/$entry/$stays" ] || return 0
                    ;;
                *) [ "$one/$entry" = "${1%/*}" ] || return 0 ;;
            esac
        done
        say "+$(quoted rmdir -- "$one")"
    done
}

recorded=$(recorded)
if [ -n "$recorded" ] && [ "$recorded" != "$place" ]; then
    refuse "this node was deployed with the data_dir $recorded, not $place" "correct cluster.yaml"
fi
if [ -n "${TOOLKIT_CONTAINER:-}" ]; then look_at_container; else look_at_server; fi
if [ -r "$TOOLKIT_STATE_DIR/stamp" ]; then say "stamp: $(cat "$TOOLKIT_STATE_DIR/stamp")"; fi
if [ -n "${TOOLKIT_CONTAINER:-}" ]; then remove_containers; fi
if [ "$TOOLKIT_REMOVE_DATA" = 1 ]; then remove_data; else keep_data; fi
remove_files
if [ -n "$TMPFILES_PATH" ] && [ -e "$TMPFILES_PATH" ]; then
    say "note: what root made stays, such as $TMPFILES_PATH: undeploy with --admin takes it back"
fi
say end
