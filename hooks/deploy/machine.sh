#!/bin/sh
# machine.sh — make a machine ready for a node, or take that back: all that needs root.
#
# Runs on:   the node's machine, as root, read from standard input behind its facts, unfinished.sh,
#            services.sh and, for a docker node (TOOLKIT_CONTAINER), machine-docker.sh: nothing is installed.
# Knows:     TOOLKIT_ACTION (prepare, remove) TOOLKIT_PART (all, packages, account, places, kernel, services)
#            TOOLKIT_DRY_RUN TOOLKIT_CLUSTER TOOLKIT_OWNER TOOLKIT_MAJOR TOOLKIT_ADOPTING
#            TOOLKIT_SERVICE TOOLKIT_CONFIG_DIR TOOLKIT_STATE_DIR TOOLKIT_RUNTIME_DIR PGDATA PGHOST
#            PGPORT PG_BINDIR; the texts KEYS SUDOERS TMPFILES UNIT DROPIN SYSCTL, and the last five's *_PATH.
# Succeeds:  exit 0; the last line is end. 3: refused, and this call has changed nothing.
# Retry:     at any time: what is in place is left alone.
# Prints:    `+ COMMAND` for each change, `note: TEXT`, `refused: TEXT` and `next: TEXT`.
set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
DEBIAN_FRONTEND=noninteractive
export PATH LC_ALL DEBIAN_FRONTEND
# What runs as another user has to be able to come back here.
cd /

# Stands in every file that is rendered.
mark='Rendered by .toolkit render.'
header="# Rendered by \`toolkit render\`, put here by \`toolkit deploy\`, for the cluster $TOOLKIT_CLUSTER."
no_cluster=/etc/postgresql-common/createcluster.d/toolkit-$TOOLKIT_CLUSTER.conf
keys_begin="# toolkit $TOOLKIT_CLUSTER: begin"
keys_end="# toolkit $TOOLKIT_CLUSTER: end"

say() { printf '%s\n' "$*"; }

# As one could type it.
quoted() {
    for word; do
        case $word in
            *[!A-Za-z0-9/._:,@=+-]* | '') printf " '%s'" "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
}

run() {
    say "+$(quoted "$@")"
    [ "$TOOLKIT_DRY_RUN" = 1 ] || "$@" </dev/null >&2
}

refuse() { # TEXT NEXT
    say "refused: $1"
    say "next: $2"
    exit 3
}

# A number may have become another process's: a server works in its data directory.
works_in() { # PID FOLDER
    case $1 in '' | *[!0-9]*) return 1 ;; esac
    [ "$(readlink -- "/proc/$1/cwd")" = "$(readlink -f -- "$2")" ]
}

# --- Files ------------------------------------------------------------------------------------

is_in_place() { # FILE MODE TEXT
    [ -f "$1" ] && [ "$(stat -c '%a %U' -- "$1")" = "$2 root" ] &&
        printf '%s' "$3" | cmp -s - "$1"
}

# Whole or as it was; `check` (a command that gets the new file) decides whether it is put in place.
put() { # FILE MODE TEXT [CHECK]
    if is_in_place "$1" "$2" "$3"; then return 0; fi
    say "+ write $1 (mode $2)"
    # shellcheck disable=SC2034  # services.sh reads it
    changed=1
    if [ "$TOOLKIT_DRY_RUN" = 1 ]; then return 0; fi
    mkdir -p -- "${1%/*}"
    # sudo, systemd and tmpfiles.d pass over this name.
    printf '%s' "$3" >"$1.toolkit.new"
    chmod "$2" "$1.toolkit.new"
    if [ $# -gt 3 ] && ! $4 "$1.toolkit.new" >&2; then
        rm -f -- "$1.toolkit.new"
        refuse "$4 does not accept the new $1" "correct its template, or the names in cluster.yaml"
    fi
    mv -f -- "$1.toolkit.new" "$1"
}

# Nothing is there, or what was rendered for us.
is_free() { # FILE
    if [ ! -e "$1" ] && [ ! -L "$1" ]; then return 0; fi
    case $1 in
        "$SUDOERS_PATH") printf '%s' "$SUDOERS" | cmp -s - "$1" && return 0 ;;
        "$TMPFILES_PATH") printf '%s' "$TMPFILES" | cmp -s - "$1" && return 0 ;;
        "$DROPIN_PATH") printf '%s' "$DROPIN" | cmp -s - "$1" && return 0 ;;
        "$SYSCTL_PATH") printf '%s' "$SYSCTL" | cmp -s - "$1" && return 0 ;;
        "$UNIT_PATH") printf '%s' "$UNIT" | cmp -s - "$1" && return 0 ;;
    esac
    # A cluster's own template may lack the line.
    grep -q "$mark" "$1"
}

discard() { # FILE
    if [ ! -e "$1" ] && [ ! -L "$1" ]; then return 0; fi
    if ! is_free "$1"; then
        say "note: $1 is not ours, and stays"
        return 0
    fi
    run rm -f -- "$1"
    # shellcheck disable=SC2034  # services.sh reads it
    changed=1
}

# --- What is another's is left alone ----------------------------------------------------------

refuse_foreign() {
    [ "$(id -u)" = 0 ] || refuse "this is not root" "name root, or a user with sudo, in --admin"
    [ "$TOOLKIT_OWNER" != root ] ||
        refuse "ssh.user is root, and PostgreSQL refuses to run as root" "set ssh.user to postgres"
    [ "$TOOLKIT_ACTION" = prepare ] || return 0
    for file in "$SUDOERS_PATH" "$TMPFILES_PATH" "$DROPIN_PATH" "$SYSCTL_PATH"; do
        is_free "$file" ||
            refuse "$file is there, and not ours" "move it away, or deploy without --admin"
    done
    # Data and socket of a container lie in it, and not at these paths of the machine.
    if [ -n "${TOOLKIT_CONTAINER:-}" ]; then return 0; fi
    refuse_foreign_data
    refuse_closed_parent
    refuse_foreign_server
}

# What a deployment has left here says whose data these are; read as the owner, who wrote it.
has_our_data() {
    has_owner || return 1
    # Files and stamp may be missing still.
    if is_unfinished; then return 0; fi
    [ -e "$TOOLKIT_STATE_DIR/stamp" ] || return 1
    [ -r "$TOOLKIT_STATE_DIR/node.env" ] || return 1
    # shellcheck disable=SC2016  # the inner shell's
    recorded=$(as_owner sh -c '. "$1" && printf %s "$PGDATA"' sh "$TOOLKIT_STATE_DIR/node.env" </dev/null) &&
        [ "$recorded" = "$PGDATA" ]
}

refuse_foreign_data() {
    if [ -n "$TOOLKIT_ADOPTING" ] || has_our_data; then return 0; fi
    if [ -f "$PGDATA/PG_VERSION" ]; then
        refuse "$PGDATA holds a PostgreSQL cluster that is not ours" \
            "name an empty or missing folder as data_dir; or stop its servers and take it over with \`toolkit deploy --adopt PRIMARY\`"
    fi
    if [ -d "$PGDATA" ] && [ -n "$(find "$PGDATA" -mindepth 1 -maxdepth 1 -print -quit)" ]; then
        refuse "$PGDATA holds files that are no PostgreSQL cluster" \
            "name an empty or missing folder as data_dir, below a mount and not the mount"
    fi
}

# initdb makes the directory there, and a clone moves the old one aside.
refuse_closed_parent() {
    parent=${PGDATA%/*}
    if [ -e "$PGDATA" ] || [ ! -d "$parent" ]; then return 0; fi
    [ "$(stat -c %U -- "$parent")" != "$TOOLKIT_OWNER" ] || return 0
    if has_owner && as_owner test -w "$parent"; then return 0; fi
    refuse "$parent belongs to $(stat -c %U -- "$parent"), and $TOOLKIT_OWNER has to write there" \
        "give it to $TOOLKIT_OWNER, or name a data_dir one folder further down"
}

refuse_foreign_server() {
    lock=$PGHOST/.s.PGSQL.$PGPORT.lock
    if [ ! -r "$lock" ]; then return 0; fi
    # Its process, and where that works.
    { read -r other && read -r there; } <"$lock" || return 0
    if works_in "$other" "$there" && [ "$(readlink -f -- "$there")" != "$(readlink -f -- "$PGDATA")" ]; then
        refuse "process $other serves port $PGPORT in $PGHOST" \
            "stop that server, or choose another port or socket_dir"
    fi
}

# --- Packages ---------------------------------------------------------------------------------

lacks_programs() {
    for program in postgres initdb pg_ctl pg_controldata pg_rewind pg_basebackup psql; do
        [ -x "$PG_BINDIR/$program" ] || return 0
    done
    return 1
}

prepare_packages() {
    wanted=''
    if lacks_programs; then
        [ "$PG_BINDIR" = "/usr/lib/postgresql/$TOOLKIT_MAJOR/bin" ] ||
            refuse "$PG_BINDIR lacks programs of PostgreSQL, and no package puts them there" \
                "install PostgreSQL $TOOLKIT_MAJOR there by hand, or leave postgresql.bin_dir out"
        wanted=postgresql-$TOOLKIT_MAJOR
    fi
    if [ -n "$SUDOERS" ] && ! command -v visudo >/dev/null; then wanted="$wanted sudo"; fi
    [ -n "$wanted" ] || return 0
    command -v apt-get >/dev/null ||
        refuse "this machine has no apt-get to install $wanted with" "install it by hand"
    # The lists may be old, or missing on a new machine.
    # shellcheck disable=SC2086  # one word for each package
    if ! apt-get install --simulate $wanted >/dev/null 2>&1 </dev/null; then run apt-get update; fi
    for package in $wanted; do
        if apt-cache show -- "$package" >/dev/null 2>&1; then continue; fi
        sources='apt-get install postgresql-common && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh'
        # The lists of a new machine may be empty until the update.
        if [ "$TOOLKIT_DRY_RUN" = 1 ]; then
            say "note: the package lists do not have $package yet; if the update brings none: $sources"
        else
            refuse "no source of packages has $package" "add PostgreSQL's own as root: $sources; then deploy again"
        fi
    done
    # Before the package, which else makes and starts a cluster of its own.
    case $wanted in
        postgresql-*) put "$no_cluster" 644 "$header
create_main_cluster = false
" ;;
    esac
    # shellcheck disable=SC2086
    run apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=300 $wanted
}

remove_packages() { discard "$no_cluster"; }

# --- The owner of PostgreSQL, and the scheduler's key ------------------------------------------

home_of() { getent passwd "$TOOLKIT_OWNER" | cut -d : -f 6; }

has_owner() { getent passwd "$TOOLKIT_OWNER" >/dev/null; }

# As the owner: in a folder of another's root would follow that other's links.
as_owner() { runuser -u "$TOOLKIT_OWNER" -- "$@"; }

prepare_account() {
    if ! has_owner; then
        # The server's package makes postgres by itself.
        if [ "$TOOLKIT_OWNER" = postgres ] && [ "$TOOLKIT_DRY_RUN" = 1 ] &&
            [ -z "${TOOLKIT_CONTAINER:-}" ] && lacks_programs; then
            say "+ write ~postgres/.ssh/authorized_keys (mode 600)"
            return 0
        fi
        run useradd --system --user-group --password '*' --shell /bin/sh \
            --create-home --home-dir "$(owners_home)" "$TOOLKIT_OWNER"
        if [ "$TOOLKIT_DRY_RUN" = 1 ]; then
            say "+ write $(owners_home)/.ssh/authorized_keys (mode 600)"
            return 0
        fi
    fi
    if [ -z "$KEYS" ]; then return 0; fi
    block="$keys_begin
$KEYS$keys_end"
    file=$(home_of)/.ssh/authorized_keys
    [ "$(keys_block "$file")" != "$block" ] || return 0
    refuse_open_block "$file"
    say "+ write $file (mode 600)"
    [ "$TOOLKIT_DRY_RUN" = 1 ] || {
        # shellcheck disable=SC2016  # the inner shell's
        as_owner sh -euc '
            umask 077
            mkdir -p -- "${1%/*}"
            touch -- "$1"
            sed "/^$2\$/,/^$3\$/d" "$1" >"$1.new"
            printf "%s\n" "$4" >>"$1.new"
            mv -f -- "$1.new" "$1"' sh "$file" "$keys_begin" "$keys_end" "$block" </dev/null
    }
}

owners_home() { if [ "$TOOLKIT_OWNER" = postgres ]; then echo /var/lib/postgresql; else echo "/var/lib/$TOOLKIT_OWNER"; fi; }

# What stands in the file between our two lines, with them.
keys_block() { # FILE
    sed -n "/^$keys_begin\$/,/^$keys_end\$/p" "$1" 2>/dev/null || :
}

# Without its end our block would reach to the end of the file, over others' keys.
refuse_open_block() { # FILE
    block_there=$(keys_block "$1")
    if [ -n "$block_there" ] && [ "$(printf '%s\n' "$block_there" | tail -n 1)" != "$keys_end" ]; then
        refuse "$1 has the line '$keys_begin' and no '$keys_end' after it" "mend the file by hand"
    fi
}

# The account stays: the data are its own.
remove_account() {
    has_owner || return 0
    file=$(home_of)/.ssh/authorized_keys
    [ -n "$(keys_block "$file")" ] || return 0
    refuse_open_block "$file"
    say "+ remove the lines of $TOOLKIT_CLUSTER from $file"
    [ "$TOOLKIT_DRY_RUN" = 1 ] || {
        # shellcheck disable=SC2016  # the inner shell's
        as_owner sh -euc '
            umask 077
            sed "/^$2\$/,/^$3\$/d" "$1" >"$1.new"
            if [ -s "$1.new" ]; then
                mv -f -- "$1.new" "$1"
            else
                rm -f -- "$1.new" "$1"
                rmdir --ignore-fail-on-non-empty -- "${1%/*}"
            fi' sh "$file" "$keys_begin" "$keys_end" </dev/null
    }
}

# --- Folders, and what makes them again at each boot -------------------------------------------

folder() { # FOLDER MODE
    if [ -d "$1" ]; then return 0; fi
    # In a folder of the owner's root would follow the owner's links.
    if has_owner && [ "$(stat -c %U -- "${1%/*}" 2>/dev/null)" = "$TOOLKIT_OWNER" ]; then
        run runuser -u "$TOOLKIT_OWNER" -- mkdir -m "$2" -- "$1"
    else
        run install -d -o "$TOOLKIT_OWNER" -g "$(group_of)" -m "$2" -- "$1"
    fi
}

group_of() { id -gn "$TOOLKIT_OWNER" 2>/dev/null || echo "$TOOLKIT_OWNER"; }

prepare_places() {
    for place in "$TOOLKIT_CONFIG_DIR" "$TOOLKIT_STATE_DIR" "$TOOLKIT_RUNTIME_DIR"; do folder "$place" 0700; done
    # A clone moves the old directory aside, beside it.
    folder "${PGDATA%/*}" 0755
    folder "$PGHOST" 2775
    put "$TMPFILES_PATH" 644 "$TMPFILES"
    if [ -n "$SUDOERS" ]; then put "$SUDOERS_PATH" 440 "$SUDOERS" "visudo -c -q -f"; fi
}

remove_places() {
    discard "$SUDOERS_PATH"
    if [ -e "$TMPFILES_PATH" ] && is_free "$TMPFILES_PATH"; then remove_socket_folder; fi
    discard "$TMPFILES_PATH"
    for place in "$TOOLKIT_CONFIG_DIR" "$TOOLKIT_STATE_DIR" "$TOOLKIT_RUNTIME_DIR"; do
        # Only what is empty: the folder of the cluster, and the one that holds the clusters.
        for above in "$place" "${place%/*}" "${place%/*/*}"; do
            if [ -d "$above" ] && [ -z "$(find "$above" -mindepth 1 -maxdepth 1 -print -quit)" ]; then
                run rmdir -- "$above"
            fi
        done
    done
}

# Ours where our tmpfiles.d makes it at each boot. A server that runs takes its socket along when it stops.
remove_socket_folder() {
    grep -qF -e "d \"$PGHOST\" " "$TMPFILES_PATH" && [ -d "$PGHOST" ] || return 0
    # Left by one that was killed.
    socket=$PGHOST/.s.PGSQL.$PGPORT
    if [ -r "$socket.lock" ] && { read -r dead && read -r there; } <"$socket.lock" && [ "$there" = "$PGDATA" ] &&
        ! works_in "$dead" "$PGDATA"; then
        run rm -f -- "$socket" "$socket.lock"
    fi
    if [ "$TOOLKIT_DRY_RUN" = 1 ]; then sockets='.s.PGSQL.*'; else sockets=''; fi
    if [ -z "$(find "$PGHOST" -mindepth 1 ! -name "$sockets" -print -quit)" ]; then run rmdir -- "$PGHOST"; fi
}

# --- Kernel settings --------------------------------------------------------------------------

# They count from now on, and from each boot on; what another file sets is left as it is.
prepare_kernel() {
    changed=0
    put "$SYSCTL_PATH" 644 "$SYSCTL"
    [ "$changed" = 1 ] || return 0
    kernel_settings | while read -r name value; do
        others=$(others_that_set "$name")
        if [ -n "$others" ]; then
            say "note: $name is left as it is, for it is set in ${others% }"
        else
            run sysctl --quiet --write "$name=$value" ||
                say "note: $name is not $value now: a container has its host's, and without procps it waits for the next boot"
        fi
    done
}

kernel_settings() {
    printf '%s\n' "$SYSCTL" |
        sed -n 's/^[[:space:]]*-\{0,1\}\([A-Za-z0-9_.\/-]*\)[[:space:]]*=[[:space:]]*/\1 /p'
}

# A ratio takes the place of the bytes, and the other way round. Ours is the first by name: at a boot the
# others win, too.
others_that_set() { # NAME
    pattern=$(printf '%s' "$1" | sed 's|[./]|[./]|g; s/_bytes$/_(bytes|ratio)/; s/_ratio$/_(bytes|ratio)/')
    grep -lsE "^[[:space:]]*-?${pattern}[[:space:]]*=" /etc/sysctl.conf /etc/sysctl.d/*.conf /run/sysctl.d/*.conf \
        /usr/lib/sysctl.d/*.conf | grep -vxF -e "$SYSCTL_PATH" | tr '\n' ' '
}

remove_kernel() {
    [ -e "$SYSCTL_PATH" ] || return 0
    if is_free "$SYSCTL_PATH"; then say "note: the kernel settings of $SYSCTL_PATH hold until the next boot"; fi
    discard "$SYSCTL_PATH"
}

# ----------------------------------------------------------------------------------------------

main() {
    refuse_foreign
    parts='packages account places kernel services'
    if [ "$TOOLKIT_ACTION" = remove ]; then parts='services kernel places packages account'; fi
    for one in $parts; do
        if [ "$TOOLKIT_PART" = all ] || [ "$TOOLKIT_PART" = "$one" ]; then
            say "part: $one"
            "${TOOLKIT_ACTION}_$one${TOOLKIT_CONTAINER:+_docker}"
        fi
    done
    say end
}

main
