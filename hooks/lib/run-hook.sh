#!/bin/sh
# run-hook — the wrapper around every hook of a node; lies in STATE_DIR/bin.
#
# Runs on:   the node, as the SSH user: run-hook TERM STEP HOOK SECONDS -- program [argument…]
# Knows:     the environment of the hook, which it hands on; its JSON document on standard input.
#            TOOLKIT_STOP_BEFORE names the hook that a stop makes room for: it is not done after it.
# Succeeds:  exit 0 once the hook has, or when it had in this step already (its results are printed
#            again). Otherwise the hook's own exit status; 124 after the deadline; 66 no such program;
#            73 neither stamp nor record can be stored, and no hook was started. fence_command runs all the same.
# Retry:     exit 75 (another hook of this node runs). 76: a higher term or step was accepted.
# Prints:    what the hook printed, the last 64 KiB of each stream.
set -eu
umask 077
PATH=/usr/local/bin:/usr/bin:/bin:${PATH:-}
export PATH
cd -- "${0%/*}/.."
hook=${3-?}
program="run-hook $hook"
# shellcheck source=hooks/lib/node-lib.sh
. ./bin/node-lib.sh

if [ "$#" -lt 6 ] || ! is_number "$1" || ! is_number "$2" || ! is_number "$4" || [ "$5" != -- ]; then
    refuse 64 "usage: run-hook TERM STEP HOOK SECONDS -- program [argument…]"
fi
term=$1 step=$2 seconds=$4
shift 5
case $hook in
    *[!a-zA-Z0-9_.-]* | .*) refuse 64 "a hook's name has letters, digits, _ . - only" ;;
esac
dry=${TOOLKIT_DRY_RUN:-0}
mark=marks/$term.$step.$hook

# What these leave may have been undone since by another hand, or by a restart: they look for
# themselves.
looks_for_itself() {
    case $hook in
        service_* | fence_command | promote_command | follow_command) ;;
        # Asked for once each time that the standbys are lost, whatever the step is then.
        child_nodes_disconnect_command) ;;
        *) return 1 ;;
    esac
}

# Done by an earlier attempt of this step: the same results again.
leave_if_done() {
    [ "$dry" = 0 ] || return 0
    # A stop makes room for a hook. That one is done: what it has started must not be stopped.
    if [ "$hook" = service_stop_command ] && [ -e "marks/$term.$step.${TOOLKIT_STOP_BEFORE:-}" ]; then
        printf 'run-hook %s: %s is done already in step %s\n' "$hook" "$TOOLKIT_STOP_BEFORE" "$step" >&2
        exit 0
    fi
    if [ ! -e "$mark" ] || looks_for_itself; then return 0; fi
    cat -- "$mark"
    printf 'run-hook %s: done already in step %s\n' "$hook" "$step" >&2
    exit 0
}

# Waiting for a lock counts against the deadline.
read -r began _ </proc/uptime
time_left() {
    read -r now _ </proc/uptime
    left=$((seconds - (${now%.*}${now#*.} - ${began%.*}${began#*.}) / 100))
    [ "$left" -gt 0 ]
}

# What can't be stored stops any hook but the one that only takes away.
unstored() {
    [ "$hook" = fence_command ] || refuse 73 "cannot store $1: look at the space that is left there"
    printf '%s: cannot store %s: it runs all the same\n' "$program" "$1" >&2
}

store_stamp() {
    printf '%s %s\n' "$term" "$step" >stamp.new && store stamp
}

# Tells who runs this hook; the child itself does, so that none runs that nobody knows of.
record() {
    read -r own _ </proc/self/stat
    start_time "$own" && read -r boot </proc/sys/kernel/random/boot_id &&
        printf '%s %s %s %s %s\n' "$term" "$step" "$own" "$start_time" "$boot" >hook.running.new &&
        store hook.running
}

keep_mark() {
    [ -d marks ] || mkdir marks || return 1
    # A done-mark of an earlier step is of no use: the stamp refuses that step.
    for old in marks/*; do
        case $old in
            "marks/$term.$step."* | 'marks/*') ;;
            *) rm -f -- "$old" ;;
        esac
    done
    : >"$mark.new" || return 1
    # Without a result there is no line to keep: that is no failure.
    grep -a '^toolkit:[a-z_]*=' "$out/hook.out" >"$mark.new" || [ $? = 1 ] || return 1
    mv -f -- "$mark.new" "$mark"
}

# Read whole before anything can end this: the other side never writes into a broken pipe.
document=$(cat)
exec 8>>hook.lock 9>>lock
flock -w "$seconds" 9 || refuse 75 "the node's lock is held; try again"
refuse_stale
end_older_hook
leave_if_done
[ -x "$1" ] || refuse 66 "there is no program $1 on this node; upload it again"
if [ "$dry" = 0 ]; then
    [ "$term.$step" = "$old_term.$old_step" ] || store_stamp || unstored "$PWD/stamp"
    # A rename is durable when its folder is; the one that an attempt before this made may not be yet.
    sync -- . || unstored "$PWD/stamp"
fi

# Hooks of one node wait for each other, without the node's lock: node-apply never waits for a hook.
if ! flock -n 8; then
    flock -u 9
    if ! time_left || ! flock -w "$left" 8; then refuse 75 "another hook of this node still runs; try again"; fi
    flock -w 2 9 || refuse 75 "the node's lock is held; try again"
    refuse_stale
    leave_if_done
fi
time_left || refuse 75 "the node's locks were held until now; try again"

# A hook that still runs has lost its wrapper: nobody waits for it, nobody reads what it says.
if hook_runs; then end_group "$hook_group" 70; fi
# Output goes to files: a daemon that keeps the streams open then neither blocks us nor its runner.
# A full disk has no room for a word; a hook would end by it.
out=.
if ! { printf '\n' >hook.out && printf '\n' >hook.err; } 2>/dev/null; then
    [ "$hook" = fence_command ] || refuse 73 "cannot store what $hook says: look at the space that is left in $PWD"
    out=${TOOLKIT_RUNTIME_DIR:?}
    [ -d "$out" ] || mkdir -p -- "$out"
fi
# Whatever ends this ends the hook; a signal may come before its number is kept.
trap 'if [ -n "${!:-}" ]; then end_group "$!" 70; fi' TERM INT HUP EXIT
(
    record || unstored "$PWD/hook.running"
    # The node's lock is the child's too until here: nobody starts another beside it unseen. A
    # statement of its own: the process that feeds a long document would inherit them saved.
    exec 8>&- 9>&-
    exec setsid timeout --kill-after=2 "$left" "$@" <<DOCUMENT >"$out/hook.out" 2>"$out/hook.err"
$document
DOCUMENT
) &
group=$!
exec 9>&-

status=0
wait "$group" || status=$?
trap - TERM INT HUP EXIT
# Nothing of a hook outlives it; what it started for good has a session of its own.
if kill -s 0 -- "-$group" 2>/dev/null; then end_group "$group" 100; fi
rm -f hook.running

# Before anything is printed: who asked may be gone, and the pipe with them.
if [ "$status" = 0 ] && [ "$dry" = 0 ] && ! looks_for_itself; then
    keep_mark || printf '%s: cannot store that it is done: it is done again when asked again\n' "$program" >&2
fi
[ ! -s "$out/hook.out" ] || tail -c 65536 "$out/hook.out"
[ ! -s "$out/hook.err" ] || tail -c 65536 "$out/hook.err" >&2
if [ "$status" -ne 0 ]; then
    # Ended because of a higher term? Whoever ends a hook stores its stamp before it lets the lock go.
    exec 9>>lock
    flock -w 2 9 && refuse_stale
fi
[ "$status" != 137 ] || status=124
exit "$status"
