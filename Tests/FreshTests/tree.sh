#!/bin/sh
# tree.sh TREE MAJOR: a Debian with systemd, sshd and nothing else, made with this machine's apt configuration.
#
# The server's packages are fetched, not installed: machines without a way out install them from there.
set -eu
tree=$1 major=$2
# shellcheck source=/dev/null
. /etc/os-release
# shellcheck disable=SC2016  # apt's own variable
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Codename: $VERSION_CODENAME" | head -n 1)
debootstrap --variant=minbase --include=systemd-sysv,libpam-systemd,dbus,openssh-server,sudo,ca-certificates "$VERSION_CODENAME" "$tree" "$mirror"
for part in sources.list sources.list.d preferences.d trusted.gpg.d keyrings auth.conf.d; do
    if [ -e "/etc/apt/$part" ]; then
        rm -rf -- "$tree/etc/apt/$part"
        cp -a -- "/etc/apt/$part" "$tree/etc/apt/"
    fi
done
# Proxies and the like.
for file in /etc/apt/apt.conf.d/*; do
    if grep -q '^Acquire' "$file"; then cp -- "$file" "$tree/etc/apt/apt.conf.d/"; fi
done
cp -- /usr/share/keyrings/*.gpg "$tree/usr/share/keyrings/"
cp -- /etc/resolv.conf "$tree/etc/resolv.conf"
chroot "$tree" apt-get update
chroot "$tree" apt-get install --yes --download-only --no-install-recommends "postgresql-$major"
