#!/bin/sh
# node-apply — the only writer of node.conf and open.conf; lies in STATE_DIR/bin.
#
# Runs on:   the node, as the PostgreSQL owner, over SSH or by COPY … TO PROGRAM.
# Knows:     ../node.env; on standard input, one item per line: term N, step N, node.conf BASE64,
#            open.conf BASE64 or `open.conf -` (remove), end. What is absent stays as it is.
# Succeeds:  exit 0 once stamp and files are stored durably and PostgreSQL was told to reload; the
#            same request again does no harm. `node-apply stamp` only prints stamp and boot id.
# Retry:     exit 75 (the lock is held). 76: the node has accepted a higher term or step.
#            65: the request is incomplete. In all three nothing was changed. 73: it can't be stored;
#            an opening that was to be taken away is gone all the same.
# Prints:    stamp=TERM.STEP boot_id=ID reloaded=yes|no, one per line.
set -eu
umask 077
PATH=/usr/local/bin:/usr/bin:/bin:${PATH:-}
LC_ALL=C
export PATH LC_ALL

cd -- "${0%/*}/.."
program='node-apply'
# shellcheck source=hooks/lib/node-lib.sh
. ./bin/node-lib.sh
# shellcheck source=/dev/null
. ./node.env
program="node-apply on ${TOOLKIT_NODE_NAME:-?}"
: "${TOOLKIT_CONFIG_DIR:?}" "${TOOLKIT_RUNTIME_DIR:?}" "${PGDATA:?}"

report() {
    boot=unknown
    read -r boot </proc/sys/kernel/random/boot_id || :
    printf 'stamp=%s.%s\nboot_id=%s\n' "$1" "$2" "$boot"
}

# Decodes $1 into $2.new; false when $2 holds these bytes already.
stage() {
    base64 -d >"$2.new" <<BASE64 || unstored "$2"
$1
BASE64
    if cmp -s "$2.new" "$2"; then
        rm -f -- "$2.new"
        return 1
    fi
}

unstored() { refuse 73 "cannot store $1: look at the space that is left there"; }

# Without a fork, it leaves the folder that it works in.
reload() {
    home=$PWD
    reloaded=no
    if tell_postmaster; then reloaded=yes; fi
    cd -- "$home"
}

tell_postmaster() {
    if [ -n "${TOOLKIT_CONTAINER:-}" ] && [ -z "${TOOLKIT_INSIDE:-}" ]; then
        tell_container
        return
    fi
    { read -r pid <"$PGDATA/postmaster.pid"; } 2>/dev/null && is_number "$pid" || return 1
    # A stale file may name somebody else's process: only one that works in PGDATA is ours.
    { cd -P "/proc/$pid/cwd"; } 2>/dev/null || return 1
    there=$PWD
    cd -P "$PGDATA" || return 1
    [ "$there" = "$PWD" ] && kill -s HUP "$pid" 2>/dev/null
}

# A docker node's postmaster is seen from its machine too, by another number: Docker, which may hang, is
# not asked. Its root is not the machine's and has our state folder. Every sh of Debian's knows -ef.
# shellcheck disable=SC3013
tell_container() {
    for process in /proc/[0-9]*; do
        [ "$process/root$PWD/node.env" -ef node.env ] || continue
        if [ "$process/root/" -ef / ] || [ ! "$process/cwd" -ef "$process/root$PGDATA" ]; then continue; fi
        read -r pid <"$process/root$PGDATA/postmaster.pid" || continue
        while read -r name numbers; do
            if [ "$name" = NSpid: ] && [ "${numbers##*[!0-9]}" = "$pid" ]; then
                kill -s HUP "${process#/proc/}"
                return
            fi
        done <"$process/status"
    done 2>/dev/null
    return 1
}

if [ "${1-}" = stamp ]; then
    read_stamp
    report "$old_term" "$old_step"
    exit 0
fi

term='' step='' node_conf='' open_conf='' ended=no
while read -r item value; do
    case $item in
        term) term=$value ;;
        step) step=$value ;;
        node.conf | open.conf)
            case $item$value in
                node.conf | open.conf) refuse 65 "$item comes without contents" ;;
                open.conf-) ;;
                *[!a-zA-Z0-9+/=.]*) refuse 65 "the contents of $item are not base64" ;;
            esac
            if [ "$item" = node.conf ]; then node_conf=$value; else open_conf=$value; fi
            ;;
        end) ended=yes && break ;;
        *) refuse 65 "unknown item in the request" ;;
    esac
done
if [ "$ended" = no ] || ! is_number "$term" || ! is_number "$step"; then
    refuse 65 "the request is incomplete: nothing was changed; send it again, whole"
fi

exec 9>>lock
flock -w 2 9 || refuse 75 "the lock is held; try again"
refuse_stale
end_older_hook

# Taking away needs no room on a disk, giving does: a node whose disk is full can still be locked.
node_file=$TOOLKIT_CONFIG_DIR/node.conf
open_file=$TOOLKIT_RUNTIME_DIR/open.conf
if [ "$open_conf" = - ] && [ -e "$open_file" ]; then
    rm -f -- "$open_file"
    reload
fi

# Everything is written and synced beside first; the stamp takes its place before any content, so
# that no lower request can follow a higher content.
[ -d "$TOOLKIT_RUNTIME_DIR" ] || mkdir -p -- "$TOOLKIT_RUNTIME_DIR" || unstored "$TOOLKIT_RUNTIME_DIR"
set --
if [ "$term.$step" != "$old_term.$old_step" ]; then
    printf '%s %s\n' "$term" "$step" >stamp.new || unstored "$PWD/stamp"
    set -- "$@" stamp
fi
if [ -n "$node_conf" ] && stage "$node_conf" "$node_file"; then set -- "$@" "$node_file"; fi
case $open_conf in
    '' | -) ;;
    *) if stage "$open_conf" "$open_file"; then set -- "$@" "$open_file"; fi ;;
esac
[ "$#" = 0 ] || store "$@" || unstored "$*"
# A rename is durable when its folder is; the one that an attempt before this made may not be yet.
sync -- . "$TOOLKIT_CONFIG_DIR" "$TOOLKIT_RUNTIME_DIR"
reload
report "$term" "$step"
printf 'reloaded=%s\n' "$reloaded"
