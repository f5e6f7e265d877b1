#!/bin/sh
# services.sh — the part of machine.sh that looks after units: PostgreSQL starts when the scheduler, or
# a unit of ours, says so.
#
# Runs on:   the node's machine, as root, read from standard input ahead of machine.sh.
# Knows:     TOOLKIT_CLUSTER TOOLKIT_SERVICE TOOLKIT_OWNER UNIT UNIT_PATH DROPIN DROPIN_PATH, and the words
#            of machine.sh.
# Succeeds:  defines functions only.
# Retry:     nothing to retry.
# Prints:    nothing by itself.

: "${header:=}" "${changed:=0}"

start_conf=/etc/postgresql/$TOOLKIT_SERVICE/start.conf
was_auto="# toolkit $TOOLKIT_CLUSTER: was auto"
logind=/etc/systemd/logind.conf.d/toolkit-$TOOLKIT_CLUSTER.conf

has_systemd() { [ -d /run/systemd/system ]; }

unit_file() { # UNIT; prints the file of a unit that is not ours
    for place in /etc/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
        for name in "$1" "${1%%@*}@.service"; do
            if [ -f "$place/$name" ] && ! is_free "$place/$name"; then
                say "$place/$name"
                return 0
            fi
        done
    done
}

prepare_services() {
    case $TOOLKIT_SERVICE in
        *.service) prepare_unit ;;
        */*)
            # Nothing there keeps Debian's script from starting a half-rewound server at boot.
            if [ -f "$start_conf" ] && grep -qx 'auto' "$start_conf"; then
                run sed -i "s/^auto\$/manual $was_auto/" "$start_conf"
            fi
            ;;
    esac
    # The end of an SSH session would take the shared memory of a user who is none of the system's.
    if has_owner && [ "$(id -u "$TOOLKIT_OWNER")" -gt 999 ] && has_systemd; then
        changed=0
        put "$logind" 644 "$header
[Login]
RemoveIPC=no
"
        if [ "$changed" = 1 ]; then run systemctl restart systemd-logind.service; fi
    fi
}

# Debian's postgresql@.service starts clusters that pg_createcluster has made, and no other: where there
# is none, a unit of ours by that name stands above it.
starts_nothing() { # FILE
    case $TOOLKIT_SERVICE in postgresql@*-*.service) ;; *) return 1 ;; esac
    instance=${TOOLKIT_SERVICE#postgresql@}
    instance=${instance%.service}
    [ "${1##*/}" = postgresql@.service ] && grep -q pg_ctlcluster "$1" &&
        [ ! -e "/etc/postgresql/${instance%%-*}/${instance#*-}/postgresql.conf" ]
}

# It is not enabled, nor is one of yours disabled: whatever starts the server, it comes up locked.
prepare_unit() {
    changed=0
    theirs=$(unit_file "$TOOLKIT_SERVICE")
    if [ -n "$theirs" ] && ! starts_nothing "$theirs"; then
        put "$DROPIN_PATH" 644 "$DROPIN"
    else
        put "$UNIT_PATH" 644 "$UNIT"
    fi
    has_systemd || return 0
    if [ "$changed" = 1 ] || [ "$(systemctl show --property=NeedDaemonReload --value -- "$TOOLKIT_SERVICE")" = yes ]; then
        run systemctl daemon-reload
    fi
}

remove_services() {
    if [ -e "$logind" ]; then
        discard "$logind"
        if has_systemd; then run systemctl restart systemd-logind.service; fi
    fi
    if [ -f "$start_conf" ] && grep -qx "manual $was_auto" "$start_conf"; then
        run sed -i "s/^manual $was_auto\$/auto/" "$start_conf"
    fi
    changed=0
    case $TOOLKIT_SERVICE in *.service) ;; *) return 0 ;; esac
    discard "$DROPIN_PATH"
    if [ -d "${DROPIN_PATH%/*}" ]; then run rmdir --ignore-fail-on-non-empty -- "${DROPIN_PATH%/*}"; fi
    if [ -e "$UNIT_PATH" ] && is_free "$UNIT_PATH"; then
        # You may have enabled it; the link would lead nowhere.
        for link in "${UNIT_PATH%/*}"/*.wants/"$TOOLKIT_SERVICE" "${UNIT_PATH%/*}"/*.requires/"$TOOLKIT_SERVICE"; do
            if [ "$(readlink -- "$link")" = "$UNIT_PATH" ]; then run rm -f -- "$link"; fi
        done
        discard "$UNIT_PATH"
    fi
    if [ "$changed" = 1 ] && has_systemd; then
        run systemctl daemon-reload
        # One that ended by a kill would be listed as failed until the next boot.
        if systemctl is-failed --quiet -- "$TOOLKIT_SERVICE"; then run systemctl reset-failed -- "$TOOLKIT_SERVICE"; fi
    fi
}
