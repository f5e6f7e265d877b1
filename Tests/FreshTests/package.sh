#!/bin/sh
# package.sh FOLDER PACKAGE: this machine without Swift, in namespaces of its own; installs the
# package there, runs its demo, and removes it.
set -eu
folder=$1 package=$2
root=$folder/root

mount --make-rprivate /
ip link set lo up
mkdir -p -- "$folder/upper" "$folder/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" overlay "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
swift=$(command -v swift || :)
if [ -n "$swift" ]; then
    swift=$(readlink -f -- "$swift")
    case $swift in
        /usr/bin/*) rm -rf -- "$root"/usr/bin/swift* "$root"/usr/lib/swift* ;;
        *) mount -t tmpfs tmpfs "$root${swift%/bin/*}" ;;
    esac
fi
cp -- "$package" "$root/tmp/toolkit.deb"
chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 sh -eu <<'END'
if command -v swift; then exit 1; fi
dpkg --install /tmp/toolkit.deb
cd /
toolkit --version
toolkit --help >/dev/null
toolkit demo --local --json
dpkg --remove toolkit
if [ -e /usr/bin/toolkit ] || [ -e /usr/share/toolkit ]; then
    echo "files are left" >&2
    exit 1
fi
END
