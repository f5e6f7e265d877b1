#!/bin/sh
# machines.sh FOLDER TREE INIT: three bare "VMs" on a network of their own, until standard input ends.
#
# Runs as process 1 of namespaces of its own, so that all of it is gone with this process. Each VM has
# a copy of TREE for its root file system, an sshd that lets root in by a key, and nothing else. INIT
# is what starts that: sshd (then it is all that runs), or systemd as on a real machine.
set -eu
folder=$1 tree=$2 init=$3
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

mount --make-rprivate /
ip link set lo up
ip link add fresh type bridge
ip link set fresh up
ip address add 10.9.0.100/24 dev fresh
ours=$(readlink /proc/self/ns/net)
for number in 1 2 3; do
    case $init in
        sshd) set -- --mount --pid --ipc --uts --fork --kill-child --mount-proc -- sh "$here/machine.sh" ;;
        systemd) set -- -- sh "$here/power.sh" ;;
    esac
    unshare --net "$@" "$folder" "vm$number" "$tree" >"$folder/vm$number.console" 2>&1 </dev/null &
    pid=$!
    while there=$(readlink "/proc/$pid/ns/net") && [ "$there" = "$ours" ]; do sleep 0.02; done
    ip link add "vm$number" type veth peer name eth0 netns "$pid"
    ip link set "vm$number" master fresh up
    nsenter --net="/proc/$pid/ns/net" -- sh -euc "
        ip link set lo up
        ip address add 10.9.0.$number/24 dev eth0
        ip link set eth0 up"
done
cat >/dev/null
