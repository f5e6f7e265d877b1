#!/bin/sh
# vm.sh NAME FOLDER PROGRAM — process 1 of a "VM" of the lab, in namespaces of its own.
#
# It makes the machine: /mnt is the VM's disk, /run, /tmp and /dev/shm are lost with it. Then it only
# reaps what its processes leave, until it is killed: the kernel kills the rest of the VM with it.
set -eu
name=$1 folder=$2 program=$3
user=$(cat -- "$folder/user")

mount --make-rprivate /
hostname -- "$name"
ip link set lo up
# What the product reads as the machine's boot is this VM's.
mount --bind "$folder/boot_id" /proc/sys/kernel/random/boot_id
for file in passwd group shadow; do mount --bind "$folder/$file" "/etc/$file"; done
if [ -n "$program" ]; then
    : >>"$folder/toolkit"
    mount --bind "$program" "$folder/toolkit"
fi
mount --rbind "$folder" /mnt
for place in /run /tmp /dev/shm; do mount -t tmpfs -o mode=1777 tmpfs "$place"; done
mkdir -m 755 /run/sshd
for place in /run/toolkit /run/postgresql; do install -d -o "$user" -g "$user" -m 700 "$place"; done
chmod 755 /run/postgresql
# Data on a disk of their own, so small that it can be filled.
if [ -e /mnt/disk_kilobytes ]; then
    mkdir -p /mnt/disk
    mount -t tmpfs -o "size=$(cat /mnt/disk_kilobytes)k" tmpfs /mnt/disk
    cp -a /mnt/data/. /mnt/disk
    chown "$user:$user" /mnt/disk
    mount --move /mnt/disk /mnt/data
fi
: >/mnt/booted
# Not by exec: a shell that waits reaps the orphans of its VM.
while :; do sleep 3600; done
