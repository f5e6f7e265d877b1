#!/bin/sh
# inspect — look at this node's files and change nothing; lies in STATE_DIR/bin.
#
# Runs on:   the node, as the PostgreSQL owner, whatever state PostgreSQL is in.
# Knows:     ../node.env
# Succeeds:  exit 0 with end=yes as the last line.
# Retry:     never.
# Prints:    key=value lines; what can't be told is left out.
set -eu
PATH=/usr/local/bin:/usr/bin:/bin:${PATH:-}
LC_ALL=C
export PATH LC_ALL
cd -- "${0%/*}/.."
# shellcheck source=/dev/null
. ./node.env
: "${TOOLKIT_RUNTIME_DIR:?}" "${PGDATA:?}" "${PG_BINDIR:?}"

# The files of a docker node lie in its volume: this looks where they are. What may hold a server beside
# its container, or after it, only the machine shows.
look_inside() {
    export TOOLKIT_CONTAINER TOOLKIT_VOLUME
    held=$(./bin/container holders)
    # A container that stops under the look is looked at again, stopped.
    ./bin/container look "$PWD/bin/inspect" || ./bin/container look "$PWD/bin/inspect"
    printf '%s\n' "$held" | while read -r kind _ name; do
        case $kind$name in
            '' | "container$TOOLKIT_CONTAINER") ;;
            *) tell orphans yes ;;
        esac
    done
}

tell() { printf '%s=%s\n' "$1" "$2"; }

if [ -n "${TOOLKIT_CONTAINER:-}" ] && [ -z "${TOOLKIT_INSIDE:-}" ]; then
    look_inside
    exit 0
fi

boot_id=unknown
read -r boot_id </proc/sys/kernel/random/boot_id || :
tell boot_id "$boot_id"
if [ -r stamp ] && read -r term step <stamp; then tell stamp "$term.$step"; else tell stamp 0.0; fi
if [ -e "$TOOLKIT_RUNTIME_DIR/open.conf" ]; then tell opened yes; fi
unfinished=none
if [ -r marker ]; then read -r unfinished _ <marker || :; fi
tell marker "$unfinished"

if [ ! -d "$PGDATA" ]; then
    kind=missing
elif [ -e "$PGDATA/PG_VERSION" ] && [ -e "$PGDATA/global/pg_control" ]; then
    kind=pgdata
elif [ -z "$(find "$PGDATA" -mindepth 1 -maxdepth 1 -print -quit 2>/dev/null)" ]; then
    kind=empty
else
    kind=foreign
fi
tell data_directory "$kind"

state=stopped
if [ -r "$PGDATA/postmaster.pid" ] && read -r pid <"$PGDATA/postmaster.pid" &&
    [ "$(readlink -- "/proc/$pid/cwd" 2>/dev/null)" = "$(readlink -f -- "$PGDATA")" ]; then
    case $(sed -n '8s/ *$//p' "$PGDATA/postmaster.pid") in
        ready | standby | stopping) state="running $pid" ;;
        *) state="starting $pid" ;;
    esac
fi
tell postmaster "$state"
# A killed postmaster's backend in a loop of commits goes on without it. Known by its name and its
# directory: the binary may have been replaced, and the link to it too.
if [ "$state" != stopped ] || [ ! -d "$PGDATA" ]; then
    tell orphans no
elif home=$(readlink -f -- "$PGDATA") &&
    found=$(find /proc/[0-9]*/cwd -maxdepth 0 -printf '%h %l\n' 2>/dev/null || [ $? = 1 ]); then
    orphans=no
    for process in $(printf '%s\n' "$found" | home="$home" awk '
        { path = $0; sub(/^[^ ]* /, "", path) } path == ENVIRON["home"] { print $1 }'); do
        case $(readlink -- "$process/exe" 2>/dev/null) in
            */postgres | */"postgres (deleted)") orphans=yes ;;
        esac
    done
    tell orphans "$orphans"
fi
if [ "$kind" = pgdata ]; then
    if [ -e "$PGDATA/standby.signal" ]; then tell standby_signal yes; fi
    "$PG_BINDIR/pg_controldata" -D "$PGDATA" 2>/dev/null | sed -n "
        s/^Database system identifier: */system_identifier=/p
        s/^Database cluster state: */state=/p
        s/^Latest checkpoint location: */checkpoint_lsn=/p
        s/^Latest checkpoint's TimeLineID: */timeline=/p
        s/^Minimum recovery ending location: */min_recovery_end=/p
        s/^Min recovery ending loc's timeline: */min_recovery_timeline=/p
        s/^wal_log_hints setting: *on/wal_log_hints=yes/p
        s/^Data page checksum version: *[1-9].*/data_checksums=yes/p
    " || :
    # The newest segment names the timeline that was written last.
    newest=0
    for file in "$PGDATA"/pg_wal/*; do
        name=${file##*/}
        case $name in
            ????????.history)
                tell "history.$((0x${name%.history}))" "$(base64 -w 0 -- "$file")"
                ;;
            ????????????????????????)
                number=$((0x${name%????????????????}))
                [ "$number" -le "$newest" ] || newest=$number
                ;;
        esac
    done
    [ "$newest" = 0 ] || tell wal_timeline "$newest"
fi
tell end yes
