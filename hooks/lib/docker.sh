#!/bin/sh
# docker.sh — PostgreSQL in a container of this machine.
#
# Runs on:   the node's machine, as the PostgreSQL owner, who may use Docker; sourced by common.sh.
# Knows:     TOOLKIT_CONTAINER TOOLKIT_VOLUME TOOLKIT_HOOK TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR
#            TOOLKIT_TIMEOUT_SECONDS PGDATA
# Succeeds:  defines functions. A hook that works on the data directory or on the server's processes is
#            run where these are: in the container, or in one of its own while that is stopped.
# Retry:     nothing to retry.
# Prints:    nothing by itself.

: "${here:?}" "${marker:?}" "${TOOLKIT_CONTAINER:?}" "${TOOLKIT_VOLUME:?}"

container() { sh "$here/lib/container.sh" "$@"; }

# Not to know ends the hook: it is never "stopped".
postmaster_runs() {
    state=$(container state) || fail "refused: nobody knows whether $TOOLKIT_CONTAINER runs"
    case $state in
        running | paused | restarting) ;;
        *) return 1 ;;
    esac
}

# The container's first process stands for the server: both end together.
postmaster_pid() {
    postmaster_runs && docker container inspect --format '{{.State.Pid}}' "$TOOLKIT_CONTAINER"
}

# shellcheck disable=SC2016 # a shell in the container reads this
in_recovery() { container look sh -c '[ -e "$PGDATA/standby.signal" ] || [ -e "$PGDATA/recovery.signal" ]' </dev/null; }

# Whatever may hold a server of this volume counts, whoever has made it.
no_server_process() { held=$(container holders) && [ -z "$held" ]; }

# Ends all that may hold a server of the volume. SIGKILL for a container's first process is the end of
# all its processes, frozen ones too.
stop_at_once() {
    held=$(container holders) || fail "the containers of volume $TOOLKIT_VOLUME can't be looked at"
    while read -r kind id name; do
        case $kind in
            container)
                log "ending container $name at once"
                docker kill "$id" >/dev/null || :
                ;;
            process) kill -s KILL "$id" 2>/dev/null || : ;;
        esac
    done <<HELD
$held
HELD
}

end_orphans() {
    stop_at_once
    wait_until 1 no_server_process || fail "what holds volume $TOOLKIT_VOLUME can't be ended: $held"
}

# A policy of somebody else's would start it again, locked.
keep_down() { docker update --restart no "$TOOLKIT_CONTAINER" >/dev/null || :; }

# The server would not see one in another container that has the same files, nor that one it: their
# process numbers and their shared memory are each their own.
clear_the_way() {
    no_server_process || docker rm --force --volumes "$TOOLKIT_CONTAINER.work" >/dev/null 2>&1 || :
    wait_until 1 no_server_process || fail "refused: something holds volume $TOOLKIT_VOLUME: ${held:-see above}"
}

# Starts the server locked.
start_postgres() {
    [ ! -e "$marker" ] || fail "refused: $marker stands ($(cat -- "$marker")); rejoin or clone the node first"
    clear_the_way
    mkdir -p -- "$TOOLKIT_RUNTIME_DIR"
    rm -f -- "$TOOLKIT_RUNTIME_DIR/open.conf"
    docker start "$TOOLKIT_CONTAINER" >/dev/null ||
        fail "Docker did not start $TOOLKIT_CONTAINER: see above; docker-run.sh makes it"
    # shellcheck disable=SC2016 # the container's shell reads this
    if ! status=$(docker exec --env PGDATA --env TOOLKIT_STATE_DIR --env TOOLKIT_RUNTIME=native \
        --env TOOLKIT_SERVICE=inside "$TOOLKIT_CONTAINER" sh -c 'here=$1
            . "$1/lib/common.sh"
            wait_until "$2" postmaster_settled && postmaster_status' sh "$here" "${1:-60}" 2>/dev/null); then
        if postmaster_runs; then retry_later "PostgreSQL is still starting"; fi
        docker logs --tail 20 "$TOOLKIT_CONTAINER" >&2 || :
        fail "PostgreSQL did not start; the end of its log stands above"
    fi
    log "PostgreSQL started ($status)"
}

# stop_postgres fast|immediate|smart
stop_postgres() {
    case $1 in
        fast) signal=INT ;;
        immediate) signal=QUIT ;;
        *) signal=TERM ;;
    esac
    if postmaster_runs; then
        docker kill --signal "$signal" "$TOOLKIT_CONTAINER" >/dev/null || :
        # No SIGKILL follows: a shutdown checkpoint takes as long as it takes.
        timeout "${TOOLKIT_TIMEOUT_SECONDS:-60}" docker wait "$TOOLKIT_CONTAINER" >/dev/null ||
            retry_later "PostgreSQL is still stopping"
    fi
    clear_the_way
    log "PostgreSQL is stopped"
}

# Runs this hook again where the files and processes of the server are. Comes back only from a container
# that is stopped, and was to serve.
go_inside() {
    # A container of its own sees no server beside it: this machine has to look first.
    if [ "$1" = work ] && ! postmaster_runs; then clear_the_way; fi
    status=0
    container "$1" timeout --kill-after=2 "${TOOLKIT_TIMEOUT_SECONDS:-60}" "$0" </dev/null || status=$?
    case $1$status in
        serve11) ;;
        # inside.sh has left the start to us.
        work10)
            start_postgres "${TOOLKIT_TIMEOUT_SECONDS:-60}"
            exit 0
            ;;
        *) exit "$status" ;;
    esac
}

# A drop-in has another name, and is run where it was put.
if [ "${0##*/}" = "${TOOLKIT_HOOK:-}.sh" ]; then
    case $TOOLKIT_HOOK in
        rejoin_command | clone_command | follow_command) go_inside work ;;
        promote_command | standby_disconnect_command | service_reload_command | service_status_command)
            go_inside serve
            ;;
    esac
fi
