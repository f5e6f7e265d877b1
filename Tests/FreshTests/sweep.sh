#!/bin/sh
# sweep.sh FOLDER: take away what the machines of FOLDER leave when they are gone.
set -eu
folder=$1
if [ -d "$folder/vm1/cgroup" ]; then
    # shellcheck disable=SC2016  # the inner shell's
    unshare --mount -- sh -euc '
        mount -t cgroup2 cgroup2 "$1/vm1/cgroup"
        group=$1/vm1/cgroup/${1##*/}
        until ! grep -q "populated 1" "$group/cgroup.events"; do sleep 0.05; done
        find "$group" -depth -type d -exec rmdir -- "{}" +' sh "$folder"
fi
rm -rf -- "$folder"
