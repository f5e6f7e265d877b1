#!/bin/sh
# container — a docker node's container, as its machine sees it; lies in STATE_DIR/bin of such a node.
#
# Runs on:   the node's machine, as one who may use Docker: container VERB [PROGRAM [argument…]]
#            state    running, exited, … or missing
#            holders  what may hold a server of the volume: containers that run with it, whoever made
#                     them, and processes that have outlived theirs; nothing: there is no server
#            look, work  runs a program where the server runs: in its container, else in one of its own
#                     with the same image, user, volumes and network. A second `work` ends the first.
#            serve    runs a program in the container; exit 11 while that is stopped
# Knows:     TOOLKIT_CONTAINER TOOLKIT_VOLUME; for a look before there is a container TOOLKIT_IMAGE and
#            TOOLKIT_VOLUME_MOUNT. A program gets each TOOLKIT_… and PG… variable.
# Succeeds:  exit 0, or with the program's own status.
# Retry:     69 Docker does not answer, or there is no container: nobody knows anything.
# Prints:    what the verb or the program prints.
set -eu
verb=$1
shift
: "${TOOLKIT_CONTAINER:?}" "${TOOLKIT_VOLUME:?}"

unknown() {
    printf 'container: %s\n' "$*" >&2
    exit 69
}
silence='Docker does not answer: does its daemon run, and may this user use it (group docker)?'

# Sets state, and left_over for what an ended hook has left. An answer that could not be had is never "missing".
look_at_state() {
    listed=$(docker ps --all --format '{{.Names}} {{.State}}') || unknown "$silence"
    state=missing left_over=no
    while read -r name found; do
        case $name in
            "$TOOLKIT_CONTAINER") state=$found ;;
            "$TOOLKIT_CONTAINER.work") left_over=yes ;;
        esac
    done <<LIST
$listed
LIST
}

# One that only looks holds no server. Of a container that is stopped no process may be left: Docker's
# word is compared with what the machine shows.
list_holders() {
    listed=$(docker ps --all --no-trunc --filter "volume=$TOOLKIT_VOLUME" \
        --format '{{.ID}} {{.Names}} {{.State}} {{.Label "io.toolkit.look"}}') || unknown "$silence"
    groups=$(grep -H -s '' /proc/[0-9]*/cgroup || :)
    # A look that doesn't see the one who looks sees nobody.
    case $groups in
        *"/proc/$$/cgroup:"*) ;;
        *) unknown "the processes of this machine can't be looked at" ;;
    esac
    while read -r id name found looks; do
        case $found in
            '') ;;
            created | exited | dead)
                printf '%s\n' "$groups" | sed -n "s|^/proc/\([0-9]*\)/cgroup:.*$id.*|process \1 of $name|p" | sort -u
                ;;
            *) [ -n "$looks" ] || printf 'container %s %s\n' "$id" "$name" ;;
        esac
    done <<LIST
$listed
LIST
}

case $verb in
    state)
        look_at_state
        printf '%s\n' "$state"
        exit 0
        ;;
    holders)
        list_holders
        exit 0
        ;;
    look | work | serve) ;;
    *) unknown "there is no verb $verb" ;;
esac

look_at_state
case $state in
    running | paused | restarting)
        set -- "$TOOLKIT_CONTAINER" "$@"
        how='exec'
        ;;
    missing)
        if [ "$verb" != look ] || [ -z "${TOOLKIT_IMAGE:-}" ]; then
            unknown "there is no container $TOOLKIT_CONTAINER: run docker-run.sh, or toolkit deploy"
        fi
        program=$1
        shift
        set -- --entrypoint "$program" "$TOOLKIT_IMAGE" "$@"
        # A look makes no volume.
        volumes=$(docker volume ls --quiet --filter "name=$TOOLKIT_VOLUME") || unknown "$silence"
        if printf '%s\n' "$volumes" | grep -qxF -e "$TOOLKIT_VOLUME"; then
            set -- --mount "$TOOLKIT_VOLUME_MOUNT" "$@"
        fi
        set -- --mount type=bind,source=/etc/passwd,target=/etc/passwd,readonly \
            --user "$(id -u):$(id -g)" --network none "$@"
        how=run
        ;;
    *)
        [ "$verb" != serve ] || exit 11
        facts=$(docker container inspect --format '{{.Image}}|{{.Config.User}}|{{.HostConfig.NetworkMode}}' \
            "$TOOLKIT_CONTAINER") || unknown "$silence"
        IFS='|' read -r image user network <<FACTS
$facts
FACTS
        program=$1
        shift
        set -- --volumes-from "$TOOLKIT_CONTAINER" --user "$user" --network "$network" \
            --entrypoint "$program" "$image" "$@"
        how=run
        ;;
esac
if [ "$how" = run ]; then
    set -- --pull never --rm --init --cap-drop ALL --security-opt no-new-privileges --log-driver none "$@"
    if [ "$verb" = look ]; then
        set -- --label "io.toolkit.look=$TOOLKIT_CONTAINER" "$@"
    else
        # What is left of a hook that was ended works on for nobody.
        [ "$left_over" = no ] || docker rm --force --volumes "$TOOLKIT_CONTAINER.work" >/dev/null || :
        set -- --name "$TOOLKIT_CONTAINER.work" "$@"
    fi
fi

# Inside, the server is a plain one. A value stands in no command line.
TOOLKIT_INSIDE=$TOOLKIT_CONTAINER TOOLKIT_RUNTIME=native TOOLKIT_SERVICE=inside
export TOOLKIT_INSIDE TOOLKIT_RUNTIME TOOLKIT_SERVICE
names=$(awk 'BEGIN { for (name in ENVIRON) if (name ~ /^(TOOLKIT_|PG)[A-Z0-9_]*$/) print name }')
for name in $names; do
    set -- --env "$name" "$@"
done
exec docker "$how" --interactive "$@"
