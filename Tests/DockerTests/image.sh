#!/bin/sh
# image.sh — an image out of this machine's own PostgreSQL, as a tar on standard output: no registry is
# asked. image.sh BIN_DIR SHARE_DIR
set -eu
bin=$1 share=$2
tools='sh mawk sed grep find cat cp mv rm mkdir rmdir ln ls chmod chown date dirname basename printenv
    sleep sync stat readlink timeout tee tr tail head od sort paste wc base64 sha256sum env id nproc cut uniq
    flock setsid cmp getent'
programs=$(for tool in $tools; do command -v "$tool"; done; find "$bin" "${bin%/*}/lib" -maxdepth 1 -type f ! -name 'llvmjit*')
# What one of them is linked with; some are libraries that ldd has nothing to say of.
# shellcheck disable=SC2086
libraries=$(ldd $programs 2>/dev/null |
    sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^\t\(\/lib64[^ ]*\).*/\1/p' | sort -u)
# shellcheck disable=SC2086
{
    printf '%s\n' $programs $libraries /usr/bin/awk /etc/alternatives/awk /etc/nsswitch.conf
    readlink -f -- $programs $libraries
    find "$share" /usr/lib/locale/C.utf8 /usr/share/zoneinfo
} | sed 's,^/\(bin\|sbin\|lib\|lib64\)/,/usr/\1/,' | sort -u |
    tar --create --absolute-names --no-recursion --files-from=- /bin /sbin /lib /lib64
