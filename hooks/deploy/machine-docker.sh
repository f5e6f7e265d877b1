#!/bin/sh
# machine-docker.sh — what machine.sh does for a docker node: Docker, who may use it, image and network.
#
# Runs on:   the node's machine, as root, read from standard input behind its facts, ahead of machine.sh.
# Knows:     what machine.sh knows, and TOOLKIT_CONTAINER TOOLKIT_IMAGE TOOLKIT_NETWORK
# Succeeds:  defines functions; of PostgreSQL nothing is installed on the machine.
# Retry:     nothing to retry.
# Prints:    what machine.sh prints.
set -eu

has_docker() { command -v docker >/dev/null; }

# A machine that gets Docker only now has neither image nor network.
knows() { # KIND NAME
    has_docker && docker "$1" inspect "$2" >/dev/null 2>&1 </dev/null
}

refuse_silence() {
    if said=$(docker version --format '{{.Server.Version}}' 2>&1 </dev/null); then return 0; fi
    refuse "Docker does not answer: $(printf '%s\n' "$said" | tail -n 1)" \
        "start its daemon there (systemctl start docker), then run this again"
}

prepare_packages_docker() {
    if ! has_docker; then
        command -v apt-get >/dev/null ||
            refuse "this machine has no apt-get to install docker.io with" "install Docker by hand"
        # The lists may be old, or missing on a new machine.
        if ! apt-get install --simulate docker.io >/dev/null 2>&1 </dev/null; then run apt-get update; fi
        run apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=300 docker.io
    fi
    # A plan ends here where Docker is still to come.
    if has_docker; then refuse_silence; fi
    knows image "$TOOLKIT_IMAGE" || run docker pull --quiet "$TOOLKIT_IMAGE"
}

# Packages and images stay, as they do on a native node's machine.
remove_packages_docker() { :; }

# Who may use Docker may do what root may: its group is given to the owner alone.
prepare_account_docker() {
    prepare_account
    is_in_group || run usermod --append --groups docker "$TOOLKIT_OWNER"
}

is_in_group() { has_owner && id -Gn "$TOOLKIT_OWNER" | tr ' ' '\n' | grep -qx docker; }

# Another cluster's containers may be this owner's, too.
remove_account_docker() {
    remove_account
    if is_in_group; then say "note: $TOOLKIT_OWNER stays in the group docker"; fi
}

# Data directory and socket lie in the container; no unit is anybody's to start.
prepare_places_docker() {
    for place in "$TOOLKIT_CONFIG_DIR" "$TOOLKIT_STATE_DIR" "$TOOLKIT_RUNTIME_DIR"; do folder "$place" 0700; done
    put "$TMPFILES_PATH" 644 "$TMPFILES"
}

remove_places_docker() { remove_places; }

prepare_kernel_docker() { prepare_kernel; }
remove_kernel_docker() { remove_kernel; }

prepare_services_docker() {
    case $TOOLKIT_NETWORK in host | bridge | none) return 0 ;; esac
    knows network "$TOOLKIT_NETWORK" ||
        run docker network create --label "io.toolkit.cluster=$TOOLKIT_CLUSTER" "$TOOLKIT_NETWORK"
}

# One that somebody else has made has no label of ours, or not this cluster's.
remove_services_docker() {
    has_docker || return 0
    label=$(docker network inspect --format '{{index .Labels "io.toolkit.cluster"}}' "$TOOLKIT_NETWORK" 2>/dev/null </dev/null) ||
        return 0
    [ "$label" = "$TOOLKIT_CLUSTER" ] || return 0
    # Containers of this cluster are gone by the time.
    attached=$(docker ps --all --quiet --filter "network=$TOOLKIT_NETWORK" </dev/null)
    ours=$(docker ps --all --quiet --filter "network=$TOOLKIT_NETWORK" --filter "label=io.toolkit.cluster=$TOOLKIT_CLUSTER" </dev/null)
    if [ "$attached" != "$ours" ]; then
        say "note: the network $TOOLKIT_NETWORK stays: other containers are in it"
        return 0
    fi
    run docker network rm "$TOOLKIT_NETWORK"
}
