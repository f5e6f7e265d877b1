#!/bin/sh
# machine.sh FOLDER NAME TREE: process 1 of one bare "VM", in namespaces of its own.
#
# Its root is TREE with a layer of its own above it: what is written there, and what a test's
# FOLDER/strip.sh takes away, shows nowhere else.
set -eu
folder=$1 name=$2 tree=$3
own=$folder/$name root=$folder/$name/root

mount --make-rprivate /
hostname -- "$name"
mkdir -p -- "$own/upper" "$own/work" "$root"
mount -t overlay -o "lowerdir=$tree,upperdir=$own/upper,workdir=$own/work" overlay "$root"
mount -t proc proc "$root/proc"
# What is set there is set for the whole kernel: not a machine's to do. These settings are its own.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t tmpfs tmpfs "$root/proc/sys/vm"
for setting in swappiness dirty_bytes dirty_background_bytes; do echo 0 >"$root/proc/sys/vm/$setting"; done
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mkdir -- "$root/run/sshd" "$root/run/lock"
if [ -e "$folder/strip.sh" ]; then chroot "$root" sh -eu <"$folder/strip.sh"; fi

mkdir -p -- "$root/root/.ssh"
chmod 700 -- "$root/root/.ssh"
cat -- "$folder/id.pub" >"$root/root/.ssh/authorized_keys"
chmod 600 -- "$root/root/.ssh/authorized_keys"
mkdir -p -- "$root/etc/fresh"
cp -- "$folder/host_key" "$folder/host_key.pub" "$folder/sshd_config" "$root/etc/fresh/"
chroot "$root" /usr/sbin/sshd -f /etc/fresh/sshd_config -E /etc/fresh/sshd.log
: >"$own/booted"
# Not by exec: a shell that waits reaps the orphans of its VM.
while :; do sleep 3600; done
