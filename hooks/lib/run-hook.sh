#!/bin/sh
# run-hook — the wrapper around every hook of a node; lies in STATE_DIR/bin.
#
# Runs on:   the node, as the SSH user: run-hook TERM STEP HOOK SECONDS -- program [argument…]
# Knows:     the environment of the hook, which it hands on; its JSON document on standard input.
# Succeeds:  exit 0 once the hook has, or when it had in this step already (its results are printed
#            again). Otherwise the hook's own exit status; 124 after the deadline; 66 no such program.
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

# Done by an earlier attempt of this step: the same results again.
leave_if_done() {
    [ "$dry" = 0 ] || return 0
    # A stop makes room for a hook. That one is done: what it has started must not be stopped.
    if [ "$hook" = service_stop_command ] && [ -e "marks/$term.$step.${TOOLKIT_STOP_BEFORE:-}" ]; then
        printf 'run-hook %s: %s is done already in step %s\n' "$hook" "$TOOLKIT_STOP_BEFORE" "$step" >&2
        exit 0
    fi
    [ -e "$mark" ] || return 0
    # A server that was stopped or started may have been started or stopped again since, by another
    # hand: these hooks look for themselves.
    case $hook in service_* | fence_command) return 0 ;; esac
    cat -- "$mark"
    printf 'run-hook %s: done already in step %s\n' "$hook" "$step" >&2
    exit 0
}

# Read whole before anything can end this: the other side never writes into a broken pipe.
document=$(cat)
exec 8>>hook.lock 9>>lock
flock -w "$seconds" 9 || refuse 75 "the node's lock is held; try again"
refuse_stale
end_older_hook
leave_if_done
[ -x "$1" ] || refuse 66 "there is no program $1 on this node; upload it again"
if [ "$dry" = 0 ] && [ "$term.$step" != "$old_term.$old_step" ]; then
    printf '%s %s\n' "$term" "$step" >stamp.new
    store stamp
    sync -- .
fi

# Hooks of one node wait for each other, without the node's lock: node-apply never waits for a hook.
# The wait counts against the deadline.
left=$seconds
if ! flock -n 8; then
    flock -u 9
    read -r began _ </proc/uptime
    flock -w "$seconds" 8 || refuse 75 "another hook of this node still runs; try again"
    read -r now _ </proc/uptime
    left=$((seconds - (${now%.*} - ${began%.*})))
    [ "$left" -gt 0 ] || refuse 75 "another hook of this node ran until now; try again"
    flock -w 2 9 || refuse 75 "the node's lock is held; try again"
    refuse_stale
    leave_if_done
fi

# A hook that still runs has lost its wrapper: nobody waits for it, nobody reads what it says.
if hook_runs; then end_group "$hook_group" 70; fi
# Output goes to files: a daemon that keeps the streams open then neither blocks us nor its runner.
[ -d marks ] || mkdir marks
setsid timeout --kill-after=2 "$left" "$@" <<DOCUMENT >hook.out 2>hook.err 8>&- 9>&- &
$document
DOCUMENT
group=$!
trap 'end_group "$group" 70' TERM INT HUP
if start_time "$group"; then
    read -r boot </proc/sys/kernel/random/boot_id
    printf '%s %s %s %s %s\n' "$term" "$step" "$group" "$start_time" "$boot" >hook.running
fi
flock -u 9

status=0
wait "$group" || status=$?
trap - TERM INT HUP
# Nothing of a hook outlives it; what it started for good has a session of its own.
if kill -s 0 -- "-$group" 2>/dev/null; then end_group "$group" 100; fi
rm -f hook.running
[ ! -s hook.out ] || tail -c 65536 hook.out
[ ! -s hook.err ] || tail -c 65536 hook.err >&2
if [ "$status" -ne 0 ]; then
    # Ended because of a higher term? Whoever ends a hook stores its stamp before it lets the lock go.
    flock -w 2 9 && refuse_stale
fi
case $status in
    0)
        [ "$dry" = 0 ] || exit 0
        # A done-mark of an earlier step is of no use: the stamp refuses that step.
        for old in marks/*; do
            case $old in
                "marks/$term.$step."* | 'marks/*') ;;
                *) rm -f -- "$old" ;;
            esac
        done
        if [ -s hook.out ]; then grep -a '^toolkit:[a-z_]*=' hook.out >"$mark.new" || :; else : >"$mark.new"; fi
        mv -f -- "$mark.new" "$mark"
        ;;
    137) status=124 ;;
esac
exit "$status"
