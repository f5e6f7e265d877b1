#!/bin/sh
# docker-run.sh: makes the container of node3 in the cluster shop, or replaces it.
#
# Rendered by `toolkit render` from cluster.yaml; run it on the node's machine as root or as one
# who may use Docker. Safe to run twice: a container that is as this file says is only started,
# another one is replaced as soon as the new one has been made. What lies in the volume is never
# touched, and no container is removed together with a volume. `docker-run.sh create` makes a missing
# container, and does nothing more.
set -eu

container=toolkit-shop-node3
volume=toolkit-shop-node3
image=postgres:17.6
owner=$(id -u -- postgres):$(id -g -- postgres)
definition=$(sha256sum <"$0")
definition=${definition%% *}

is_there() { docker container inspect "$1" >/dev/null 2>&1; }
find_current() {
    docker ps --all --quiet --filter "name=^/$container\$" --filter "label=io.toolkit.definition=$definition"
}

# Every start is a locked one, and none happens over an unfinished rewind or clone. A SIGHUP that comes
# before the server ends nothing. It is the container's shell that reads this.
# shellcheck disable=SC2016
start='set -eu
trap "" HUP
if [ -e "$1" ]; then echo "refused: $1 stands; rejoin or clone the node first" >&2; exit 1; fi
rm -f -- "$2"
shift 2
exec "$@"'

if [ "${1:-}" = create ] && is_there "$container"; then
    echo "$container is there"
    exit 0
fi
if [ -n "$(find_current)" ]; then
    docker start "$container" >/dev/null
    echo "$container is as it should be"
    exit 0
fi

# Docker would notice only at the start, when the one that is replaced has gone.
docker network inspect pg >/dev/null
docker volume inspect "$volume" >/dev/null 2>&1 || docker volume create "$volume" >/dev/null
# The folder of the mount, for a data directory to be made in; nothing below it is looked at.
docker run --rm --user 0:0 --network none --entrypoint /bin/chown \
    --mount 'type=volume,source=toolkit-shop-node3,target=/var/lib/postgres' "$image" "$owner" /var/lib/postgres

# What an interrupted run has left was never started.
if is_there "$container.new"; then docker rm "$container.new" >/dev/null; fi

# Docker starts nothing by itself: the scheduler does, or has moved the primary. The runtime folder is
# the machine's, on its tmpfs: the opening can be taken away while Docker hangs, and every start takes it
# away. SIGINT is a fast shutdown. /etc/passwd names the owner for peer authentication.
docker create --name "$container.new" \
    --label "io.toolkit.cluster=shop" --label "io.toolkit.node=node3" \
    --label "io.toolkit.definition=$definition" \
    --restart no --stop-signal SIGINT --stop-timeout 300 --init \
    --env "TOOLKIT_INSIDE=$container" \
    --user "$owner" --cap-drop ALL --security-opt no-new-privileges \
    --shm-size 256m \
    --log-driver json-file --log-opt max-size=50m --log-opt max-file=5 \
    --network pg \
    --publish 10.0.0.2:5434:5434 \
    --mount 'type=volume,source=toolkit-shop-node3,target=/var/lib/postgres' \
    --mount 'type=bind,source=/etc/toolkit/shop/node3,target=/etc/toolkit/shop/node3' \
    --mount 'type=bind,source=/var/lib/toolkit/shop/node3,target=/var/lib/toolkit/shop/node3' \
    --mount 'type=bind,source=/run/toolkit/shop/node3,target=/run/toolkit/shop/node3' \
    --mount type=bind,source=/etc/passwd,target=/etc/passwd,readonly \
    --mount type=bind,source=/etc/group,target=/etc/group,readonly \
    --tmpfs /var/run/postgresql":rw,nosuid,nodev,noexec,size=16m,mode=0755,uid=${owner%:*},gid=${owner#*:}" \
    --entrypoint /bin/sh "$image" \
    -c "$start" sh /var/lib/toolkit/shop/node3/marker /run/toolkit/shop/node3/open.conf \
    /usr/lib/postgresql/17/bin/postgres -D /var/lib/postgres/pgdata -c 'config_file=/etc/toolkit/shop/node3/postgresql.conf' >/dev/null

if is_there "$container"; then
    docker stop --time 300 "$container" >/dev/null
    docker rm "$container" >/dev/null
fi
docker rename "$container.new" "$container"
if [ "${1:-}" = create ]; then
    echo "$container is made"
    exit 0
fi
docker start "$container" >/dev/null
echo "$container runs"
