#!/bin/sh
# remove-container.sh — how remove.sh looks at a docker node and takes it away: its container, its volume.
#
# Runs on:   the node's machine, as one who may use Docker, read from standard input ahead of remove.sh.
# Knows:     TOOLKIT_CLUSTER TOOLKIT_NODE_NAME TOOLKIT_CONTAINER TOOLKIT_VOLUME, and as CONTAINER_SCRIPT
#            the text of lib/container.sh, which may have gone from the node.
# Succeeds:  defines functions. PGDATA is the container's: on the machine it is somebody else's path.
# Retry:     nothing to retry.
# Prints:    what remove.sh prints.
set -eu

container() { # VERB
    TOOLKIT_CONTAINER=$TOOLKIT_CONTAINER TOOLKIT_VOLUME=$TOOLKIT_VOLUME \
        sh -c "$CONTAINER_SCRIPT" container "$1" </dev/null
}

# What could not be asked is not missing: nothing is changed.
ask_docker() { # COMMAND…; sets answer
    if answer=$("$@" 2>/dev/null </dev/null); then return 0; fi
    refuse "nobody knows whether its container runs: $("$@" 2>&1 >/dev/null </dev/null | tail -n 1 | sed 's/^container: //')" \
        "see \`docker ps\` there as $(id -un), then undeploy again"
}

# Its labels tell our container from another's of that name; docker-run.sh and compose.yaml set them.
find_ours() { # sets ours, a line for each: ID NAME STATE
    ask_docker docker ps --all --no-trunc --format '{{.ID}} {{.Names}} {{.State}}' \
        --filter "label=io.toolkit.cluster=$TOOLKIT_CLUSTER" --filter "label=io.toolkit.node=$TOOLKIT_NODE_NAME"
    ours=$answer
}

state_of_ours() { # NAME
    printf '%s\n' "$ours" | while read -r _ name found; do
        if [ "$name" = "$1" ]; then printf '%s\n' "$found"; fi
    done
}

look_at_container() {
    ours='' volumes='' has_work=''
    # A machine without Docker has no container; what a deployment has left there would speak against it.
    if ! command -v docker >/dev/null && ! has_files; then return 0; fi
    ask_docker container state
    state=$answer
    find_ours
    ask_docker docker volume ls --quiet --filter "name=$TOOLKIT_VOLUME"
    volumes=$answer
    # What an interrupted hook has left works on the volume, under a name of the hooks' own.
    ask_docker docker ps --all --format '{{.Names}}' --filter "volume=$TOOLKIT_VOLUME"
    if printf '%s\n' "$answer" | grep -qxF -e "$TOOLKIT_CONTAINER.work"; then has_work=yes; fi
    ask_docker container holders
    look_at_holders "$answer"
    if [ "$state" != missing ] && [ -z "$(state_of_ours "$TOOLKIT_CONTAINER")" ]; then
        say "note: the container $TOOLKIT_CONTAINER is not ours, and stays"
        return 0
    fi
    case $state in
        running) look_at_running ;;
        paused)
            refuse "the container $TOOLKIT_CONTAINER is paused" \
                "docker unpause $TOOLKIT_CONTAINER there, then undeploy again"
            ;;
        restarting)
            refuse "Docker starts the container $TOOLKIT_CONTAINER again and again" \
                "docker update --restart no $TOOLKIT_CONTAINER there, stop it, then undeploy again"
            ;;
    esac
}

look_at_running() {
    is_ours ||
        refuse "the container $TOOLKIT_CONTAINER runs, and $TOOLKIT_STATE_DIR shows nothing of this node" \
            "docker stop $TOOLKIT_CONTAINER there, then undeploy again"
    ask_docker docker container inspect --format '{{.State.Pid}}' "$TOOLKIT_CONTAINER"
    say "server: $answer"
    [ "$TOOLKIT_DRY_RUN" = 1 ] ||
        refuse "the container $TOOLKIT_CONTAINER runs again" "see who started it, then undeploy again"
}

# Another server on these files would not be seen by ours, nor see it.
look_at_holders() { # LINES of `container holders`
    while read -r kind id name; do
        case "$kind $name" in
            ' ' | "container $TOOLKIT_CONTAINER.work") continue ;;
            "container $TOOLKIT_CONTAINER") [ -z "$(state_of_ours "$name")" ] || continue ;;
        esac
        if [ -z "$ours" ] && ! has_files; then continue; fi
        if [ "$kind" = process ]; then
            refuse "process $id has outlived its container (${name#of })" "end it, then undeploy again"
        fi
        refuse "the container $name runs with the volume $TOOLKIT_VOLUME" "stop it, then undeploy again"
    done <<HOLDERS
$1
HOLDERS
}

# One that was half made was never started. Volumes without a name are the image's own.
remove_containers() {
    set --
    if [ "$TOOLKIT_REMOVE_DATA" = 1 ]; then set -- --volumes; fi
    if [ -n "$has_work" ]; then run docker rm --force "$TOOLKIT_CONTAINER.work"; fi
    for name in "$TOOLKIT_CONTAINER.new" "$TOOLKIT_CONTAINER"; do
        if [ -n "$(state_of_ours "$name")" ]; then run docker rm "$@" "$name"; fi
    done
}

has_volume() { printf '%s\n' "$volumes" | grep -qxF -e "$TOOLKIT_VOLUME"; }

keep_volume() {
    if has_volume; then say "note: the volume $TOOLKIT_VOLUME stays"; fi
}

remove_volume() {
    has_volume || return 0
    if ! is_ours; then
        say "kept: the volume $TOOLKIT_VOLUME: nothing shows that it is of this node"
        return 0
    fi
    ask_docker docker ps --all --filter "volume=$TOOLKIT_VOLUME" --format '{{.Names}}'
    others=''
    for name in $answer; do
        case $name in
            "$TOOLKIT_CONTAINER.work") ;;
            "$TOOLKIT_CONTAINER" | "$TOOLKIT_CONTAINER.new")
                [ -n "$(state_of_ours "$name")" ] || others="$others $name"
                ;;
            *) others="$others $name" ;;
        esac
    done
    if [ -n "$others" ]; then
        say "kept: the volume $TOOLKIT_VOLUME: it is in use by$others, too"
        return 0
    fi
    run docker volume rm "$TOOLKIT_VOLUME"
}
