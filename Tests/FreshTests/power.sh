#!/bin/sh
# power.sh FOLDER NAME TREE: the power of a "VM" that systemd boots; its network stays while it is down.
#
# Boots it again whenever its process 1 has ended; while FOLDER/NAME.off is there it has no power.
set -eu
off=$1/$2.off
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

while :; do
    while [ -e "$off" ]; do sleep 0.05; done
    unshare --mount --pid --ipc --uts --fork --kill-child --mount-proc -- sh "$here/boot.sh" "$@" &
    machine=$!
    while kill -s 0 "$machine" 2>/dev/null && [ ! -e "$off" ]; do sleep 0.05; done
    kill -s KILL "$machine" 2>/dev/null || :
    wait "$machine" || :
done
