#!/bin/sh
# systemd.sh — PostgreSQL as a unit of systemd, which starts it at boot; after a crash the scheduler does.
#
# Runs on:   the node, as the PostgreSQL owner, sourced by native.sh.
# Knows:     TOOLKIT_SERVICE (postgresql@15-main.service)
# Succeeds:  defines functions only. sudoers has to allow `systemctl start` and `stop` of the unit.
# Retry:     nothing to retry.
# Prints:    nothing by itself.

# The one place where a hook asks for root: systemd starts and stops units for nobody else.
systemd() {
    if [ "$(id -u)" = 0 ]; then
        systemctl "$@" -- "$TOOLKIT_SERVICE" >&2
    else
        sudo --non-interactive systemctl "$@" -- "$TOOLKIT_SERVICE" >&2
    fi
}

launch() {
    systemd start || {
        show_log
        fail "systemd did not start $TOOLKIT_SERVICE: look at journalctl --unit=$TOOLKIT_SERVICE, and at sudoers"
    }
}

has_given_up() {
    case $(systemctl is-active -- "$TOOLKIT_SERVICE") in
        active | activating | reloading) return 1 ;;
    esac
}

show_log() { journalctl --unit="$TOOLKIT_SERVICE" --lines=20 --no-pager >&2 || :; }

# systemd first: a unit with a Restart= of its own would start again a server that ends by itself.
ask_to_stop() {
    if [ "$1" != smart ]; then keep_down; fi
    if [ "$1" != fast ]; then "$PG_BINDIR/pg_ctl" stop --pgdata="$PGDATA" --mode="$1" --no-wait >&2; fi
}

keep_down() { systemd stop --no-block; }
