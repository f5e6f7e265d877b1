#!/bin/sh
# boot.sh FOLDER NAME TREE: one boot of a "VM" whose process 1 is systemd, in namespaces of its own.
#
# Its root is TREE with a layer of its own above it, which outlives a reboot; /run does not, and each
# boot has an id of its own. It sees the checkout that it was started from, read-only, as /srv/toolkit.
set -eu
folder=$1 name=$2 tree=$3
own=$folder/$name root=$folder/$name/root
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

mount --make-rprivate /
if [ -z "${BOOT_CGROUP:-}" ]; then
    # A control group of its own, at the root of what this boot sees; on it systemd insists.
    mkdir -p -- "$own/cgroup"
    mount -t cgroup2 cgroup2 "$own/cgroup"
    group=$own/cgroup/${folder##*/}/$name
    mkdir -p -- "$group"
    # What the boot before this left.
    until ! grep -q 'populated 1' "$group/cgroup.events"; do sleep 0.05; done
    find "$group" -mindepth 1 -depth -type d -exec rmdir -- '{}' +
    echo $$ >"$group/cgroup.procs"
    umount "$own/cgroup"
    exec unshare --cgroup -- env BOOT_CGROUP=1 sh "$0" "$@"
fi

first=no
[ -d "$own/upper" ] || first=yes
mkdir -p -- "$own/upper" "$own/work" "$root"
mount -t overlay -o "lowerdir=$tree,upperdir=$own/upper,workdir=$own/work" overlay "$root"
mount -t proc proc "$root/proc"
# What is set there but for its network is set for the whole kernel: not a machine's to do.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
mount -o remount,bind,rw "$root/proc/sys/net"
if [ -e "$root/proc/sysrq-trigger" ]; then mount --bind /dev/null "$root/proc/sysrq-trigger"; fi
cat /proc/sys/kernel/random/uuid >"$own/boot_id"
mount --bind "$own/boot_id" "$root/proc/sys/kernel/random/boot_id"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir -- "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
: >"$root/dev/console"
mount --bind "$own.console" "$root/dev/console"

if [ "$first" = yes ]; then
    if [ -e "$folder/strip.sh" ]; then chroot "$root" sh -eu <"$folder/strip.sh"; fi
    # As of a machine that was never booted.
    : >"$root/etc/machine-id"
    units=$root/etc/systemd/system
    mkdir -p -- "$units/multi-user.target.wants"
    ln -sf /lib/systemd/system/ssh.service "$units/multi-user.target.wants/ssh.service"
    # There is no terminal.
    ln -sf /dev/null "$units/console-getty.service"
    mkdir -p -- "$root/root/.ssh" "$root/srv/toolkit"
    chmod 700 -- "$root/root/.ssh"
    cat -- "$folder/id.pub" >"$root/root/.ssh/authorized_keys"
    chmod 600 -- "$root/root/.ssh/authorized_keys"
    mkdir -p -- "$root/etc/fresh"
    cp -- "$folder/host_key" "$folder/host_key.pub" "$root/etc/fresh/"
    cp -- "$folder/sshd_config" "$root/etc/ssh/sshd_config"
    echo "$name" >"$root/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >"$root/etc/hosts"
fi
mount --bind "$here/../.." "$root/srv/toolkit"
mount -o remount,bind,ro "$root/srv/toolkit"

cd -- "$root"
pivot_root . mnt
umount -l /mnt
exec env -i container=fresh PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd \
    --log-target=journal-or-kmsg --show-status=1 </dev/null >/dev/console 2>&1
